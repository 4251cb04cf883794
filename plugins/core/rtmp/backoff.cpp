// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/backoff.h"

#include <algorithm>

namespace penstock::rtmp {

uint64_t Backoff::next(bool refused, double random) {
    ++failures_;
    if (refused) ++refusals_;
    const unsigned doublings = (refused ? refusals_ : failures_) - 1;
    const uint64_t first = refused ? limits_.refused : limits_.first;
    const uint64_t most = std::max(refused ? limits_.refused_most : limits_.most, first);
    const uint64_t delay = doublings < 32 ? std::min(first << doublings, most) : most;
    return delay - static_cast<uint64_t>(static_cast<double>(delay) * 0.25 * random);
}

} // namespace penstock::rtmp
