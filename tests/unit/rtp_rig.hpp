// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of RTP share: bytes written as hexadecimal digits, and times.
#pragma once

#include "core/bytes/bytes.h"

#include <string_view>

namespace penstock::rtp::rig {

constexpr int64_t millisecond = 1'000'000; // ns
constexpr int64_t second = 1'000'000'000;

/// Spaces between bytes are ignored.
inline std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> bytes;
    unsigned value = 0, digits = 0;
    for (const char c : text) {
        if (c == ' ') continue;
        value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        if (++digits % 2 == 0) bytes.push_back(static_cast<uint8_t>(value));
    }
    return bytes;
}

inline bool equal(ByteView a, ByteView b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace penstock::rtp::rig
