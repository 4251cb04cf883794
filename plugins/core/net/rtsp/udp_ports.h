// SPDX-License-Identifier: LGPL-2.1-or-later
// The two UDP ports of an RTSP server, from which players get RTP and RTCP. Each loop has a socket
// at both.
#pragma once

#include "core/net/loop/udp_socket.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock::net {

/// A player by UDP. Called on its loop.
class UdpPlayer {
public:
    /// A datagram came from its address to the port of RTCP.
    virtual void on_rtcp(ByteView datagram) = 0;
    /// It may send again, after it had to wait.
    virtual void on_turn() = 0;
    virtual size_t udp_loop() const = 0;

protected:
    ~UdpPlayer() = default;
};

/// Thread-safe unless it says otherwise. Closes its sockets when it is destroyed.
class UdpPorts {
public:
    static constexpr uint64_t tick_ns = 5'000'000;

    /// `port`: of RTP, even; 0: any. nullptr, and a remedy in `error`, if one of the two is in use.
    static std::shared_ptr<UdpPorts> open(const std::shared_ptr<Loops> &loops,
                                          const std::string &host, uint16_t port,
                                          std::string *error);
    ~UdpPorts();

    uint16_t rtp_port() const { return rtp_port_; }

    /// What comes from this address to the port of RTCP is the player's until remove(). False:
    /// it is another player's.
    bool add(const udp::endpoint &from, const std::shared_ptr<UdpPlayer> &player);
    /// Without effect if it is another player's.
    void remove(const udp::endpoint &from, const UdpPlayer &player);

    // --- on the player's loop ------------------------------------------------------------------
    UdpSocket &rtp(size_t loop);
    UdpSocket &rtcp(size_t loop);
    /// Calls on_turn() in some milliseconds.
    void tick(size_t loop, std::weak_ptr<UdpPlayer> player);
    /// Calls on_turn() when the socket of RTP takes more.
    void wait_writable(size_t loop, std::weak_ptr<UdpPlayer> player);

private:
    class Names;
    class Side;
    uint16_t rtp_port_ = 0;
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<Names> names_;
    std::vector<std::shared_ptr<Side>> sides_; ///< one for each loop
};

} // namespace penstock::net
