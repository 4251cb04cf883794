// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/udp_outlet.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

using fanout::Outlet;

/// What leaves for a player at once, in packets: a keyframe or a cached GOP is spread, because
/// routers and receivers have short queues.
constexpr double burst_packets = 48;
constexpr double burst_ns_per_s = 1e9;
/// Frames of one turn; others have theirs in between.
constexpr size_t max_frames = 256;
constexpr size_t max_run = 48;

} // namespace

bool UdpOutlet::has_rtcp(const udp::endpoint &rtcp) const {
    return std::any_of(ways_.begin(), ways_.end(),
                       [&](const auto &way) { return way && way->rtcp == rtcp; });
}

void UdpOutlet::start_at(const fanout::Cursor &cursor, std::vector<fanout::PacketPtr> &&first) {
    cursor_ = cursor;
    first_.assign(first.begin(), first.end());
    next_ = 0;
}

void UdpOutlet::rewind() {
    cursor_ = {};
    first_.clear();
    next_ = 0;
}

Outlet::Status UdpOutlet::send(UdpSocket &socket, const Outlet::Source &source,
                               fanout::BatchCache &cache, double rate, uint64_t now,
                               uint64_t &sent) {
    if (!source.ring) return Outlet::Status::idle;
    tokens_ =
        tokens_at_ == 0
            ? burst_packets
            : std::min(burst_packets, tokens_ + double(now - tokens_at_) * rate / burst_ns_per_s);
    tokens_at_ = now;
    thread_local std::vector<fanout::PacketPtr> first;
    for (size_t frames = 0; frames < max_frames;) {
        const fanout::Cursor before = cursor_;
        first.clear();
        const auto place =
            source.ring->settle(cursor_, source.join, source.slow, first, source.epoch);
        if (place == fanout::Ring::Place::lagging) return Outlet::Status::lagging;
        if (before.next != cursor_.next || before.epoch != cursor_.epoch) {
            // It joined, or skipped to a newer keyframe: of the frame at hand the rest is given up.
            next_ = 0;
            first_.assign(first.begin(), first.end());
        }
        for (; !first_.empty(); ++frames) {
            const auto status = send_frame(socket, first_.front(), source.takes, sent);
            if (status != Outlet::Status::idle) return status;
            first_.pop_front();
        }
        if (place != fanout::Ring::Place::behind) return Outlet::Status::idle;
        // Whoever takes fewer tracks skips the others' packets here, in the batch that all share.
        const auto *entry = cache.get(*source.ring, cursor_, source.framing);
        if (!entry) continue;
        for (const fanout::PacketPtr &packet : entry->batch.packets) {
            if (frames++ >= max_frames) break;
            const auto status = send_frame(socket, packet, source.takes, sent);
            if (status != Outlet::Status::idle) return status;
            ++*cursor_.next;
        }
    }
    return Outlet::Status::more;
}

/// Idle: the frame is sent.
Outlet::Status UdpOutlet::send_frame(UdpSocket &socket, const fanout::PacketPtr &packet,
                                     uint8_t takes, uint64_t &sent) {
    const rtsp::PlayPacket &frame = rtsp::play_packet(packet);
    if (frame.count == 0 || (frame.needs & ~takes) != 0 || !ways_[frame.track]) {
        ++completed_;
        return Outlet::Status::idle;
    }
    thread_local std::vector<iovec> parts;
    parts.clear();
    frame.each_rtp([](ByteView rtp) {
        parts.push_back({const_cast<uint8_t *>(rtp.data()), rtp.size()});
    });
    while (next_ < parts.size()) {
        // What would not be taken stays in the ring; all players of the loop share the socket.
        if (socket.is_full()) return Outlet::Status::blocked;
        if (tokens_ < 1) return Outlet::Status::more;
        const size_t most = std::min({parts.size() - next_, size_t(tokens_), max_run});
        // Segments but the last are of one size.
        size_t count = 1;
        while (count < most && parts[next_ + count].iov_len <= parts[next_].iov_len)
            if (parts[next_ + count++].iov_len < parts[next_].iov_len) break;
        sent += socket.send_datagrams(ways_[frame.track]->rtp, from_, &parts[next_], count);
        // A datagram that the socket refused is lost, as any may be.
        next_ += count;
        tokens_ -= double(count);
    }
    next_ = 0;
    ++completed_;
    return Outlet::Status::idle;
}

void UdpOutlet::send_report(UdpSocket &socket, size_t track, ByteView compound) {
    if (!ways_[track]) return;
    const iovec part{const_cast<uint8_t *>(compound.data()), compound.size()};
    socket.send(ways_[track]->rtcp, from_, &part, 1);
}

} // namespace penstock::net
