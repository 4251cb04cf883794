// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace load {
namespace {

constexpr size_t longest_head = 16 << 10;
constexpr uint64_t endless = UINT64_MAX;

enum Opcode : uint8_t { opcode_close = 8, opcode_ping = 9 };

/// The size of a WebSocket frame's header, as far as the received bytes tell.
size_t frame_header_size(const std::string &have) {
    if (have.size() < 2) return 2;
    const uint8_t size = have[1] & 0x7f;
    return size == 126 ? 4 : size == 127 ? 10 : 2;
}

} // namespace

bool FlvReader::feed(const uint8_t *data, size_t size, TagSink &sink) {
    const uint8_t *end = data + size;
    while (data < end) {
        if (!in_body_) {
            const auto take = std::min<size_t>(head_wanted_ - head_have_, size_t(end - data));
            std::copy_n(data, take, head_ + head_have_);
            data += take;
            if ((head_have_ += take) < head_wanted_) continue;
            head_have_ = 0;
            if (head_wanted_ == 13) {
                if (std::memcmp(head_, "FLV", 3)) return false;
                head_wanted_ = 11;
                continue;
            }
            body_size_ = get(head_ + 1, 3) + 4;
            body_have_ = 0;
            in_body_ = true;
        } else {
            const auto take = std::min<size_t>(body_size_ - body_have_, size_t(end - data));
            if (body_have_ < sizeof body_)
                std::copy_n(data, std::min(take, sizeof body_ - body_have_), body_ + body_have_);
            data += take;
            if ((body_have_ += take) < body_size_) continue;
            in_body_ = false;
            const auto type = TagType(head_[0] & 0x1f);
            if (type != TagType::audio && type != TagType::video && type != TagType::script)
                return false;
            sink.tag(type, body_, std::min(sizeof body_, body_size_ - 4));
        }
    }
    return true;
}

HttpSession::HttpSession(Framing framing, std::string address, std::string path)
    : framing_(framing), address_(std::move(address)), path_(std::move(path)),
      state_(framing == Framing::bare ? State::body : State::response),
      endless_(framing == Framing::bare), left_(framing == Framing::bare ? endless : 0) {
}

bool HttpSession::fail(std::string why) {
    error_ = std::move(why);
    return false;
}

void HttpSession::start(Buffer &out) {
    if (framing_ == Framing::bare) return;
    out += "GET " + path_ + " HTTP/1.1\r\nHost: " + address_ + "\r\nUser-Agent: penstock-load\r\n";
    if (framing_ == Framing::websocket)
        out += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: cGVuc3RvY2stZmFub3V0LQ==\r\n";
    out += "\r\n";
}

bool HttpSession::feed(const uint8_t *data, size_t size, Buffer &out, TagSink &sink) {
    const uint8_t *end = data + size;
    while (data < end) {
        bool good = true;
        switch (state_) {
        case State::response:
            good = take_response(data, end);
            break;
        case State::chunk_line:
        case State::chunk_end:
            good = take_chunk_line(data, end);
            break;
        case State::frame_header:
            good = take_frame_header(data, end);
            break;
        case State::control:
            good = take_control(data, end, out);
            break;
        case State::body:
            good = take_body(data, end, sink);
            break;
        }
        if (!good) return false;
    }
    return true;
}

bool HttpSession::take_response(const uint8_t *&data, const uint8_t *end) {
    while (data < end && !text_.ends_with("\r\n\r\n")) {
        text_.push_back(char(*data++));
        if (text_.size() > longest_head) return fail("the response has no end");
    }
    if (!text_.ends_with("\r\n\r\n")) return true;
    const std::string_view wanted = framing_ == Framing::websocket ? " 101 " : " 200 ";
    if (!text_.starts_with("HTTP/1.") || std::string_view(text_).substr(8, 5) != wanted)
        return fail("the server answers: " + text_.substr(0, text_.find("\r\n")));
    std::ranges::transform(text_, text_.begin(), [](unsigned char c) { return std::tolower(c); });
    const bool chunked = text_.find("\r\ntransfer-encoding: chunked") != text_.npos;
    text_.clear();
    endless_ = framing_ == Framing::http && !chunked;
    left_ = endless_ ? endless : 0;
    state_ = endless_                         ? State::body
             : framing_ == Framing::websocket ? State::frame_header
                                              : State::chunk_line;
    return true;
}

bool HttpSession::take_chunk_line(const uint8_t *&data, const uint8_t *end) {
    while (data < end && !text_.ends_with("\r\n")) {
        text_.push_back(char(*data++));
        if (text_.size() > 256) return fail("a chunk has no size");
    }
    if (!text_.ends_with("\r\n")) return true;
    if (state_ == State::chunk_end) {
        if (text_.size() != 2) return fail("a chunk is longer than it says");
        state_ = State::chunk_line;
    } else {
        if (std::from_chars(text_.data(), text_.data() + text_.size(), left_, 16).ec != std::errc())
            return fail("a chunk has no size");
        if (left_ == 0) return fail("the server ends the stream");
        state_ = State::body;
    }
    text_.clear();
    return true;
}

bool HttpSession::take_frame_header(const uint8_t *&data, const uint8_t *end) {
    while (data < end && text_.size() < frame_header_size(text_))
        text_.push_back(char(*data++));
    const size_t size = frame_header_size(text_);
    if (text_.size() < size) return true;
    const auto *header = reinterpret_cast<const uint8_t *>(text_.data());
    if (header[1] & 0x80) return fail("the server masks what it sends");
    left_ = header[1];
    if (size > 2) {
        left_ = 0;
        for (size_t i = 2; i < size; ++i)
            left_ = left_ << 8 | header[i];
    }
    const uint8_t opcode = header[0] & 0x0f;
    if (opcode == opcode_close) return fail("the server ends the stream");
    if (opcode < opcode_close) {
        text_.clear();
        if (left_) state_ = State::body;
    } else {
        text_.resize(1); // the opcode; the payload follows it
        state_ = State::control;
        if (left_ == 0) {
            text_.clear();
            state_ = State::frame_header;
        }
    }
    return true;
}

bool HttpSession::take_control(const uint8_t *&data, const uint8_t *end, Buffer &out) {
    const auto take = size_t(std::min<uint64_t>(left_, uint64_t(end - data)));
    text_.append(reinterpret_cast<const char *>(data), take);
    data += take;
    if (left_ -= take) return true;
    if ((text_[0] & 0x0f) == opcode_ping) {
        out.push_back(char(0x8a));
        out.push_back(char(0x80 | (text_.size() - 1)));
        out.append(4, 0); // a mask that changes nothing
        out.append(text_, 1);
    }
    text_.clear();
    state_ = State::frame_header;
    return true;
}

bool HttpSession::take_body(const uint8_t *&data, const uint8_t *end, TagSink &sink) {
    const auto take = size_t(std::min<uint64_t>(left_, uint64_t(end - data)));
    if (!flv_.feed(data, take, sink)) return fail("this is no FLV");
    data += take;
    if (endless_ || (left_ -= take)) return true;
    state_ = framing_ == Framing::websocket ? State::frame_header : State::chunk_end;
    return true;
}

} // namespace load
