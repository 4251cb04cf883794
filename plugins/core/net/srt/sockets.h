// SPDX-License-Identifier: LGPL-2.1-or-later
// The open sockets of an SRT listener, and which of them have something to be done.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace penstock::net {

class SrtPeer;

/// Thread-safe but for poll(), which one thread calls.
class SrtSockets {
public:
    SrtSockets();
    ~SrtSockets();
    SrtSockets(const SrtSockets &) = delete;
    SrtSockets &operator=(const SrtSockets &) = delete;

    /// False if libsrt has no more of them.
    bool is_open() const { return epoll_ >= 0; }
    void set_listener(int socket);
    /// The peer is told once each time its socket becomes readable or broken. `sends`: it is a
    /// publisher, whose media are not to wait.
    bool add(int socket, const std::shared_ptr<SrtPeer> &peer, bool sends);
    void remove(int socket);
    bool has_senders() const { return senders_ > 0; }

    struct Found {
        bool has_woken = false;   ///< a peer was told something
        bool has_callers = false; ///< the listener says that it has callers, or is broken
    };
    /// Looks what has happened, and tells the peers; does not wait. libsrt's own wait is woken by
    /// every acknowledgement of every connection of the process.
    Found poll();

private:
    const int epoll_;
    int listener_ = -1;
    std::mutex mutex_; ///< guards peers_
    struct Entry {
        std::weak_ptr<SrtPeer> peer;
        bool sends;
    };
    std::unordered_map<int, Entry> peers_;
    std::atomic<size_t> senders_{0};
};

} // namespace penstock::net
