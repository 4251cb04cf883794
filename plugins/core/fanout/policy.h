// SPDX-License-Identifier: LGPL-2.1-or-later
// How a stream treats its viewers.
#pragma once

#include <cstdint>

namespace penstock::fanout {

/// Where a viewer joins a stream.
enum class Join : uint8_t {
    burst,        ///< at the cached GOP: immediate video, up to a GOP behind the live edge
    fast_forward, ///< at the cached GOP, folded into its last milliseconds: immediate, at the edge
    keyframe,     ///< at the next keyframe, which is the live edge
    live,         ///< at the next packet: video may be broken until the next keyframe
};

/// The treatment of a viewer that falls out of the ring.
enum class Slow : uint8_t {
    skip, ///< continues at the newest keyframe
    close,
};

struct Policy {
    double send_rate = 25'000;           ///< writes per second of each loop, for all its streams
    uint64_t coalesce_max = 350'000'000; ///< ns; the longest time that a packet is held back
    Join join = Join::burst;
    Slow slow = Slow::skip;
    /// Nanoseconds. A viewer that takes no whole packet for this long, though there are some for
    /// it, is closed; checked once a second. 0: never.
    uint64_t stall_timeout = 30'000'000'000;
};

} // namespace penstock::fanout
