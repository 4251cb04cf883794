// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts packets of H.264 together to frames as far as counting needs it: whether one is whole, a
// keyframe, and when it was sent. Without payloads, as of packets that are not decrypted, frames
// are whole or not, and no more is known.
#pragma once

#include "../../fanout/load/media.h"

#include "core/rtp/packet.h"
#include "core/rtp/sequence.h"

#include <optional>
#include <vector>

namespace load {

/// RFC 6184 in packetization mode 1. Not thread-safe.
class FrameReader {
public:
    struct Frame {
        bool is_key = false;
        std::optional<Stamp> stamp;
    };

    /// Takes a packet that did not come before, in any order. Returns the frame that it completes.
    /// `is_readable`: its payload is decrypted.
    std::optional<Frame> push(const penstock::rtp::Packet &packet, bool is_readable);
    /// Frames that were given up, because newer ones came.
    uint64_t broken() const { return broken_; }

private:
    static constexpr size_t most_open = 8, ends_kept = 8;
    struct Open {
        uint32_t timestamp = 0;
        int64_t first = 0, last = 0; ///< of the packets that came
        int64_t count = 0;
        bool has_begin = false, has_end = false, has_idr = false, is_done = false;
        std::optional<Stamp> stamp;
    };
    struct Units {
        bool begins = false, has_idr = false;
        std::optional<Stamp> stamp;
    };

    static Units look_at(penstock::ByteView payload);
    static void look_at_unit(penstock::ByteView unit, Units &out);
    Open &find(uint32_t timestamp, int64_t sequence);
    bool is_end(int64_t sequence) const;
    bool is_whole(Open &frame) const;

    penstock::rtp::Unwrapper<uint16_t> sequence_;
    std::vector<Open> open_;    ///< newest last
    std::vector<int64_t> ends_; ///< newest packets with a marker
    uint64_t broken_ = 0;
};

} // namespace load
