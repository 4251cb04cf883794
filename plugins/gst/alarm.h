// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls a function once at a time of the steady clock, on GStreamer's thread for timers.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <memory>

namespace penstock {

/// Any thread may set or cancel it, but not `ring` itself, nor who holds a lock that `ring` takes:
/// they wait for a ring under way. All timers of the process share one thread, so `ring` must not
/// block.
class Alarm {
public:
    using Steady = std::chrono::steady_clock;

    explicit Alarm(std::function<void()> ring);
    ~Alarm();
    Alarm(const Alarm &) = delete;
    Alarm &operator=(const Alarm &) = delete;

    /// Rings at `when`, and no more when it was set to before.
    void set(Steady::time_point when);
    /// Once this has returned, it does not ring.
    void cancel();
    /// Rings right away, in this thread, if it was set.
    void ring_now();

private:
    struct State;
    struct Timer;
    void disarm();

    const std::shared_ptr<State> state_;
};

} // namespace penstock
