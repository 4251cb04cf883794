// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/multicast.h"

#include "core/net/loop/log.h"
#include "core/rtp/rtcp.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::nanoseconds pace(5'000'000);
constexpr std::chrono::seconds report_interval(5);
constexpr double least_rate = 3'200; ///< packets a second

} // namespace

std::shared_ptr<RtspMulticast> RtspMulticast::begin(const std::shared_ptr<RtspMount> &mount,
                                                    const rtsp::MulticastPlace &place,
                                                    const asio::ip::address &local) {
    const std::shared_ptr<Loops> &loops = mount->loops();
    const size_t loop = loops->next();
    std::string error;
    auto socket = UdpSocket::open(loops, loop, {local.to_string(), 0}, &error);
    if (!socket || !socket->set_multicast(local, place.ttl)) {
        log(LogLevel::warning, "rtsp",
            mount->path() + ": no multicast from " + local.to_string() +
                (error.empty() ? "" : ": " + error));
        return nullptr;
    }
    auto self = std::make_shared<RtspMulticast>(mount, loop, place, std::move(socket));
    asio::post(loops->at(loop), [self] { self->start(); });
    return self;
}

RtspMulticast::RtspMulticast(std::shared_ptr<RtspMount> mount, size_t loop,
                             const rtsp::MulticastPlace &place, std::shared_ptr<UdpSocket> socket)
    : Viewer(mount->loops(), loop), mount_(std::move(mount)),
      group_(place.address + ":" + std::to_string(place.port)), socket_(std::move(socket)),
      udp_(asio::ip::address()), paced_(loops_->at(loop)), reports_(loops_->at(loop)) {
    boost::system::error_code failed;
    const auto group = asio::ip::make_address(place.address, failed);
    for (size_t track = 0; track < rtsp::max_tracks; ++track)
        udp_.set_way(track, {{group, uint16_t(place.port + rtsp::rtp_channel(track))},
                             {group, uint16_t(place.port + rtsp::rtcp_channel(track))}});
}

void RtspMulticast::start() {
    if (closed_) return;
    deaf_.owner = this;
    socket_->start(deaf_);
    join(mount_);
    log(LogLevel::info, "rtsp", "[" + group_ + " " + mount_->path() + "] is sent to");
    pump_alone();
    tick();
}

void RtspMulticast::stop() {
    is_over_ = true;
    asio::post(loops_->at(loop_), [self = shared_from_this()] {
        self->close_now(LogLevel::info, "is sent to no longer");
    });
}

void RtspMulticast::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    is_over_ = true;
    part();
    paced_.cancel();
    reports_.cancel();
    socket_->close();
    log(level, "rtsp", "[" + group_ + " " + mount_->path() + "] " + reason);
}

PeerInfo RtspMulticast::peer_info() const {
    PeerInfo info;
    info.id = "rtsp-multicast";
    info.address = group_;
    info.path = mount_->path();
    info.client = "multicast";
    info.protocol = "rtsp";
    return info;
}

RtspMulticast::Status RtspMulticast::write(const fanout::Outlet::Source &source,
                                           fanout::BatchCache &cache, uint64_t &sent, int &) {
    // Players come at any time: who joins the group later waits for a keyframe in any case.
    fanout::Outlet::Source live = source;
    live.join = fanout::Join::keyframe;
    const double rate = std::max(least_rate, 2.0 * mount_->packet_rate());
    return udp_.send(*socket_, live, cache, rate, steady_ns(), sent);
}

void RtspMulticast::wait_writable(Status why) {
    if (why == Status::blocked) return; // the socket tells
    paced_.expires_after(pace);
    paced_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        if (const auto self = weak.lock(); self && !ec) self->turn();
    });
}

void RtspMulticast::turn() {
    if (!closed_ && waiting_) pump_again();
}

void RtspMulticast::tick() {
    reports_.expires_after(report_interval);
    reports_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = weak.lock();
        if (!self || ec || self->closed_) return;
        self->send_reports(false);
        self->tick();
    });
}

void RtspMulticast::send_reports(bool is_last) {
    bool is_ready = false;
    for (const rtsp::PlayTrack &track : mount_->tracks(&is_ready)) {
        Writer writer;
        if (!mount_->write_report(track.index, writer)) continue;
        if (is_last)
            rtp::rtcp::write(rtp::rtcp::Goodbye{{track.ssrc}, "the stream has ended"}, writer);
        udp_.send_report(*socket_, track.index, writer.view());
    }
}

} // namespace penstock::net
