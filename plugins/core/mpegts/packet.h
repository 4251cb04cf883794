// SPDX-License-Identifier: LGPL-2.1-or-later
// The header and the adaptation field of a transport stream packet. ISO/IEC 13818-1 2.4.3.2 to
// 2.4.3.5.
#pragma once

#include "core/mpegts/muxer.h"

#include <optional>

namespace penstock::mpegts {

inline constexpr uint8_t sync_byte = 0x47;
inline constexpr uint16_t null_pid = 0x1FFF, pid_count = 0x2000;

struct Packet {
    uint16_t pid = null_pid;
    bool is_broken = false;   ///< the receiver of the signal could not correct it
    bool starts_unit = false; ///< a PES packet starts in it, or a section
    bool is_scrambled = false;
    bool discontinuity = false; ///< of the counter, and on the PCR's PID of the clock
    uint8_t counter = 0;
    std::optional<uint64_t> pcr; ///< the base; 90 kHz, 33 bits
    ByteView payload;            ///< in the packet; empty: none
};

/// Parses the packet_size bytes at `bytes`, which begin with a sync byte. An adaptation field that
/// does not fit makes a packet without payload that is broken.
inline Packet parse_packet(const uint8_t *bytes) {
    Packet packet;
    packet.is_broken = bytes[1] & 0x80;
    packet.starts_unit = bytes[1] & 0x40;
    packet.pid = static_cast<uint16_t>((bytes[1] & 0x1F) << 8 | bytes[2]);
    packet.is_scrambled = bytes[3] & 0xC0;
    packet.counter = bytes[3] & 0x0F;
    const bool has_field = bytes[3] & 0x20, has_payload = bytes[3] & 0x10;
    size_t at = 4;
    if (has_field) {
        const size_t length = bytes[4];
        at += 1 + length;
        if (at > packet_size || (has_payload && at == packet_size)) {
            packet.is_broken = true;
            return packet;
        }
        if (length > 0) {
            packet.discontinuity = bytes[5] & 0x80;
            if ((bytes[5] & 0x10) && length >= 7)
                packet.pcr = uint64_t(bytes[6]) << 25 | uint64_t(bytes[7]) << 17 |
                             uint64_t(bytes[8]) << 9 | uint64_t(bytes[9]) << 1 | bytes[10] >> 7;
        }
    }
    if (has_payload) packet.payload = ByteView(bytes + at, packet_size - at);
    return packet;
}

} // namespace penstock::mpegts
