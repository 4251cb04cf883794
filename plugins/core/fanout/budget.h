// SPDX-License-Identifier: LGPL-2.1-or-later
// How often each stream of a loop may write to its viewers. The number of writes limits a fan-out,
// not the bytes: under the budget every packet leaves at once, over it writes coalesce.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::fanout {

/// The load of one stream on its loop, and what its settings allow.
struct Demand {
    size_t viewers = 0;
    double packets = 0;    ///< packets a second
    double send_rate = 0;  ///< writes a second that the loop has for all streams
    uint64_t max_wait = 0; ///< nanoseconds that a packet may be held back
};

/// Returns for each stream the nanoseconds between two writes to the same viewer; 0: every packet
/// at once. The budget is shared max-min fairly: a stream that needs less than its share gets what
/// it needs, however much the others need.
std::vector<uint64_t> share_budget(const std::vector<Demand> &demands);

} // namespace penstock::fanout
