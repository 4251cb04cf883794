// SPDX-License-Identifier: LGPL-2.1-or-later
// A steady clock's time.
#pragma once

#include <chrono>
#include <cstdint>

namespace penstock::net {

/// Nanoseconds and milliseconds.
inline uint64_t steady_ns() {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
}
inline uint64_t steady_ms() {
    return steady_ns() / 1'000'000;
}

} // namespace penstock::net
