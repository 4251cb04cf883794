// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/tunnel.h"

#include "core/bytes/base64.h"

#include <algorithm>

namespace penstock::rtsp {

Result TunnelDecoder::decode(ByteView text, std::vector<uint8_t> &out) {
    for (const uint8_t byte : text) {
        const char c = static_cast<char>(byte);
        if (c == '\r' || c == '\n' || c == ' ' || c == '\t') continue;
        if (c == '=') {
            count_ = 0; // what is left over of the last character is padding
            continue;
        }
        const size_t value = base64_alphabet.find(c);
        if (value == base64_alphabet.npos)
            return Result::error("a character that is not of base64 in the tunnel's POST");
        bits_ = bits_ << 6 | static_cast<uint32_t>(value);
        count_ += 6;
        if (count_ < 8) continue;
        count_ -= 8;
        out.push_back(static_cast<uint8_t>(bits_ >> count_));
    }
    return Result::ok();
}

std::string tunnel_cookie(const Request &request) {
    const std::string_view cookie = request.headers.get("x-sessioncookie");
    const bool is_legal =
        !cookie.empty() && cookie.size() <= 128 &&
        std::all_of(cookie.begin(), cookie.end(), [](char c) { return c > ' ' && c <= '~'; });
    return is_legal ? std::string(cookie) : std::string();
}

std::string tunnel_answer() {
    return "HTTP/1.0 200 OK\r\n"
           "Connection: close\r\n"
           "Cache-Control: no-store\r\n"
           "Pragma: no-cache\r\n"
           "Content-Type: application/x-rtsp-tunnelled\r\n\r\n";
}

} // namespace penstock::rtsp
