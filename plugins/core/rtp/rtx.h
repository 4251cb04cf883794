// SPDX-License-Identifier: LGPL-2.1-or-later
// Retransmissions on an SSRC of their own: their payload begins with the original sequence number.
// RFC 4588, 4.
#pragma once

#include "core/rtp/packet.h"

namespace penstock::rtp {

inline constexpr size_t original_sequence_size = 2; ///< bytes

/// Makes the packet that was lost of a retransmission: its payload type and SSRC are given, its
/// payload is a view into that of `rtx`. False if there is none, as in a packet that is only a
/// probe.
bool unwrap_rtx(const Packet &rtx, uint8_t payload_type, uint32_t ssrc, Packet &original);

/// Appends `original` as a retransmission with the given payload type, SSRC and sequence number.
/// False, with nothing appended, where write() of packet.h is. Padding is not repeated.
bool write_rtx(const Packet &original, uint8_t payload_type, uint32_t ssrc, uint16_t sequence,
               Writer &out);

} // namespace penstock::rtp
