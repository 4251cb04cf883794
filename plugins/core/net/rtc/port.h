// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP port of all WebRTC sessions of its servers: a socket on each loop, over which datagrams
// find their sessions by the user fragment of ICE first, and by the sender's address then.
#pragma once

#include "core/dtls/context.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/udp_socket.h"
#include "core/sdp/candidate.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// A session as the port knows it. Called on its loop, but for loop().
class RtcPeer {
public:
    virtual ~RtcPeer() = default;
    virtual size_t loop() const = 0;
    /// `arrived`: the loop whose socket got it, for RtcPort::learn().
    virtual void on_datagram(const Datagram &datagram, size_t arrived) = 0;
    /// Every few milliseconds from RtcPort::tick() on, until it returns false. `now`: ns.
    virtual bool on_tick(uint64_t now) = 0;
    /// The socket takes datagrams again, after RtcPort::wait_writable().
    virtual void on_writable() = 0;

    /// steady_ms() when something authentic last came. Any thread.
    uint64_t heard_ms() const { return heard_ms_.load(std::memory_order_relaxed); }

protected:
    void note_heard(uint64_t now_ms) { heard_ms_.store(now_ms, std::memory_order_relaxed); }

private:
    friend class RtcPort;
    std::atomic<unsigned> under_way_{0}; ///< datagrams on their way from other loops
    std::atomic<uint64_t> heard_ms_{0};
    bool ticks_ = false; ///< touched by its loop alone
};

/// Thread-safe unless it says otherwise. Closes its sockets when it is destroyed.
class RtcPort {
public:
    static constexpr uint64_t tick_ns = 5'000'000;
    /// Handshakes at a time.
    static constexpr size_t max_handshakes = 1000;

    explicit RtcPort(std::vector<std::string> announce) : announce_(std::move(announce)) {}
    ~RtcPort();
    /// Shared by all that open the same address; `announce` has to be the same then. nullptr, and
    /// the reason with a remedy in `error`, if the port is in use.
    static std::shared_ptr<RtcPort>
    open(const Address &address, const std::vector<std::string> &announce, std::string *error);

    // --- for the registry of ports --------------------------------------------------------
    bool start(const Address &address, std::string *error);
    bool suits(const std::vector<std::string> &announce, std::string *error) const;

    /// The bound address, including the port.
    const Address &address() const { return address_; }
    const std::shared_ptr<Loops> &loops() const { return loops_; }
    const std::shared_ptr<dtls::Context> &dtls() const { return dtls_; }
    /// Where peers reach it: the announced addresses, or those of the interfaces. `is_local`: the
    /// peer is on this machine.
    std::vector<sdp::Candidate> candidates(bool is_local) const;

    /// Checks with this user fragment are the peer's from now on. False if it is taken.
    bool add(const std::string &ufrag, const std::shared_ptr<RtcPeer> &peer);
    void remove(const std::string &ufrag);

    // --- on the peer's loop ---------------------------------------------------------------
    /// What comes from this address is the peer's: a check of it was valid. False if another one
    /// has the address, from which something authentic came within `owned_ms`: whoever can forge
    /// an address must not take it over.
    static constexpr uint64_t owned_ms = 2'000;
    bool learn(const udp::endpoint &from, size_t arrived, const std::shared_ptr<RtcPeer> &peer);
    void forget(const udp::endpoint &from, size_t arrived, const std::shared_ptr<RtcPeer> &peer);
    UdpSocket &socket(size_t loop);
    void tick(const std::shared_ptr<RtcPeer> &peer);
    void wait_writable(const std::shared_ptr<RtcPeer> &peer);

private:
    class Names;
    class Side;

    const std::vector<std::string> announce_;
    Address address_;
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<dtls::Context> dtls_;
    std::shared_ptr<Names> names_;
    std::vector<std::shared_ptr<Side>> sides_; ///< one for each loop
};

} // namespace penstock::net
