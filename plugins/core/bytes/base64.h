// SPDX-License-Identifier: LGPL-2.1-or-later
// Base64 with the standard alphabet. RFC 4648, section 4.
#pragma once

#include "core/bytes/bytes.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

inline constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding.
inline std::string to_base64(ByteView bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t left = bytes.size() - i;
        const uint32_t three = uint32_t(bytes[i]) << 16 |
                               (left > 1 ? uint32_t(bytes[i + 1]) << 8 : 0) |
                               (left > 2 ? uint32_t(bytes[i + 2]) : 0);
        out += base64_alphabet[three >> 18];
        out += base64_alphabet[three >> 12 & 63];
        out += left > 1 ? base64_alphabet[three >> 6 & 63] : '=';
        out += left > 2 ? base64_alphabet[three & 63] : '=';
    }
    return out;
}

inline std::string to_base64(std::string_view text) {
    return to_base64(ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
}

/// Decodes until a character that is not of the alphabet, which is padding, usually.
inline std::vector<uint8_t> from_base64(std::string_view text) {
    std::vector<uint8_t> out;
    out.reserve(text.size() / 4 * 3);
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const size_t value = base64_alphabet.find(c);
        if (value == std::string_view::npos) break;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<uint8_t>(bits >> count));
    }
    return out;
}

} // namespace penstock
