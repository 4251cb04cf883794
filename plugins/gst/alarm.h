// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls a function once at a time of the steady clock, on GStreamer's clock thread.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <memory>

namespace penstock {

/// Any thread may set or cancel it, except from within `ring` or while holding a lock that `ring`
/// takes: both wait for a call in progress. All timers of the process share one thread, so `ring`
/// must not block.
class Alarm {
public:
    using Steady = std::chrono::steady_clock;

    explicit Alarm(std::function<void()> ring);
    ~Alarm();
    Alarm(const Alarm &) = delete;
    Alarm &operator=(const Alarm &) = delete;

    /// Sets it to ring at `when` instead of any earlier setting.
    void set(Steady::time_point when);
    /// The alarm does not ring after this has returned.
    void cancel();
    /// If set, rings at once on this thread.
    void ring_now();

private:
    struct State;
    struct Timer;
    void disarm();

    const std::shared_ptr<State> state_;
};

} // namespace penstock
