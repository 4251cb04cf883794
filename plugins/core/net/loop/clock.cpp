// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/held_clock.h"

#include "core/net/loop/loops.h"

#include <boost/asio/post.hpp>

#include <atomic>
#include <latch>

namespace penstock::net {
namespace {

std::atomic<int64_t> held_ns{0}; ///< 0: the clock runs

} // namespace

Clock::time_point Clock::now() noexcept {
    if (const int64_t held = held_ns.load(std::memory_order_relaxed))
        return time_point(duration(held));
    return time_point(std::chrono::steady_clock::now().time_since_epoch());
}

HeldClock::HeldClock(Loops &loops) : loops_(loops) {
    held_ns = Clock::now().time_since_epoch().count();
}

HeldClock::~HeldClock() {
    held_ns = 0;
    look_again();
}

void HeldClock::advance(std::chrono::nanoseconds by) {
    held_ns += by.count();
    look_again();
}

/// Asio looks at its timers when the time it computed has passed, or when one is due before all
/// others: so that is set. It runs before the others that are due, and what it posts after them.
void HeldClock::look_again() {
    std::latch looked{ptrdiff_t(loops_.size())};
    for (size_t i = 0; i < loops_.size(); ++i)
        boost::asio::post(loops_.at(i), [&looked, &context = loops_.at(i)] {
            const auto timer = std::make_shared<Timer>(context, Clock::time_point::min());
            timer->async_wait([timer, &looked, &context](const boost::system::error_code &) {
                boost::asio::post(context, [&looked] { looked.count_down(); });
            });
        });
    looked.wait();
}

} // namespace penstock::net
