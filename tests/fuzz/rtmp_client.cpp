// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a server of an RTMP client session. Laws: cutting the input changes neither events
// nor the result; tags are framed as FLV; a publisher gets no media; no error names the key.
#include "core/rtmp/client_session.h"
#include "core/rtmp/client_url.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace penstock;

namespace {

constexpr const char *key = "the-key-that-nobody-sees";

class Peer : public rtmp::ClientSession::Handler {
public:
    explicit Peer(bool publish)
        : publish_(publish), session_(*this, {publish, "app", "rtmp://h/app", key}, limits()) {}

    void on_started() override { events_ += 'S'; }
    void on_tag(flv::Tag &&tag) override {
        fuzz::law(!publish_, "a publisher gets no media");
        fuzz::law(tag.bytes.size() > flv::header_size + flv::trailer_size, "a tag has a body");
        events_ += 'T' + std::to_string(tag.timestamp) + ':' + std::to_string(tag.bytes.size());
        if (tag.type == flv::TagType::script) rtmp::publisher_metadata(tag.body_view());
    }
    void on_warning(const std::string &text) override { events_ += 'W' + text; }

    void feed(ByteView input) {
        if (!error_.empty()) return;
        const Result result = session_.feed(input);
        error_ = result.reason();
        fuzz::law(error_.find(key) == error_.npos, "no error names the key");
        fuzz::law(result.is_error() == (session_.end() != rtmp::ClientEnd::none),
                  "an error has a kind");
        session_.take_output();
    }
    void finish() {
        session_.finish();
        session_.take_output();
    }
    // The bound on answers that nobody takes counts between reads, so it depends on the pieces.
    bool same(const Peer &other) const {
        return events_ == other.events_ &&
               (error_ == other.error_ || is_unread(error_) || is_unread(other.error_));
    }

private:
    static bool is_unread(const std::string &error) {
        return error.find("does not read") != std::string::npos;
    }
    static rtmp::Limits limits() {
        rtmp::Limits limits;
        limits.max_message_size = 100'000;
        limits.max_in_flight = 150'000;
        limits.max_chunk_streams = 8;
        return limits;
    }
    const bool publish_;
    std::string events_, error_;
    rtmp::ClientSession session_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView input(data, size);
    // The last byte decides what the client wants and how the input is cut.
    const uint8_t choice = size ? data[size - 1] : 0;
    Peer whole(choice & 1), parts(choice & 1);
    whole.feed(input);
    for (size_t at = 0, step = 1 + choice % 61; at < size; at += step, step = step * 5 % 257 + 1)
        parts.feed(input.subspan(at, std::min(step, size - at)));
    whole.finish();
    parts.finish();
    fuzz::law(whole.same(parts), "cutting the input changes nothing");
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::string error;
    rtmp::parse_client_url(text, choice & 2 ? "key" : "", true, &error);
    return 0;
}
