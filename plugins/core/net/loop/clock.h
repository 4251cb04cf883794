// SPDX-License-Identifier: LGPL-2.1-or-later
// Clocks: steady for deadlines and timers, wall clock for display.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace penstock::net {

/// The clock of every deadline and timer here: std::chrono::steady_clock, but tests can hold it
/// (held_clock.h).
struct Clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept;
};

using Timer = boost::asio::basic_waitable_timer<Clock>;

/// The clock's time in ns and ms.
inline uint64_t steady_ns() {
    return static_cast<uint64_t>(Clock::now().time_since_epoch().count());
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

/// A length of time for people, rounded: "30 s", "1.5 s" (below 10 s), "40 ms" (below 0.1 s).
inline std::string time_text(uint64_t ms) {
    if (ms > 0 && ms < 100) return std::to_string(ms) + " ms";
    const uint64_t tenths = (ms + 50) / 100;
    if (tenths % 10 == 0 || tenths >= 100) return std::to_string((ms + 500) / 1000) + " s";
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

/// Nanoseconds in milliseconds, rounded up: a limit that is not 0 does not become 0.
inline uint64_t ms_of(uint64_t ns) {
    return ns / 1'000'000 + (ns % 1'000'000 != 0);
}

} // namespace penstock::net
