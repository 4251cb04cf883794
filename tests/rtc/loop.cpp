// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/loop.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace rtc_test {
namespace {

constexpr size_t events_at_once = 4096;

} // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), events_(events_at_once) {
    if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void Loop::watch(int fd, uint32_t events, Watcher &watcher) {
    epoll_event wanted{events, {.ptr = &watcher}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) < 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    watchers_[&watcher] = turn_;
}

void Loop::change(int fd, uint32_t events, Watcher &watcher) {
    epoll_event wanted{events, {.ptr = &watcher}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &wanted) < 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Loop::forget(int fd, Watcher &watcher) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    watchers_.erase(&watcher);
}

void Loop::wake(Watcher &watcher, uint64_t at_ms) {
    if (watcher.alarm_ms_ == at_ms) return;
    watcher.alarm_ms_ = at_ms;
    if (at_ms != UINT64_MAX) alarms_.push({at_ms, &watcher});
}

void Loop::ring() {
    const uint64_t now = steady_ms();
    while (!alarms_.empty() && alarms_.top().first <= now) {
        const auto [at, watcher] = alarms_.top();
        alarms_.pop();
        // Others were set in place of it, or its watcher has gone.
        if (!watchers_.contains(watcher) || watcher->alarm_ms_ != at) continue;
        watcher->alarm_ms_ = UINT64_MAX;
        watcher->on_ready(0);
    }
}

void Loop::turn(uint64_t until_ms) {
    if (!alarms_.empty()) until_ms = std::min(until_ms, alarms_.top().first);
    const uint64_t now = steady_ms();
    const int wait = until_ms > now ? int(std::min<uint64_t>(until_ms - now, 100)) : 0;
    const int n = epoll_wait(epoll_.get(), events_.data(), int(events_.size()), wait);
    if (n < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_wait");
    ++turn_;
    for (int i = 0; i < n; ++i) {
        const epoll_event &event = events_[size_t(i)];
        auto *const watcher = static_cast<Watcher *>(event.data.ptr);
        const auto found = watchers_.find(watcher);
        if (found != watchers_.end() && found->second != turn_) watcher->on_ready(event.events);
    }
    ring();
}

} // namespace rtc_test
