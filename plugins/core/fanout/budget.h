// SPDX-License-Identifier: LGPL-2.1-or-later
// Computes how often each stream of a loop may write to its viewers. A fan-out is limited by the
// number of writes, not by bytes: within the budget every packet is sent at once, beyond it writes
// are coalesced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::fanout {

/// The load of one stream on its loop, and what its settings allow.
struct Demand {
    size_t viewers = 0;
    double packets = 0;    ///< per second
    double send_rate = 0;  ///< writes per second of the loop, shared by all streams
    uint64_t max_wait = 0; ///< ns that a packet may be held back
};

/// Returns for each stream the minimum time in ns between two writes to the same viewer; 0: every
/// packet at once. The budget is shared max-min fairly: a stream that needs less than its share
/// gets what it needs, regardless of the others.
std::vector<uint64_t> share_budget(const std::vector<Demand> &demands);

} // namespace penstock::fanout
