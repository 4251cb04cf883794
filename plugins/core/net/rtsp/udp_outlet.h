// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends a stream to one player by UDP: a cursor into the ring, and the addresses of its tracks. The
// packets are sent from where they are, with as few system calls as their sizes allow.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/loop/udp_socket.h"
#include "core/rtsp/play/packet.h"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace penstock::net {

/// Used on its loop only.
class UdpOutlet {
public:
    struct Way {
        udp::endpoint rtp, rtcp; ///< of the player
    };
    /// `from`: the local address that the player knows.
    explicit UdpOutlet(boost::asio::ip::address from) : from_(std::move(from)) {}

    void set_way(size_t track, const Way &way) { ways_[track] = way; }
    const std::array<std::optional<Way>, rtsp::max_tracks> &ways() const { return ways_; }
    /// Whether a track has this address for its reports.
    bool has_rtcp(const udp::endpoint &rtcp) const;

    /// Where the stream is joined, and what is sent before it.
    void start_at(const fanout::Cursor &cursor, std::vector<fanout::PacketPtr> &&first);
    void rewind();
    /// `rate`: packets that may leave in a second. `more`: the rest is paced.
    fanout::Outlet::Status send(UdpSocket &socket, const fanout::Outlet::Source &source,
                                fanout::BatchCache &cache, double rate, uint64_t now,
                                uint64_t &sent);
    void send_report(UdpSocket &socket, size_t track, ByteView compound);

    const fanout::Cursor &cursor() const { return cursor_; }
    uint64_t completed() const { return completed_; }

private:
    fanout::Outlet::Status send_frame(UdpSocket &socket, const fanout::PacketPtr &packet,
                                      uint8_t takes, uint64_t &sent);
    const boost::asio::ip::address from_;
    std::array<std::optional<Way>, rtsp::max_tracks> ways_;
    fanout::Cursor cursor_;
    std::deque<fanout::PacketPtr> first_; ///< of joining, not sent yet
    size_t next_ = 0;                     ///< RTP packet of the frame at hand
    double tokens_ = 0;                   ///< packets that may leave now
    uint64_t tokens_at_ = 0;              ///< ns
    uint64_t completed_ = 0;
};

} // namespace penstock::net
