// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes from a WebSocket client. Laws: cutting the input changes neither events nor the result;
// payloads are within bounds; nothing is reported after a close.
#include "core/http/websocket.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

using namespace penstock;

namespace {

class Peer final : http::FrameReader::Handler {
public:
    void feed(ByteView input) {
        if (error_.empty()) error_ = reader_.feed(input, *this).reason();
    }
    bool same(const Peer &other) const {
        return events_ == other.events_ && error_ == other.error_;
    }

private:
    void on_ping(ByteView payload) override {
        fuzz::law(!closed_, "nothing is heard behind a close");
        fuzz::law(payload.size() <= http::max_control_payload, "a ping is short");
        const auto pong = http::control_frame(http::Opcode::pong, payload);
        fuzz::law(pong.size() == 2 + payload.size(), "a pong has what the ping had");
        events_ += 'P' + std::string(payload.begin(), payload.end());
    }
    void on_close(uint16_t code) override {
        fuzz::law(!closed_, "closed once");
        fuzz::law(code == 0 || (code >= 1000 && code < 5000), "a code may be sent back");
        closed_ = true;
        events_ += 'C' + std::to_string(code);
    }
    http::FrameReader reader_;
    std::string events_, error_;
    bool closed_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView input(data, size);
    Peer whole, parts;
    whole.feed(input);
    const size_t choice = size ? data[size - 1] : 0;
    for (size_t at = 0, step = 1 + choice % 61; at < size; at += step, step = step * 5 % 257 + 1)
        parts.feed(input.subspan(at, std::min(step, size - at)));
    fuzz::law(whole.same(parts), "cutting the input changes nothing");
    return 0;
}
