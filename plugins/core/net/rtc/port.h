// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP port of all WebRTC sessions of its servers: a socket on each loop, over which datagrams
// find their sessions by the user fragment of ICE first, and by the sender's address then. Beside
// it the TCP port of the same number, for peers whose networks let no UDP through.
#pragma once

#include "core/dtls/context.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtc/connection.h"
#include "core/net/rtc/way.h"
#include "core/sdp/candidate.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

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
    /// About once a second: gives memory of handshakes back to the system, a while after they were
    /// many. The heap would keep it, since what sessions keep lies in between.
    void tidy(uint64_t now_ms);
    /// Where peers reach it: the announced addresses, or those of the interfaces, for UDP and then
    /// for TCP, if that port could be opened. `is_local`: the peer is on this machine.
    std::vector<sdp::Candidate> candidates(bool is_local) const;

    /// Checks with this user fragment are the peer's from now on. False if it is taken.
    bool add(const std::string &ufrag, const std::shared_ptr<RtcPeer> &peer);
    void remove(const std::string &ufrag);

    // --- on the peer's loop ---------------------------------------------------------------
    /// What comes this way is the peer's: a check of it was valid. False if another one has its
    /// address, from which something authentic came within `owned_ms`: whoever can forge an address
    /// must not take it over.
    static constexpr uint64_t owned_ms = 2'000;
    bool learn(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer);
    /// Nothing comes this way any more; a connection is closed.
    void forget(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer);
    UdpSocket &socket(size_t loop);
    void tick(const std::shared_ptr<RtcPeer> &peer);
    void wait_writable(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer);

private:
    class Names;
    class Side;

    void open_tcp(bool is_last);

    const std::vector<std::string> announce_;
    Address address_;
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<dtls::Context> dtls_;
    std::shared_ptr<Names> names_;
    std::vector<std::shared_ptr<Side>> sides_; ///< one for each loop
    std::shared_ptr<RtcConnections> connections_;
    std::shared_ptr<Listener> tcp_;                     ///< nullptr: there is UDP alone
    std::atomic<uint64_t> tidied_ms_{0}, tidied_at_{0}; ///< when, and after how many handshakes
};

} // namespace penstock::net
