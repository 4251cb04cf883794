// SPDX-License-Identifier: LGPL-2.1-or-later
// The sockets of one loop that ask for nothing each time: registered once, for the edges of both
// directions. Asio makes a system call for each wait, and two for each message of a busy socket.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <vector>

#include <sys/epoll.h>

namespace penstock::net {

/// Something with a socket.
class Polled {
public:
    /// What has become true since it was last said: it can be read (`EPOLLIN`), written after a
    /// write that found no room (`EPOLLOUT`), the peer sends nothing more (`EPOLLRDHUP`,
    /// `EPOLLHUP`) or there is an error (`EPOLLERR`). Said once: read until there is nothing.
    virtual void on_ready(uint32_t events) = 0;

protected:
    ~Polled() = default;
};

/// Belongs to its loop. Many small streams wake a loop for each of their messages: above some
/// thousand a second, it looks every millisecond instead.
class Poller {
public:
    /// Throws boost::system::system_error if the process has no descriptor left.
    explicit Poller(boost::asio::io_context &context);
    ~Poller();
    Poller(const Poller &) = delete;
    Poller &operator=(const Poller &) = delete;

    /// From now on until remove(); false and errno if the kernel has no room for it.
    bool add(int socket, Polled &polled);
    /// Before the socket is closed. Nothing is said to it from here on.
    void remove(int socket, const Polled &polled);

private:
    void arm();
    void turn();
    void dispatch(size_t count);
    void measure(size_t events);

    boost::asio::posix::stream_descriptor epoll_; ///< the loop waits for it while not busy
    boost::asio::steady_timer timer_;
    const int fd_;
    std::vector<epoll_event> ready_; ///< those under way; whose socket was removed has no pointer
    size_t under_way_ = 0;
    bool busy_ = false;
    uint64_t measured_at_ = 0, events_ = 0; ///< ns, and since then
};

} // namespace penstock::net
