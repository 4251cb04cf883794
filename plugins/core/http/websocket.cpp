// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http/websocket.h"

#include <algorithm>
#include <string>

namespace penstock::http {
namespace {

constexpr uint8_t final_bit = 0x80, reserved_bits = 0x70, mask_bit = 0x80;

/// Whether a close code may be sent on the wire.
bool is_close_code(uint16_t code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

} // namespace

std::vector<uint8_t> control_frame(Opcode opcode, ByteView payload) {
    payload = payload.first(std::min(payload.size(), max_control_payload));
    std::vector<uint8_t> frame(2 + payload.size());
    frame[0] = uint8_t(final_bit | uint8_t(opcode));
    frame[1] = uint8_t(payload.size());
    std::copy(payload.begin(), payload.end(), frame.begin() + 2);
    return frame;
}

std::vector<uint8_t> close_frame(uint16_t code, std::string_view reason) {
    std::vector<uint8_t> payload(2 + reason.size());
    payload[0] = uint8_t(code >> 8);
    payload[1] = uint8_t(code);
    std::copy(reason.begin(), reason.end(), payload.begin() + 2);
    return control_frame(Opcode::close, payload);
}

size_t FrameReader::head_needed() const {
    if (head_size_ < 2) return 2;
    const uint8_t length = head_[1] & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

/// Evaluates the complete frame header.
Result FrameReader::begin_frame() {
    const uint8_t first = head_[0], length = head_[1] & 0x7f;
    const bool is_final = first & final_bit;
    opcode_ = first & 0x0f;
    if (opcode_ > 10 || (opcode_ > 2 && opcode_ < 8))
        return Result::error("WebSocket: unknown opcode " + std::to_string(opcode_));
    const size_t length_size = length == 126 ? 2 : length == 127 ? 8 : 0;
    left_ = length_size == 0 ? length : 0;
    for (size_t i = 0; i < length_size; ++i)
        left_ = left_ << 8 | head_[2 + i];
    if ((length_size == 2 && left_ < 126) || (length_size == 8 && left_ <= 0xFFFF))
        return Result::error("WebSocket: a length in more bytes than it needs");
    in_payload_ = true;
    control_size_ = 0;
    if (is_control()) {
        if (!is_final) return Result::error("WebSocket: a control frame in pieces");
        if (left_ > max_control_payload)
            return Result::error("WebSocket: a control frame of more than 125 bytes");
        return Result::ok();
    }
    const bool continues = Opcode(opcode_) == Opcode::continuation;
    if (continues != in_message_)
        return Result::error(continues ? "WebSocket: a continuation of nothing"
                                       : "WebSocket: a message inside another");
    if (!continues) message_ = 0;
    in_message_ = !is_final;
    if (left_ > max_message - message_)
        return Result::error("WebSocket: a message of more than " + std::to_string(max_message) +
                             " bytes");
    message_ += left_;
    return Result::ok();
}

Result FrameReader::end_control(Handler &handler) {
    const ByteView payload(control_.data(), control_size_);
    if (Opcode(opcode_) == Opcode::ping) handler.on_ping(payload);
    if (Opcode(opcode_) != Opcode::close) return Result::ok();
    uint16_t code = 0;
    if (payload.size() >= 2) code = uint16_t(payload[0] << 8 | payload[1]);
    if (payload.size() == 1 || (code != 0 && !is_close_code(code)) ||
        (payload.size() >= 2 && code == 0))
        return Result::error("WebSocket: a close frame without a legal code");
    closed_ = true;
    handler.on_close(code);
    return Result::ok();
}

Result FrameReader::feed(ByteView input, Handler &handler) {
    while (!closed_) {
        if (!in_payload_) {
            const size_t take = std::min(head_needed() - head_size_, input.size());
            std::copy_n(input.begin(), take, head_.begin() + head_size_);
            head_size_ = uint8_t(head_size_ + take);
            input = input.subspan(take);
            if (head_size_ >= 1 && (head_[0] & reserved_bits))
                return Result::error("WebSocket: an extension that was not agreed upon");
            if (head_size_ >= 2 && !(head_[1] & mask_bit))
                return Result::error("WebSocket: a client's frame without a mask");
            if (head_size_ < head_needed()) {
                if (input.empty()) return Result::need_more();
                continue;
            }
            if (const Result begun = begin_frame(); begun.is_error()) return begun;
        }
        const size_t take = size_t(std::min<uint64_t>(left_, input.size()));
        if (is_control()) {
            const uint8_t *mask = head_.data() + head_needed() - 4;
            for (size_t i = 0; i < take; ++i, ++control_size_)
                control_[control_size_] = input[i] ^ mask[control_size_ % 4];
        }
        input = input.subspan(take);
        left_ -= take;
        if (left_ > 0) return Result::need_more();
        in_payload_ = false;
        head_size_ = 0;
        if (is_control())
            if (const Result ended = end_control(handler); ended.is_error()) return ended;
    }
    return Result::ok();
}

} // namespace penstock::http
