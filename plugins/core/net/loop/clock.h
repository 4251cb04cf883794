// SPDX-License-Identifier: LGPL-2.1-or-later
// Clocks: steady for deadlines, wall clock for display.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

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

/// A length of time for people: "30 s", or "1500 ms" if it is no whole number of seconds.
inline std::string time_text(uint64_t ms) {
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

/// Nanoseconds in milliseconds, rounded up: a limit that is not 0 does not become 0.
inline uint64_t ms_of(uint64_t ns) {
    return ns / 1'000'000 + (ns % 1'000'000 != 0);
}

} // namespace penstock::net
