// SPDX-License-Identifier: LGPL-2.1-or-later
// How datagrams go to and fro between a WebRTC session and an address of its peer.
#pragma once

#include "core/net/loop/udp_socket.h"
#include "core/stun/ice_lite.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace penstock::net {

class RtcConnection;

/// Over the UDP port, or a TCP connection, which is on the session's loop. Used on that loop.
struct RtcWay {
    udp::endpoint remote;
    boost::asio::ip::address local;            ///< of this side, as in Datagram::to
    size_t arrived = 0;                        ///< the loop that got the datagram
    std::shared_ptr<RtcConnection> connection; ///< nullptr: UDP

    /// What ICE knows it by.
    stun::Path path() const;

    // `udp` is the socket of the session's loop.
    /// Sends a datagram; what does not fit is lost.
    void send(UdpSocket &udp, ByteView datagram) const;
    /// Sends datagrams of `segment` bytes each, the last of which may be shorter, and returns how
    /// many bytes of complete ones have left. `is_full` is set if it takes more later, after
    /// wait_writable().
    size_t send_segments(UdpSocket &udp, ByteView bytes, size_t segment, bool &is_full) const;
    /// False: it is better to wait than to send.
    bool has_room(const UdpSocket &udp) const;
};

/// A session as the port knows it. Called on its loop, but for loop().
class RtcPeer {
public:
    virtual ~RtcPeer() = default;
    virtual size_t loop() const = 0;
    /// `bytes` are valid during the call.
    virtual void on_datagram(ByteView bytes, const RtcWay &from) = 0;
    /// Every few milliseconds from RtcPort::tick() on, until it returns false. `now`: ns.
    virtual bool on_tick(uint64_t now) = 0;
    /// The way takes datagrams again, after RtcPort::wait_writable().
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

} // namespace penstock::net
