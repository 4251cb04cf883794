// SPDX-License-Identifier: LGPL-2.1-or-later
// Sums of timestamps that come from a sender and may be anything.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::timing {

/// ns; 73 years, more than any time since 1970.
inline constexpr int64_t time_limit = int64_t(1) << 61;

inline int64_t bounded(int64_t time) {
    return std::clamp(time, -time_limit, time_limit);
}
/// The sum, between the limits. Can't overflow.
inline int64_t add(int64_t a, int64_t b) {
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return a > 0 ? time_limit : -time_limit;
    return bounded(sum);
}

} // namespace penstock::timing
