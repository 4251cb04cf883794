// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether the kernel considers this machine's clock synchronised by NTP or PTP.
#pragma once

#include <cstdint>
#include <optional>

struct timex;

namespace penstock::delay {

struct ClockState {
    /// nullopt: unknown (some containers forbid the system call).
    std::optional<bool> is_synchronised;
    int64_t estimated_error = 0; ///< ns; estimate of the synchronising daemon
    int64_t maximum_error = 0;   ///< ns; grows while the clock is not being set
};

/// Reads the kernel's state; changes nothing.
ClockState clock_state();
/// Interprets the result of adjtimex(2); `returned` is its return value, -1 on failure.
ClockState clock_state(int returned, const timex &kernel);

} // namespace penstock::delay
