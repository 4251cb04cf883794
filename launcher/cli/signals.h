// SPDX-License-Identifier: LGPL-2.1-or-later
// Ends the process in time, whatever hangs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace penstock::cli {

/// Blocks SIGINT, SIGTERM and SIGHUP for this thread and those it starts; SIGPIPE is ignored.
/// Called before any other thread exists.
void block_signals();

/// From when something is to end; µs.
constexpr int64_t time_to_end = 1'700'000;

/// Ends the process without the libraries' destructors, beside which elements that hang would go
/// on; says so.
[[noreturn]] void leave_behind(int code);

/// Waits for a signal on a thread of its own, since the main loop may be held up by an element.
class SignalThread {
public:
    SignalThread() = default;
    /// The process has ended in order: no more watching.
    ~SignalThread();
    SignalThread(const SignalThread &) = delete;
    SignalThread &operator=(const SignalThread &) = delete;

    struct Actions {
        std::function<void()> stop;   ///< on SIGINT, finish(), or a second signal
        std::function<void()> drain;  ///< on SIGTERM; absent: as SIGINT
        std::function<void()> reload; ///< on SIGHUP, unless its terminal is gone; absent: as SIGINT
        unsigned longest_drain_ms = 0;
    };
    /// The actions are posted to the main loop. What has not ended `time_to_end` after `stop`,
    /// or at a signal after it, is left behind.
    void start(Actions actions);
    /// As a signal would, but the process then ends with `code`.
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
