// SPDX-License-Identifier: LGPL-2.1-or-later
// AV1's open bitstream units as both directions of its payload format need them. AV1 specification
// 4.10.5 and 5.3.
#pragma once

#include "core/bytes/reader.h"

#include <array>

namespace penstock::rtp::payload {

enum : uint8_t {
    obu_sequence_header = 1,
    obu_temporal_delimiter = 2,
    obu_tile_list = 8,
    obu_padding = 15,
};
inline constexpr uint8_t obu_has_extension = 4, obu_has_size = 2;

/// Units that are not sent over RTP, and ignored if they come.
constexpr bool is_left_out(uint8_t obu_type) {
    return obu_type == obu_temporal_delimiter || obu_type == obu_tile_list ||
           obu_type == obu_padding;
}

/// A number of at most eight bytes, the lowest seven bits first; fails as the reader does, and for
/// a longer one.
inline uint64_t read_leb128(Reader &r) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) {
        const uint8_t byte = r.u8();
        value |= uint64_t(byte & 0x7F) << 7 * i;
        if ((byte & 0x80) == 0) return value;
    }
    r.skip(r.remaining() + 1);
    return 0;
}
constexpr size_t leb128_size(size_t value) {
    size_t size = 1;
    for (; value > 0x7F; value >>= 7)
        ++size;
    return size;
}
/// Calls `put(uint8_t)` with each byte.
template <class Put>
void write_leb128(size_t value, Put &&put) {
    for (; value > 0x7F; value >>= 7)
        put(static_cast<uint8_t>(0x80 | (value & 0x7F)));
    put(static_cast<uint8_t>(value));
}

struct Obu {
    uint8_t type = 0;
    std::array<uint8_t, 2> header{}; ///< as it came
    size_t header_size = 0;          ///< 2 with an extension
    ByteView payload;
};
/// Reads a unit, which extends to the end of the bytes if it has no size. False if it is broken.
inline bool read_obu(Reader &r, Obu &obu) {
    obu.header[0] = r.u8();
    obu.type = obu.header[0] >> 3 & 15;
    obu.header_size = 1;
    if (obu.header[0] & obu_has_extension) obu.header[obu.header_size++] = r.u8();
    const uint64_t size = obu.header[0] & obu_has_size ? read_leb128(r) : r.remaining();
    obu.payload = r.take(static_cast<size_t>(size));
    return (obu.header[0] & 0x80) == 0 && !r.failed();
}

} // namespace penstock::rtp::payload
