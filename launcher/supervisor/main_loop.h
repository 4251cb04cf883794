// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib's default main loop: work for it from any thread, and timers on it.
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

/// Runs `task` on the main loop, never inside this call. From any thread.
void post(Task task);

/// The time and the timeouts of the main loop; tests put their own in its place. On the main loop's
/// thread.
class LoopClock {
public:
    virtual ~LoopClock() = default;
    virtual int64_t now() = 0; ///< monotonic, µs
    /// Calls `task` once after so many milliseconds, unless it is removed before. Returns an id
    /// above 0.
    virtual unsigned add(unsigned milliseconds, Task task) = 0;
    virtual void remove(unsigned id) = 0;
};

/// GLib's, unless set_loop_clock() has replaced it.
LoopClock &loop_clock();
/// nullptr: GLib's again. The clock has to outlive every timer that was started with it.
void set_loop_clock(LoopClock *clock);

/// One timeout on the main loop; cancelled when destroyed.
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
