// SPDX-License-Identifier: LGPL-2.1-or-later
// Posts tasks to GLib's default main loop from any thread, and runs timers on it.
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace penstock::supervisor {

using Task = std::function<void()>;

struct MainLoopUnref {
    void operator()(GMainLoop *loop) const { g_main_loop_unref(loop); }
};
using MainLoop = std::unique_ptr<GMainLoop, MainLoopUnref>;

/// Queues `task` to run on the main loop; never runs it inside this call. Callable from any thread.
void post(Task task);

/// The clock and timeouts of the main loop. Tests replace it. Used on the main loop's thread only.
class LoopClock {
public:
    virtual ~LoopClock() = default;
    virtual int64_t now() = 0; ///< monotonic, µs
    /// Calls `task` once after the given delay, unless remove() is called first. Returns an id
    /// above 0.
    virtual unsigned add(unsigned milliseconds, Task task) = 0;
    virtual void remove(unsigned id) = 0;
};

/// The clock set by set_loop_clock(), or GLib's.
LoopClock &loop_clock();
/// Replaces the clock; nullptr restores GLib's. The clock must outlive all timers started with it.
void set_loop_clock(LoopClock *clock);

/// A single timeout on the main loop; cancelled on destruction.
class Timer {
public:
    Timer() = default;
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;
    ~Timer() { cancel(); }

    /// `task` may start the timer again or destroy it.
    void start(unsigned milliseconds, Task task);
    void cancel();
    bool is_running() const { return id_ != 0; }

private:
    LoopClock *clock_ = nullptr;
    unsigned id_ = 0;
};

} // namespace penstock::supervisor
