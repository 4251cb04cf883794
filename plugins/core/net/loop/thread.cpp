// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/thread.h"

#include <atomic>
#include <exception>
#include <system_error>
#include <utility>

namespace penstock::net {
namespace {

std::atomic<int> threads_left{-1};

/// Throws once the limit for tests is reached.
void count_thread() {
    int left = threads_left.load();
    while (left > 0 && !threads_left.compare_exchange_weak(left, left - 1)) {
    }
    if (left == 0)
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
}

} // namespace

std::thread start_thread(std::function<void()> run, std::string *reason) noexcept {
    try {
        count_thread();
        return std::thread(std::move(run));
    } catch (const std::exception &error) {
        if (reason)
            *reason = std::string("cannot start a thread: ") + error.what() +
                      "; raise the limit of threads (`ulimit -u`, TasksMax= of a systemd unit, "
                      "pids.max of a container)";
        return {};
    }
}

void limit_threads(int count) {
    threads_left = count;
}

} // namespace penstock::net
