// SPDX-License-Identifier: LGPL-2.1-or-later
// Edge-triggered epoll for sockets of a loop: each is registered once for both directions. Asio
// would need a system call per wait, and two per message of a busy socket.
#pragma once

#include "core/net/loop/clock.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <vector>

#include <sys/epoll.h>

namespace penstock::net {

/// An object with a polled socket.
class Polled {
public:
    /// Receives new events: readable (`EPOLLIN`), writable after a write would have blocked
    /// (`EPOLLOUT`), the peer sends nothing more (`EPOLLRDHUP`, `EPOLLHUP`), error (`EPOLLERR`).
    /// Edge-triggered: read until nothing is left.
    virtual void on_ready(uint32_t events) = 0;

protected:
    ~Polled() = default;
};

/// Belongs to its loop. With many small streams, each message would wake the loop; above some
/// thousand events per second it polls every millisecond instead.
class Poller {
public:
    /// Throws boost::system::system_error if the process is out of file descriptors.
    explicit Poller(boost::asio::io_context &context);
    ~Poller();
    Poller(const Poller &) = delete;
    Poller &operator=(const Poller &) = delete;

    /// Registers a socket until remove(). On failure returns false and sets errno.
    bool add(int socket, Polled &polled);
    /// Must be called before the socket is closed. No events are delivered from now on.
    void remove(int socket, const Polled &polled);

private:
    void arm();
    void turn();
    void dispatch(size_t count);
    void measure(size_t events);

    boost::asio::posix::stream_descriptor epoll_; ///< the loop waits on it while not busy
    Timer timer_;
    const int fd_;
    std::vector<epoll_event> ready_; ///< the current events; removed sockets have a null pointer
    size_t under_way_ = 0;
    bool busy_ = false;
    uint64_t measured_at_ = 0, events_ = 0; ///< ns; and events since then
};

} // namespace penstock::net
