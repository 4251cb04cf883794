// SPDX-License-Identifier: LGPL-2.1-or-later
// How a stream treats its viewers.
#pragma once

#include <cstdint>

namespace penstock::fanout {

/// What a viewer that joins gets first.
enum class Join : uint8_t {
    burst,        ///< the cached GOP: a picture at once, behind the live edge by up to a GOP
    fast_forward, ///< the cached GOP, folded into its last milliseconds: at once and at the edge
    keyframe,     ///< nothing until the next keyframe, which is the edge
    live,         ///< whatever comes next: the picture may be broken until the next keyframe
};

/// What becomes of a viewer that falls out of the history.
enum class Slow : uint8_t {
    skip, ///< goes on at the newest keyframe
    close,
};

struct Policy {
    double send_rate = 25'000;           ///< writes a second of each loop, for all its streams
    uint64_t coalesce_max = 350'000'000; ///< nanoseconds that a packet waits at most for others
    Join join = Join::burst;
    Slow slow = Slow::skip;
};

} // namespace penstock::fanout
