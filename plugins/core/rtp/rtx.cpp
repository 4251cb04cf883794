// SPDX-License-Identifier: LGPL-2.1-or-later
// Retransmissions, both ways.
#include "core/rtp/rtx.h"

#include "core/bytes/reader.h"

namespace penstock::rtp {

bool unwrap_rtx(const Packet &rtx, uint8_t payload_type, uint32_t ssrc, Packet &original) {
    if (rtx.payload.size() < original_sequence_size) return false;
    original = rtx;
    original.payload_type = payload_type;
    original.ssrc = ssrc;
    original.sequence = Reader(rtx.payload).u16();
    original.payload = rtx.payload.subspan(original_sequence_size);
    original.padding = 0;
    return true;
}

bool write_rtx(const Packet &original, uint8_t payload_type, uint32_t ssrc, uint16_t sequence,
               Writer &out) {
    Packet head = original;
    head.payload_type = payload_type;
    head.ssrc = ssrc;
    head.sequence = sequence;
    head.payload = {};
    head.padding = 0;
    if (!write(head, out)) return false;
    out.u16(original.sequence).bytes(original.payload);
    return true;
}

} // namespace penstock::rtp
