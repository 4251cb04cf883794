// SPDX-License-Identifier: LGPL-2.1-or-later
// Connects a client's socket: looks up the host and tries one address after another, each for its
// share of the time.
#pragma once

#include "core/net/client/socket.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/resolve.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {

/// Used on its loop only. `owner` is what keeps the dialer alive: lookups that outlive it are
/// forgotten.
class Dialer {
public:
    struct Target {
        std::string host;
        uint16_t port = 0;
        const TlsClient *tls = nullptr; ///< nullptr: plaintext; must outlive the attempt
        /// Addresses that are nearer are left out: a server elsewhere must not send a client to
        /// what only this machine, or its network, reaches.
        Reach nearest = Reach::machine;
        bool operator==(const Target &) const = default;
    };
    /// `error`: empty, the socket is connected; otherwise why it is not.
    using Done = std::function<void(const std::string &error)>;

    /// `mutex` is held while the socket opens or closes; `polled` is told about the socket, and
    /// calls go_on() until it is connected.
    Dialer(std::shared_ptr<Loops> loops, size_t loop, ClientSocket &socket, std::mutex &mutex,
           Polled &polled);

    /// Begins an attempt that ends at `deadline_ms`, which is the caller's to keep. `done` is
    /// called on the loop, maybe at once.
    void start(std::weak_ptr<void> owner, Target target, uint64_t deadline_ms, Done done);
    /// Continues when the socket is ready.
    void go_on();
    /// To be called about every 250 ms: gives up an address that does not answer.
    void check(uint64_t now_ms);
    /// The attempt is over: `done` is not called.
    void cancel();

    bool is_resolving() const { return resolving_; }
    /// From where the address that was tried last can be reached.
    Reach reach() const { return reach_; }
    /// That address.
    const SocketAddress &address() const { return address_; }

private:
    void look_up();
    void on_resolved(Resolved &&found);
    void next_address();
    void finish(const std::string &error);

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    ClientSocket &socket_;
    std::mutex &mutex_;
    Polled &polled_;
    std::weak_ptr<void> owner_;
    Target target_;
    Done done_;                            ///< empty: there is no attempt
    std::vector<SocketAddress> addresses_; ///< that are still to be tried
    SocketAddress address_;
    std::string last_error_; ///< of the address before
    uint64_t deadline_ms_ = 0, address_deadline_ms_ = 0;
    Reach reach_ = Reach::world;
    bool resolving_ = false;
};

} // namespace penstock::net
