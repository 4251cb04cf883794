// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides which packets of a peer usrsctp sees: those of the chunks that a WebRTC peer has a use
// for, in the numbers that it has a use for. Not thread-safe.
#pragma once

#include "core/bytes/bytes.h"

#include <cstdint>

namespace penstock::sctp {

/// The common header (RFC 9260, section 3.1), and that of a chunk.
inline constexpr size_t header_size = 12, chunk_header_size = 4;

class Guard {
public:
    /// Packets of a second, on average, and at once. 1100 bytes each are more than 2 MB/s.
    static constexpr unsigned max_rate = 2000, max_burst = 1000;
    /// Chunks of a packet, and those among them that are no DATA.
    static constexpr unsigned max_chunks = 64, max_control_chunks = 8;
    /// Gaps and duplicates that acknowledgements in a packet name: for each, usrsctp may look
    /// through all that was sent.
    static constexpr unsigned max_gaps = 64;
    /// INITs of an association, which may come until it is established: a peer of WebRTC does not
    /// begin again.
    static constexpr unsigned max_inits = 16;

    /// The ports that packets have: those of the peer, and of this side.
    Guard(uint16_t source, uint16_t destination) : source_(source), destination_(destination) {}
    bool admits(ByteView packet, uint64_t now_ms);
    /// No INIT is admitted from now on.
    void on_established() { is_established_ = true; }

private:
    bool has_room(uint64_t now_ms);
    bool is_sound(ByteView packet);

    const uint16_t source_, destination_;
    bool is_established_ = false;
    unsigned inits_ = 0;
    uint64_t tokens_ = uint64_t(max_burst) * 1000; ///< thousandths of packets that may come now
    uint64_t tokens_at_ms_ = 0;
};

} // namespace penstock::sctp
