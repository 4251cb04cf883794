// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/poller.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <cerrno>

#include <unistd.h>

namespace penstock::net {
namespace {

using boost::system::error_code;

/// Events per turn; other work of the loop runs between turns.
constexpr size_t most_ready = 64;
/// Polling interval while busy.
constexpr auto rest = std::chrono::milliseconds(1);
/// Events per second: busy above the first, no longer busy below the second.
constexpr double busy_rate = 5000, calm_rate = 2000;
constexpr uint64_t measure_interval = 20'000'000; ///< ns

int open_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
    return fd;
}

} // namespace

Poller::Poller(boost::asio::io_context &context)
    : epoll_(context), timer_(context), fd_(open_epoll()), ready_(most_ready) {
    error_code failed;
    epoll_.assign(fd_, failed);
    if (failed) {
        ::close(fd_);
        throw boost::system::system_error(failed, "epoll_ctl");
    }
    arm();
}

Poller::~Poller() {
    if (busy_) ::close(fd_); // not owned by the loop while busy
}

bool Poller::add(int socket, Polled &polled) {
    epoll_event wanted{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = &polled}};
    return ::epoll_ctl(fd_, EPOLL_CTL_ADD, socket, &wanted) == 0;
}

void Poller::remove(int socket, const Polled &polled) {
    ::epoll_ctl(fd_, EPOLL_CTL_DEL, socket, nullptr);
    for (size_t i = 0; i < under_way_; ++i)
        if (ready_[i].data.ptr == &polled) ready_[i].data.ptr = nullptr;
}

/// Waits for the next event or, while busy, for the polling interval.
void Poller::arm() {
    const auto next = [this](error_code ec) {
        if (!ec) turn();
    };
    if (busy_) {
        timer_.expires_after(rest);
        timer_.async_wait(next);
    } else {
        epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, next);
    }
}

void Poller::turn() {
    const int count = ::epoll_wait(fd_, ready_.data(), int(ready_.size()), 0);
    if (count > 0) dispatch(size_t(count));
    measure(count > 0 ? size_t(count) : 0);
    if (size_t(count) == ready_.size())
        boost::asio::post(timer_.get_executor(), [this] { turn(); });
    else
        arm();
}

void Poller::dispatch(size_t count) {
    under_way_ = count;
    for (size_t i = 0; i < count; ++i)
        if (auto *polled = static_cast<Polled *>(ready_[i].data.ptr))
            polled->on_ready(ready_[i].events);
    under_way_ = 0;
}

void Poller::measure(size_t events) {
    events_ += events;
    const uint64_t now = steady_ns();
    if (now - measured_at_ < measure_interval) return;
    const double rate = double(events_) * 1e9 / double(now - measured_at_);
    measured_at_ = now;
    events_ = 0;
    if (busy_ ? rate >= calm_rate : rate <= busy_rate) return;
    // While busy, events must not wake the loop.
    if (!busy_) {
        epoll_.release();
        busy_ = true;
    } else {
        error_code failed;
        epoll_.assign(fd_, failed);
        busy_ = bool(failed);
    }
}

} // namespace penstock::net
