// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/signals.h"

#include "cli/output.h"
#include "supervisor/main_loop.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace penstock::cli {
namespace {

/// Wakes the thread from inside the process.
constexpr int wake_signal = SIGUSR2;

sigset_t watched() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, wake_signal})
        sigaddset(&set, number);
    return set;
}

} // namespace

void leave_behind(int code) {
    Output::get().warning("something does not stop in time and is left behind");
    std::fflush(nullptr);
    _exit(code);
}

void block_signals() {
    const sigset_t set = watched();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

void SignalThread::start(Actions actions) {
    actions_ = std::move(actions);
    thread_ = std::thread([this] { watch(); });
}

void SignalThread::finish(int code) {
    {
        std::lock_guard lock(mutex_);
        code_ = code;
        finished_ = true;
    }
    if (thread_.joinable()) pthread_kill(thread_.native_handle(), wake_signal);
}

SignalThread::~SignalThread() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        joined_ = true;
    }
    pthread_kill(thread_.native_handle(), wake_signal);
    thread_.join();
}

void SignalThread::watch() {
    const sigset_t set = watched();
    const bool had_terminal = isatty(STDIN_FILENO);
    enum class Stage { running, draining, stopping } stage = Stage::running;
    int64_t deadline = 0; // of the current stage; monotonic, µs; 0: none
    while (true) {
        timespec wait{1000, 0};
        if (deadline) {
            const int64_t left = std::max<int64_t>(0, deadline - g_get_monotonic_time());
            wait = {left / 1'000'000, left % 1'000'000 * 1000};
        }
        const int number = sigtimedwait(&set, nullptr, &wait);
        std::unique_lock lock(mutex_);
        if (joined_) return;
        const bool late = deadline && g_get_monotonic_time() >= deadline;
        const bool from_outside = number > 0 && number != wake_signal;
        const bool asked = from_outside || (number == wake_signal && finished_);
        if (!asked && !late) continue;
        if (stage == Stage::stopping) {
            // An internal wake-up does not shorten the deadline.
            if (!from_outside && !late) continue;
            const int code = code_;
            lock.unlock();
            if (late) leave_behind(code);
            _exit(code);
        }
        lock.unlock();
        const bool hung_up = had_terminal && !isatty(STDIN_FILENO);
        if (number == SIGHUP && actions_.reload && !hung_up && stage == Stage::running) {
            supervisor::post(actions_.reload);
        } else if (number == SIGTERM && actions_.drain && stage == Stage::running) {
            stage = Stage::draining;
            deadline =
                g_get_monotonic_time() + int64_t(actions_.longest_drain_ms) * 1000 + time_to_end;
            supervisor::post(actions_.drain);
        } else {
            stage = Stage::stopping;
            deadline = g_get_monotonic_time() + time_to_end;
            supervisor::post(actions_.stop);
        }
    }
}

} // namespace penstock::cli
