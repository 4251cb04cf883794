// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/loops.h"

#include "core/net/loop/loop_count.h"

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <utility>

#include <pthread.h>
#include <sched.h>

namespace penstock::net {
namespace {

thread_local const Loops *current_loops = nullptr;

/// Cores that this process may use: taskset and containers give it less than there are.
unsigned cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return unsigned(CPU_COUNT(&set));
    return std::max(1u, std::thread::hardware_concurrency());
}

} // namespace

Loops::Loops(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        loops_.push_back(std::make_unique<Loop>(i));
        Loop &loop = *loops_.back();
        loop.thread = std::thread([this, &loop, i] {
            pthread_setname_np(pthread_self(), ("penstock-net" + std::to_string(i)).c_str());
            // Signals belong to the application's threads.
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_BLOCK, &all, nullptr);
            current_loops = this;
            auto work = boost::asio::make_work_guard(loop.context);
            loop.context.run();
        });
    }
}

Loops::~Loops() {
    for (auto &loop : loops_)
        loop->context.stop();
    for (auto &loop : loops_)
        loop->thread.join();
}

bool Loops::on_loop() const {
    return current_loops == this;
}

namespace {

struct Instance {
    std::mutex mutex;
    std::weak_ptr<Loops> loops;
    unsigned wanted = 0; ///< 0: as many as cores
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

std::shared_ptr<Loops> Loops::shared() {
    auto &[mutex, running, wanted] = instance();
    std::lock_guard lock(mutex);
    if (auto loops = running.lock()) return loops;
    // A loop cannot join itself: the last holder may well be a connection that ends on one.
    std::shared_ptr<Loops> loops(new Loops(wanted ? std::exchange(wanted, 0) : cores()),
                                 [](Loops *dying) {
                                     if (dying->on_loop())
                                         std::thread([dying] { delete dying; }).detach();
                                     else
                                         delete dying;
                                 });
    running = loops;
    return loops;
}

} // namespace penstock::net
