// SPDX-License-Identifier: LGPL-2.1-or-later
// TCP connections of peers that can't use UDP (ICE-TCP, RFC 6544): each carries the datagrams of
// one session, as frames of RFC 4571.
#pragma once

#include "core/net/loop/clock.h"
#include "core/net/loop/poller.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtc/way.h"
#include "core/net/stream/waiting_room.h"
#include "core/stun/frames.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace penstock::net {

class RtcConnection;

/// Those of a port.
class RtcConnections final : public std::enable_shared_from_this<RtcConnections> {
public:
    /// Connections without a valid check, in all and of a host.
    static constexpr size_t max_unproven = 1000, max_unproven_per_host = 100;

    /// The session that a first datagram, which has to be a check, is for; nullptr: none. Called on
    /// any loop.
    using Find = std::function<std::shared_ptr<RtcPeer>(ByteView check)>;

    RtcConnections(std::shared_ptr<Loops> loops, Find find);
    /// On that loop: takes a connection that was accepted.
    void accept(tcp::socket &&socket, size_t loop);
    /// On that loop: closes all that are there, and those that come later.
    void close(size_t loop);

private:
    friend class RtcConnection;
    struct PerLoop {
        std::unordered_set<std::shared_ptr<RtcConnection>> open;
        bool is_closed = false;
    };
    const std::shared_ptr<Loops> loops_;
    const Find find_;
    const std::shared_ptr<WaitingRoom> unproven_;
    std::vector<PerLoop> per_loop_; ///< each touched by its loop alone
};

/// Begins on any loop, and moves to that of its session, where it is used, with the first check.
/// Without a valid check it is closed after some seconds.
class RtcConnection final : public std::enable_shared_from_this<RtcConnection>, private Polled {
public:
    /// Bytes that wait for the peer to read; what does not fit is dropped, in whole datagrams.
    static constexpr size_t max_queued = 256 << 10;
    static constexpr uint64_t check_timeout = 10'000'000'000; ///< ns

    /// A number that no other connection has.
    uint64_t id() const { return id_; }
    /// A check was valid: it may stay.
    void prove();
    void close();

    /// As of RtcWay.
    void send(ByteView datagram);
    size_t send_segments(ByteView bytes, size_t segment, bool &is_full);
    bool has_room() const { return queued() < max_queued / 2; }
    /// Calls RtcPeer::on_writable() when it has room again, or is closed.
    void wait_writable();

    /// Use RtcConnections::accept(). Owns the descriptor.
    RtcConnection(std::shared_ptr<RtcConnections> all, int fd, size_t loop,
                  std::unique_ptr<WaitingRoom::Seat> seat);
    ~RtcConnection();

private:
    friend class RtcConnections;
    enum class Sent : uint8_t { sent, full, dropped };

    void start();
    void on_ready(uint32_t events) override;
    bool find_peer();
    void receive();
    void flush();
    void tell_writable();
    Sent write(iovec *parts, size_t count, size_t size);
    size_t queued() const { return queue_.size() - queue_sent_; }
    RtcWay way();

    const std::shared_ptr<RtcConnections> all_;
    const uint64_t id_;
    int fd_; ///< -1: closed
    size_t loop_;
    std::unique_ptr<WaitingRoom::Seat> seat_; ///< until a check was valid
    const uint64_t deadline_;                 ///< ns; of that
    std::optional<Timer> timer_;
    std::weak_ptr<RtcPeer> peer_;
    bool has_peer_ = false;
    udp::endpoint remote_;
    boost::asio::ip::address local_;
    stun::FrameReader reader_{UdpSocket::max_datagram};
    std::vector<uint8_t> queue_;
    size_t queue_sent_ = 0; ///< bytes of its beginning that have left
    bool is_awaited_ = false;
};

} // namespace penstock::net
