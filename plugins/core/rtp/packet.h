// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets: a view of one that came in, and the writer of one that goes out. RFC 3550, 5.1.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/bytes/writer.h"

#include <cstdint>
#include <optional>
#include <span>

namespace penstock::rtp {

/// Bytes of a header without CSRCs and extension.
inline constexpr size_t fixed_header_size = 12;
/// CSRCs of a packet.
inline constexpr size_t max_csrcs = 15;

/// The header extension (5.3.1). Its elements are read and written by extensions.h.
struct HeaderExtension {
    uint16_t profile = 0;
    ByteView data; ///< a multiple of 4 bytes
};

/// One packet. The views refer to memory of the caller.
struct Packet {
    bool marker = false;
    uint8_t payload_type = 0; ///< 7 bits
    uint16_t sequence = 0;
    uint32_t timestamp = 0; ///< ticks of the payload's clock
    uint32_t ssrc = 0;
    ByteView csrcs; ///< 4 bytes each
    std::optional<HeaderExtension> extension;
    ByteView payload;
    uint8_t padding = 0; ///< bytes after the payload, their count included

    size_t csrc_count() const { return csrcs.size() / 4; }
    /// `index` is below csrc_count().
    uint32_t csrc(size_t index) const;
};

/// Whether a datagram of RTP and RTCP on one port is RTCP (RFC 5761, 4).
constexpr bool is_rtcp(ByteView datagram) {
    return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

/// Parses a whole datagram; `packet` refers to it. Errors: another version, a length that is beyond
/// the end. A packet that is padding only has an empty payload.
Result parse(ByteView datagram, Packet &packet);

/// Bytes of the header with CSRCs and extension.
size_t header_size(const Packet &packet);
/// Writes header, CSRCs and extension to the beginning of `out` and returns their size; 0 if `out`
/// is too small, there are too many CSRCs or the extension's size is not a multiple of 4.
size_t write_header(const Packet &packet, std::span<uint8_t> out);
/// Appends the whole packet. False, with nothing appended, where write_header() returns 0.
bool write(const Packet &packet, Writer &out);

} // namespace penstock::rtp
