// SPDX-License-Identifier: LGPL-2.1-or-later
// The open sockets of an SRT listener, and which of them have something to be done.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace penstock::net {

class SrtPeer;

/// Thread-safe but for wait(), which one thread calls.
class SrtSockets {
public:
    SrtSockets();
    ~SrtSockets();
    SrtSockets(const SrtSockets &) = delete;
    SrtSockets &operator=(const SrtSockets &) = delete;

    /// False if libsrt has no more of them.
    bool is_open() const { return epoll_ >= 0; }
    void set_listener(int socket);
    /// The peer is told once each time its socket becomes readable or broken.
    bool add(int socket, const std::shared_ptr<SrtPeer> &peer);
    void remove(int socket);

    /// Waits, `timeout_ms` at most, and tells the peers. True if the listener has callers.
    bool wait(int timeout_ms);

private:
    const int epoll_;
    int listener_ = -1;
    std::mutex mutex_; ///< guards peers_
    std::unordered_map<int, std::weak_ptr<SrtPeer>> peers_;
};

} // namespace penstock::net
