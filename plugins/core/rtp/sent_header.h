// SPDX-License-Identifier: LGPL-2.1-or-later
// The header of packets that are sent in large numbers, written in place and without allocation:
// the fixed part, extensions in the short form, and what differs in a repetition.
#pragma once

#include "core/rtp/packet.h"

#include <cstdint>
#include <span>

namespace penstock::rtp {

struct SentHeader {
    bool padding = false, marker = false;
    uint8_t payload_type = 0;
    uint16_t sequence = 0;
    uint32_t timestamp = 0, ssrc = 0;
};

inline void put16(std::span<uint8_t> out, uint16_t value) {
    out[0] = static_cast<uint8_t>(value >> 8);
    out[1] = static_cast<uint8_t>(value);
}
inline void put32(std::span<uint8_t> out, uint32_t value) {
    put16(out, static_cast<uint16_t>(value >> 16));
    put16(out.subspan(2), static_cast<uint16_t>(value));
}

/// Writes the fixed header, fixed_header_size bytes, for which `out` has room.
inline void write_fixed(const SentHeader &header, std::span<uint8_t> out) {
    out[0] = static_cast<uint8_t>(0x80 | (header.padding ? 0x20 : 0));
    out[1] = static_cast<uint8_t>((header.payload_type & 0x7F) | (header.marker ? 0x80 : 0));
    put16(out.subspan(2), header.sequence);
    put32(out.subspan(4), header.timestamp);
    put32(out.subspan(8), header.ssrc);
}

/// Makes the header of a repetition of that of the original (RFC 4588): its timestamp, its marker
/// and its extensions stay.
inline void make_repetition(std::span<uint8_t> header, uint8_t payload_type, uint16_t sequence,
                            uint32_t ssrc) {
    header[1] = static_cast<uint8_t>((header[1] & 0x80) | (payload_type & 0x7F));
    put16(header.subspan(2), sequence);
    put32(header.subspan(8), ssrc);
}

/// Puts elements of the one-byte form (RFC 8285) behind a fixed header.
class ShortExtensions {
public:
    /// `out`: the whole header, with room for all that is added.
    explicit ShortExtensions(std::span<uint8_t> out) : out_(out) {}
    /// Place for an element of 1 to 16 bytes. `id`: 1 to 14.
    std::span<uint8_t> add(uint8_t id, size_t size) {
        out_[end_] = static_cast<uint8_t>(id << 4 | (size - 1));
        const std::span<uint8_t> element = out_.subspan(end_ + 1, size);
        end_ += 1 + size;
        return element;
    }
    /// Completes the header, and returns its size.
    size_t finish() {
        if (end_ == begin) return fixed_header_size;
        while (end_ % 4 != 0)
            out_[end_++] = 0;
        out_[0] |= 0x10;
        put16(out_.subspan(fixed_header_size), 0xBEDE);
        put16(out_.subspan(fixed_header_size + 2), static_cast<uint16_t>((end_ - begin) / 4));
        return end_;
    }

private:
    static constexpr size_t begin = fixed_header_size + 4;
    const std::span<uint8_t> out_;
    size_t end_ = begin;
};

} // namespace penstock::rtp
