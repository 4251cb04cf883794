// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/clock.h"

#include <sys/timex.h>

namespace penstock::delay {

ClockState clock_state() {
    timex kernel{};
    const int returned = ::adjtimex(&kernel);
    return clock_state(returned, kernel);
}

ClockState clock_state(int returned, const timex &kernel) {
    ClockState out;
    if (returned < 0) return out;
    out.is_synchronised = returned != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0;
    out.estimated_error = int64_t(kernel.esterror) * 1000;
    out.maximum_error = int64_t(kernel.maxerror) * 1000;
    return out;
}

} // namespace penstock::delay
