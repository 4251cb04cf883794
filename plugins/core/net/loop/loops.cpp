// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/loops.h"

#include "core/net/loop/log.h"
#include "core/net/loop/loop_count.h"
#include "core/net/loop/thread.h"

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <mutex>

#include <pthread.h>
#include <sched.h>

namespace penstock::net {
namespace {

thread_local const Loops *current_loops = nullptr;
thread_local void *current_loop = nullptr; ///< the current thread's Loop

/// Cores available to this process, which taskset and containers may limit.
unsigned cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return unsigned(CPU_COUNT(&set));
    return std::max(1u, std::thread::hardware_concurrency());
}

} // namespace

/// Starts up to `count` loops, as descriptors and threads allow. If fewer are started, sets
/// `reason` to the exhausted resource.
void Loops::start(unsigned count, std::string &reason) {
    while (loops_.size() < count && start_one(reason)) {
    }
}

bool Loops::start_one(std::string &reason) {
    try {
        auto loop = std::make_unique<Loop>(loops_.size());
        // Allocated first, so that nothing fails once the thread runs.
        loops_.reserve(loops_.size() + 1);
        loop->thread = start_thread([this, &loop = *loop] { run(loop); }, &reason);
        if (!loop->thread.joinable()) return false;
        loops_.push_back(std::move(loop));
        return true;
    } catch (const boost::system::system_error &error) {
        reason = error.what();
        if (error.code() == boost::system::errc::too_many_files_open)
            reason +=
                "; raise the limit of open files (`ulimit -n`, LimitNOFILE= of a systemd unit)";
    } catch (const std::exception &error) {
        reason = error.what();
    }
    return false;
}

void Loops::run(Loop &loop) {
    pthread_setname_np(pthread_self(), ("penstock-net" + std::to_string(loop.index)).c_str());
    // Signals are left to the application's threads.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    current_loops = this;
    current_loop = &loop;
    {
        auto work = boost::asio::make_work_guard(loop.context);
        loop.context.run();
    }
    current_loops = nullptr;
    if (ends_on_ != &loop) return;
    loop.thread.detach();
    delete this;
}

/// The last reference may be released by a connection on a loop, which can't join its own thread:
/// in that case the thread destroys the loops after leaving its own.
void Loops::let_go() noexcept {
    if (!on_loop()) {
        delete this;
        return;
    }
    ends_on_ = static_cast<Loop *>(current_loop);
    ends_on_->context.stop();
}

Loops::~Loops() {
    for (auto &loop : loops_)
        loop->context.stop();
    for (auto &loop : loops_)
        if (loop->thread.joinable()) loop->thread.join();
}

bool Loops::on_loop() const {
    return current_loops == this;
}

namespace {

struct Instance {
    std::mutex mutex;
    std::weak_ptr<Loops> loops;
    unsigned wanted = 0; ///< 0: one per core
};

Instance &instance() {
    static Instance the;
    return the;
}

} // namespace

unsigned want_loops(unsigned count) {
    auto &[mutex, running, wanted] = instance();
    std::lock_guard lock(mutex);
    if (const auto loops = running.lock()) return unsigned(loops->size());
    return wanted = std::clamp(count, 1u, 64u);
}

std::shared_ptr<Loops> Loops::shared(std::string *error) noexcept {
    auto &[mutex, running, wanted] = instance();
    std::lock_guard lock(mutex);
    if (auto loops = running.lock()) return loops;
    std::string reason;
    try {
        std::shared_ptr<Loops> loops(new Loops, [](Loops *dying) { dying->let_go(); });
        const unsigned count = wanted ? wanted : cores();
        loops->start(count, reason);
        if (loops->size() > 0) {
            if (loops->size() < count)
                log(LogLevel::warning, "net",
                    "only " + std::to_string(loops->size()) + " of " + std::to_string(count) +
                        " network threads run: " + reason);
            wanted = 0;
            running = loops;
            return loops;
        }
    } catch (const std::exception &failure) {
        reason = failure.what();
    }
    if (error) *error = "cannot start the network threads: " + reason;
    return nullptr;
}

} // namespace penstock::net
