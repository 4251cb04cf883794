// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes from an HTTP/2 client. The first says whether the greeting stands before the rest, and
// how the rest is cut. Laws: cutting the input changes neither events nor the result; no event
// comes after an error; what is produced at once is bounded, and nothing while something is unsent.
#include "core/http2/session.h"

#include "fuzz/law.h"

#include <algorithm>
#include <map>
#include <string>

using namespace penstock;

namespace {

constexpr uint64_t now_ms = 1000;
/// What a session produces at once, with a frame that exceeds it.
constexpr size_t max_batch = (64 << 10) + (32 << 10);

class Server final : public http2::ServerSession::Handler {
public:
    void feed(ByteView input) {
        if (!error_.empty()) return;
        error_ = session_.receive(input, now_ms).reason();
    }
    bool same(const Server &other) const {
        return events_ == other.events_ && bodies_ == other.bodies_ && error_ == other.error_;
    }
    /// Has all sent, `step` bytes at a time.
    void drain(size_t step) {
        for (;;) {
            const auto &parts = session_.produce();
            size_t size = 0;
            for (const iovec &part : parts)
                size += part.iov_len;
            fuzz::law(size == session_.unsent(), "the list is what is unsent");
            fuzz::law(size <= max_batch, "a batch is bounded");
            if (size == 0) return;
            const size_t sent = std::min(step, size);
            session_.sent(sent);
            fuzz::law(session_.unsent() == size - sent, "nothing comes while something is unsent");
        }
    }

private:
    void on_request(uint32_t stream, http2::Fields fields, bool too_large, bool has_body) override {
        fuzz::law(error_.empty(), "no event after an error");
        const std::string path(fields.path());
        note("request", stream,
             path + fields.get("host") + fields.get("cookie") + (too_large ? " too large" : "") +
                 (has_body ? " body" : ""));
        http2::Head head;
        head.headers = {{"content-type", "text/plain"}};
        switch (path.size() % 5) {
        case 0:
            return session_.answer(stream, head, has_body ? Bytes() : page_);
        case 1:
            head.urgency = 1;
            session_.begin_answer(stream, head);
            return session_.write(stream, page_);
        case 2:
            return session_.reset(stream, http2::Error::http_1_1_required);
        case 3:
            return; // it waits
        default:
            return session_.want_body(stream);
        }
    }
    void on_body(uint32_t stream, ByteView data) override {
        fuzz::law(error_.empty(), "no event after an error");
        bodies_[stream].append(data.begin(), data.end());
    }
    void on_body_end(uint32_t stream) override {
        note("end", stream, {});
        session_.answer(stream, {}, page_);
    }
    void on_closed(uint32_t stream, bool answered) override {
        note(answered ? "answered" : "closed", stream, {});
        session_.answer(stream, {}, page_);
        session_.end(stream);
    }
    void on_room(uint32_t stream, size_t) override {
        if (++rooms_ < 4)
            session_.write(stream, page_);
        else
            session_.end(stream);
    }
    void note(const char *what, uint32_t stream, const std::string &text) {
        events_ += std::string(what) + std::to_string(stream) + text + ";";
    }

    static inline const Bytes page_ = Bytes::copy_of(std::string(40'000, 'x'));
    http2::ServerSession session_{*this, {}, now_ms};
    std::string events_, error_;
    std::map<uint32_t, std::string> bodies_;
    int rooms_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    static const std::string greeting("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33);
    const size_t choice = data[0];
    std::string input(data + 1, data + size);
    if (choice & 1) input.insert(0, greeting);
    const ByteView view(reinterpret_cast<const uint8_t *>(input.data()), input.size());
    Server whole, parts, prompt;
    whole.feed(view);
    for (size_t at = 0, step = 1 + choice / 2 % 61; at < input.size();
         at += step, step = step * 5 % 257 + 1) {
        const ByteView piece = view.subspan(at, std::min(step, input.size() - at));
        parts.feed(piece);
        // One that answers at once; what the client sees of it may differ.
        prompt.feed(piece);
        prompt.drain(1 + choice * 50);
    }
    fuzz::law(whole.same(parts), "cutting the input changes nothing");
    whole.drain(SIZE_MAX);
    parts.drain(1 + choice * 300);
    return 0;
}
