// SPDX-License-Identifier: LGPL-2.1-or-later
// Clocks: steady for deadlines, wall clock for display.
#pragma once

#include <chrono>
#include <cstdint>

namespace penstock::net {

/// Steady clock in ns and ms.
inline uint64_t steady_ns() {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
}
inline uint64_t steady_ms() {
    return steady_ns() / 1'000'000;
}

/// Milliseconds since 1970, for display; may jump.
inline int64_t unix_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace penstock::net
