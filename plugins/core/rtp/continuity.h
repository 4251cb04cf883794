// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides for each RTP packet of a track whether it goes on in the sequence or begins a new one.
#pragma once

#include "core/rtp/sequence.h"

namespace penstock::rtp {

/// Where a packet is in the sequence of its source (RFC 3550, A.1).
enum class Continuity {
    next,    ///< within the sequence
    old,     ///< before what may still be used
    suspect, ///< far away, or of another SSRC: a new sequence if others follow it
    restart, ///< begins a new sequence: those that were suspect before it do too
};

/// Tells apart packets that are late, strays, and a source that has started anew. A stray packet of
/// another SSRC or from far away changes nothing: only the second such packet in a row does, or
/// the 128th of a row of old ones. Not thread-safe.
class ContinuityCheck {
public:
    /// Packets that may be missing before one; that may be sent between one and its retransmission.
    static constexpr int32_t most_missing = 3'000, most_late = 1'000;
    static constexpr unsigned restart_far = 2, restart_old = 128;

    /// `expected`: the next sequence number that may be used. Not to be called before the first
    /// packet, which is a restart.
    Continuity check(uint32_t ssrc, uint16_t sequence, uint16_t expected) {
        const int32_t ahead = sequence_distance(expected, sequence);
        const bool same = ssrc == ssrc_;
        if (same && ahead >= 0 && ahead < most_missing) {
            row_ = 0;
            return Continuity::next;
        }
        const bool late = same && ahead < 0 && ahead >= -most_late;
        const int32_t step = sequence_distance(last_, sequence);
        const bool follows = row_ > 0 && ssrc == row_ssrc_ && late == row_late_ && step > 0 &&
                             step <= (late ? 1 : most_skipped);
        row_ = follows ? row_ + 1 : 1;
        row_ssrc_ = ssrc;
        row_late_ = late;
        last_ = sequence;
        if (row_ >= (late ? restart_old : restart_far)) return Continuity::restart;
        return late ? Continuity::old : Continuity::suspect;
    }
    /// The sequence goes on with this source.
    void restart(uint32_t ssrc) {
        ssrc_ = ssrc;
        row_ = 0;
    }

private:
    /// Lost between two suspect packets.
    static constexpr int32_t most_skipped = 16;

    uint32_t ssrc_ = 0, row_ssrc_ = 0;
    unsigned row_ = 0; ///< packets outside the sequence, one behind the other
    uint16_t last_ = 0;
    bool row_late_ = false;
};

} // namespace penstock::rtp
