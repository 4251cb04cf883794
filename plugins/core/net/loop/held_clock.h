// SPDX-License-Identifier: LGPL-2.1-or-later
// A clock that stands still until a test moves it on, so that timing is tested without waiting.
#pragma once

#include "core/net/loop/clock.h"

namespace penstock::net {

class Loops;

/// Holds Clock for the whole process during its life; there is one at a time. The loops must
/// outlive it.
class HeldClock {
public:
    explicit HeldClock(Loops &loops);
    /// The clock runs again, with the machine's time.
    ~HeldClock();
    HeldClock(const HeldClock &) = delete;
    HeldClock &operator=(const HeldClock &) = delete;

    /// Returns when the timers that became due have run. Must not be called on a loop.
    void advance(std::chrono::nanoseconds by);

private:
    void look_again();

    Loops &loops_;
};

} // namespace penstock::net
