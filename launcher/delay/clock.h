// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether this machine's clock is kept by NTP or PTP, as the kernel knows it.
#pragma once

#include <cstdint>
#include <optional>

struct timex;

namespace penstock::delay {

struct ClockState {
    /// None: the kernel doesn't say (some containers forbid it to).
    std::optional<bool> is_synchronised;
    int64_t estimated_error = 0; ///< ns; what keeps the clock believes so
    int64_t maximum_error = 0;   ///< ns; it grows as long as the clock isn't set
};

/// Reads; nothing is set.
ClockState clock_state();
/// What adjtimex(2) has returned and filled in says; `returned` is -1 where it failed.
ClockState clock_state(int returned, const timex &kernel);

} // namespace penstock::delay
