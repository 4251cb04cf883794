// SPDX-License-Identifier: LGPL-2.1-or-later
// One thread's descriptors and alarms, for thousands of clients. Include it before check.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace rtc_test {

/// ns of the steady clock, which all processes of a machine share.
inline int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}
inline uint64_t steady_ms() {
    return uint64_t(steady_ns() / 1'000'000);
}

class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { reset(); }
    void reset() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

/// Not thread-safe. Watchers may come and go in calls of the loop.
class Loop {
public:
    class Watcher {
    public:
        virtual ~Watcher() = default;
        /// Events of epoll; 0: the alarm.
        virtual void on_ready(uint32_t events) = 0;

    private:
        friend class Loop;
        uint64_t alarm_ms_ = UINT64_MAX;
    };

    /// Throws std::system_error.
    Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    /// Throws std::system_error.
    void watch(int fd, uint32_t events, Watcher &watcher);
    /// Events of a descriptor that is watched.
    void change(int fd, uint32_t events, Watcher &watcher);
    /// Before the watcher ends, and before its descriptor is closed.
    void forget(int fd, Watcher &watcher);
    /// Sets the only alarm of a watcher; UINT64_MAX: none.
    void wake(Watcher &watcher, uint64_t at_ms);

    /// Waits for events until then, at most, and serves those that there are.
    void turn(uint64_t until_ms);
    /// Turns until `done` or for so long; returns done().
    template <class Done>
    bool run_until(Done &&done, uint64_t patience_ms) {
        const uint64_t end = steady_ms() + patience_ms;
        while (!done() && steady_ms() < end)
            turn(end);
        return done();
    }

private:
    void ring();

    Descriptor epoll_;
    std::vector<epoll_event> events_;
    using Alarm = std::pair<uint64_t, Watcher *>;
    std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
    /// Those that are alive, and the turn in which each came: an event of that turn is not its own,
    /// but of one that was at the same place in memory.
    std::unordered_map<const Watcher *, uint64_t> watchers_;
    uint64_t turn_ = 0;
};

} // namespace rtc_test
