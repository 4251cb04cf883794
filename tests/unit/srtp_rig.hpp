// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys and packets for tests of SRTP. Include it before check.hpp.
#pragma once

#include "core/bytes/writer.h"
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"

#include <string>
#include <string_view>
#include <vector>

namespace srtp_test {

using namespace penstock;
using srtp::Profile;
using Packet = std::vector<uint8_t>;

constexpr Profile profiles[] = {Profile::aes128_cm_sha1_80, Profile::aead_aes_128_gcm,
                                Profile::aead_aes_256_gcm};

/// Hexadecimal digits; spaces are ignored.
inline Packet hex(std::string_view digits) {
    Packet out;
    int half = -1;
    for (const char c : digits) {
        if (c == ' ') continue;
        const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (half >= 0) out.push_back(uint8_t(half << 4 | value));
        half = half >= 0 ? -1 : value;
    }
    return out;
}

inline srtp::MasterKey master_key(uint8_t seed = 1) {
    srtp::MasterKey out;
    for (size_t i = 0; i < out.key.bytes.size(); ++i)
        out.key.bytes[i] = uint8_t(seed * 37 + i * 11);
    for (size_t i = 0; i < out.salt.bytes.size(); ++i)
        out.salt.bytes[i] = uint8_t(seed * 53 + i * 7);
    return out;
}

inline Packet rtp_header(uint16_t sequence, uint32_t ssrc = 0x11223344) {
    Writer out;
    out.u8(0x80).u8(96).u16(sequence).u32(90 * sequence).u32(ssrc);
    return out.take();
}

/// With CSRCs and an extension of so many words.
inline Packet rtp_header(uint16_t sequence, uint32_t ssrc, unsigned csrcs, unsigned words) {
    Writer out;
    out.u8(0x90 | csrcs).u8(96).u16(sequence).u32(90 * sequence).u32(ssrc);
    for (unsigned i = 0; i < csrcs; ++i)
        out.u32(0xC0000000 + i);
    out.u16(0xBEDE).u16(words);
    for (unsigned i = 0; i < words; ++i)
        out.u32(0x10AA0000 + i);
    return out.take();
}

inline Packet payload(size_t size, uint8_t seed = 0) {
    Packet out(size);
    for (size_t i = 0; i < size; ++i)
        out[i] = uint8_t(seed + i * 3);
    return out;
}

inline Packet sender_report(uint32_t ssrc = 0x11223344, unsigned words = 6) {
    Writer out;
    out.u8(0x80).u8(200).u16(words).u32(ssrc);
    for (unsigned i = 1; i < words; ++i)
        out.u32(0x01020304 * i);
    return out.take();
}

inline Packet joined(const Packet &first, const Packet &second) {
    Packet out = first;
    out.insert(out.end(), second.begin(), second.end());
    return out;
}

} // namespace srtp_test
