// SPDX-License-Identifier: LGPL-2.1-or-later
// Handles termination signals and ends the process in time, even if elements hang.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace penstock::cli {

/// Blocks SIGINT, SIGTERM and SIGHUP for this thread and threads created later, and ignores
/// SIGPIPE. Call before any other thread exists.
void block_signals();

/// Time allowed for stopping; µs.
constexpr int64_t time_to_end = 1'700'000;

/// Reports that elements hang and exits at once, without library destructors, which would run while
/// those elements are still active.
[[noreturn]] void leave_behind(int code);

/// Waits for signals on a thread of its own, since an element may block the main loop.
class SignalThread {
public:
    SignalThread() = default;
    /// Stops watching: the process has ended in order.
    ~SignalThread();
    SignalThread(const SignalThread &) = delete;
    SignalThread &operator=(const SignalThread &) = delete;

    struct Actions {
        std::function<void()> stop;  ///< on SIGINT, finish(), or a second signal
        std::function<void()> drain; ///< on SIGTERM; absent: handled like SIGINT
        /// On SIGHUP, unless its terminal is gone; absent: handled like SIGINT.
        std::function<void()> reload;
        unsigned longest_drain_ms = 0;
    };
    /// Posts the actions to the main loop. If the process has not ended `time_to_end` after `stop`,
    /// or at a further signal, it exits with leave_behind().
    void start(Actions actions);
    /// Acts like a signal, but the process ends with `code`.
    void finish(int code);

private:
    void watch();

    Actions actions_;
    std::thread thread_;
    std::mutex mutex_;
    int code_ = 0;          ///< guarded by mutex_
    bool finished_ = false; ///< guarded by mutex_
    bool joined_ = false;   ///< guarded by mutex_
};

} // namespace penstock::cli
