// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTSP peer that plays: what it may play, how its tracks get to it, and where it joins.
#include "core/net/loop/clock.h"
#include "core/net/rtsp/connection.h"
#include "core/net/rtsp/state.h"
#include "core/rtp/rtcp.h"
#include "core/rtsp/play/description.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using fanout::Ring;

/// Of a stream, how much is looked at for the first packets of its tracks.
constexpr size_t max_looked_at = 256, max_looked_at_bytes = 8 << 20;

/// An address as a header of HTTP and RTSP has it.
std::string text_of(boost::asio::ip::address address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address.to_string();
}

} // namespace

bool RtspConnection::is_known(const std::string &path) const {
    const auto mount = state_->mount(path, false);
    return (mount && (mount->has_feed() || mount->slot.is_claimed())) ||
           state_->rules->demand_for(path) || state_->rules->lease_for(path);
}

void RtspConnection::refuse_unknown() {
    const std::string advice = state_->play_advice();
    refuse(404, "no such stream" + (advice.empty() ? "" : ": " + advice));
}

void RtspConnection::begin_play(const rtsp::Request &request, const rtsp::Target &target,
                                std::function<void()> then) {
    // Once admitted to a path, it asks for its tracks without its key.
    if (mount_ && mount_->path() == target.path && !described_.empty() &&
        mount_->epoch() == admission_.epoch() && request.method != rtsp::Method::describe)
        return then();
    if (role_ == Role::publish_pending || role_ == Role::publisher) return session_.refuse(455);
    if (role_ != Role::none && (!mount_ || mount_->path() != target.path))
        return session_.refuse(455);
    if (role_ != Role::none) return then();
    if (mount_ && mount_->path() != target.path) {
        leave("asks for another stream");
        session_.reset();
    }
    rtsp::Credentials given;
    if (!read_credentials(request, target, given)) return;
    rename("rtsp-play");
    if (!is_safe_path(target.path)) {
        request_.path = "a path that is not legal";
        return refuse(404, "letters, digits and ._~- only, as in live/cam");
    }
    if (!is_known(target.path)) return refuse_unknown();
    then_ = std::move(then);
    const auto mount = state_->mount(target.path, false);
    ask(mount ? mount->authority() : Authority(), [this] { admit_play(); });
}

/// Called after the admission, before which nothing may be started for the player.
void RtspConnection::admit_play() {
    const auto mount = state_->mount(request_.path, false);
    const auto demand = state_->rules->demand_for(request_.path);
    const bool is_asked = demand && !demand->is_ready(request_.path);
    const bool is_claimed = mount && mount->slot.is_claimed();
    // A stream that never had media may never have any: the rule knows.
    const bool may_be_empty = is_asked && mount && mount->media_at_ms() == 0;
    if (is_claimed || (mount && mount->has_feed() && !may_be_empty)) return wait_for_tracks();
    if (is_asked) return ask_to_play(*demand);
    if (demand || state_->rules->lease_for(request_.path)) return wait_for_tracks();
    then_ = nullptr;
    refuse_unknown();
}

/// The stream is made for the player: the answer comes when it is there, or will not be.
void RtspConnection::ask_to_play(const DemandOptions &demand) {
    deadline_ms_ = steady_ms() + state_->limits.media_ms;
    demand.on_demand(request_.path, [weak = weak_from_this(),
                                     number = questions_](bool go_on, const std::string &reason) {
        const auto asking = weak.lock();
        if (!asking) return;
        asio::post(asking->context(), [asking, number, go_on, reason] {
            if (asking->closed_ || !asking->then_ || asking->questions_ != number) return;
            if (go_on) return asking->wait_for_tracks();
            asking->then_ = nullptr;
            asking->refuse(404, reason);
            asking->answer();
            asking->go_on();
        });
    });
}

void RtspConnection::wait_for_tracks() {
    mount_ = state_->mount(request_.path, true);
    deadline_ms_ = steady_ms() + state_->limits.media_ms;
    bool is_ready = false;
    described_ = mount_->tracks(&is_ready);
    if (is_ready) return use_tracks();
    mount_->when_ready(weak_from_this(), [weak = weak_from_this(), number = questions_] {
        const auto self = weak.lock();
        if (!self) return;
        asio::post(self->context(), [self, number] {
            if (self->closed_ || !self->then_ || self->questions_ != number) return;
            self->use_tracks();
            self->answer();
            self->go_on();
        });
    });
}

void RtspConnection::use_tracks() {
    bool is_ready = false;
    version_ = mount_->version();
    described_ = mount_->tracks(&is_ready);
    std::erase_if(described_, [](const rtsp::PlayTrack &track) { return !track.is_ready(); });
    const auto then = std::exchange(then_, nullptr);
    if (!is_ready || described_.empty()) {
        described_.clear();
        return refuse(is_ready ? 415 : 404,
                      is_ready ? "RTSP has no form for its codecs" : "the stream has ended");
    }
    deadline_ms_ = steady_ms() + state_->limits.request_ms;
    then();
}

void RtspConnection::on_describe(const rtsp::Request &request, const rtsp::Target &target) {
    begin_play(request, target, [this, target] { describe(target); });
}

void RtspConnection::describe(const rtsp::Target &target) {
    session_.accept_describe(rtsp::describe(described_, mount_->path(), mount_->multicast_place()),
                             target.base + "/");
}

// --- setting up ---------------------------------------------------------------------------

void RtspConnection::on_setup(const rtsp::Request &request, const rtsp::Target &target,
                              size_t track, const std::vector<rtsp::Transport> &transports) {
    if (session_.is_announced()) return set_up_publisher(track, transports);
    begin_play(request, target, [this, track, transports, url = request.uri] {
        const bool is_there =
            std::any_of(described_.begin(), described_.end(),
                        [track](const rtsp::PlayTrack &one) { return one.index == track; });
        if (!is_there) return session_.refuse(404, {}, "no such track");
        track_urls_[track] = url;
        setup(track, transports);
    });
}

void RtspConnection::setup(size_t track, const std::vector<rtsp::Transport> &transports) {
    rtsp::Transport chosen;
    if (!choose_transport(track, transports, chosen)) return session_.refuse(461);
    tracks_set_ |= rtsp::track_bit(track);
    for (const rtsp::PlayTrack &one : described_)
        if (one.index == track) chosen.ssrc = one.ssrc;
    session_.accept_setup(chosen);
}

/// All viewers get a track on the same channels, so these are the server's choice. All tracks of a
/// player take the same way.
bool RtspConnection::choose_transport(size_t track, const std::vector<rtsp::Transport> &transports,
                                      rtsp::Transport &chosen) {
    const bool is_only = (tracks_set_ & ~rtsp::track_bit(track)) == 0;
    for (const rtsp::Transport &offered : transports) {
        if (offered.profile != "RTP/AVP") continue;
        const Lower wanted = offered.is_tcp         ? Lower::interleaved
                             : offered.is_multicast ? Lower::multicast
                                                    : Lower::udp;
        if (!is_only && wanted != lower_) continue;
        if (wanted == Lower::udp && !set_up_udp(track, offered, chosen)) continue;
        if (wanted == Lower::multicast && !set_up_multicast(track, chosen)) continue;
        if (wanted == Lower::interleaved) {
            chosen.is_tcp = true;
            chosen.interleaved = {rtsp::rtp_channel(track), rtsp::rtcp_channel(track)};
        }
        if (wanted != Lower::udp) drop_udp();
        lower_ = wanted;
        return true;
    }
    return false;
}

/// The group is the stream's, whatever the peer asks for.
bool RtspConnection::set_up_multicast(size_t track, rtsp::Transport &chosen) const {
    const rtsp::MulticastPlace place = mount_->multicast_place();
    if (place.address.empty() || stream_.is_encrypted()) return false;
    const auto port = static_cast<uint16_t>(place.port + rtsp::rtp_channel(track));
    chosen.is_multicast = true;
    chosen.destination = place.address;
    chosen.port = {port, static_cast<uint16_t>(port + 1)};
    chosen.ttl = place.ttl;
    return true;
}

/// Media go to the address of the connection and nowhere else, whatever the peer asks for: who
/// could name another one could aim a stream at it.
bool RtspConnection::set_up_udp(size_t track, const rtsp::Transport &offered,
                                rtsp::Transport &chosen) {
    if (!state_->ports || !offered.client_port || offered.client_port->rtp == 0 ||
        offered.client_port->rtcp == 0 || stream_.is_encrypted())
        return false;
    const UdpOutlet::Way way{{peer_, offered.client_port->rtp}, {peer_, offered.client_port->rtcp}};
    if (!state_->ports->add(way.rtcp, shared_from_this())) return false; // another player's
    if (!udp_) udp_ = std::make_unique<UdpOutlet>(local_);
    const auto before = udp_->ways()[track];
    udp_->set_way(track, way);
    if (before && !udp_->has_rtcp(before->rtcp)) state_->ports->remove(before->rtcp, *this);
    const uint16_t port = state_->ports->rtp_port();
    chosen.client_port = offered.client_port;
    chosen.server_port = {port, static_cast<uint16_t>(port + 1)};
    chosen.source = text_of(local_);
    return true;
}

/// Takes back the ports of a player that has left, or goes another way.
void RtspConnection::drop_udp() {
    const auto udp = std::exchange(udp_, nullptr);
    if (!udp) return;
    for (const auto &way : udp->ways())
        if (way) state_->ports->remove(way->rtcp, *this);
}

// --- playing ------------------------------------------------------------------------------

void RtspConnection::on_play(const rtsp::Request &) {
    if (role_ == Role::player && session_.state() == rtsp::ServerSession::State::playing)
        return session_.accept_play({});
    if (!mount_ || tracks_set_ == 0) return session_.refuse(455);
    play();
}

void RtspConnection::play() {
    const bool is_new = role_ == Role::none;
    role_ = Role::player;
    settle();
    takes_ = tracks_set_;
    deadline_ms_ = 0;
    if (lower_ == Lower::multicast) return play_multicast(is_new);
    join(mount_, udp_ ? -1 : socket_);
    std::vector<fanout::PacketPtr> first;
    session_.accept_play(join_stream(first));
    outlet_.push(fanout::private_packet(session_.take_output()));
    send_reports();
    if (udp_)
        udp_->start_at(outlet_.cursor(), std::move(first));
    else
        for (const fanout::PacketPtr &packet : first)
            if (const auto &form = fanout::form_for(packet, takes_); form->size > 0)
                outlet_.push(form);
    if (is_new) {
        say(LogLevel::info, std::string("plays by ") + (udp_ ? "UDP" : "TCP") + " (" +
                                session_.client_name() + ")");
        admission_.enter(peer_info());
    }
    pump_alone();
}

void RtspConnection::play_multicast(bool is_new) {
    boost::asio::ip::address local = local_;
    if (local.is_v6() && local.to_v6().is_v4_mapped())
        local = asio::ip::make_address_v4(asio::ip::v4_mapped, local.to_v6());
    multicast_ = mount_->send_multicast(local);
    if (!multicast_) {
        role_ = Role::none;
        return refuse(500, "multicast is impossible on this interface");
    }
    session_.accept_play({});
    if (!is_new) return;
    say(LogLevel::info, "plays by multicast (" + session_.client_name() + ")");
    admission_.enter(peer_info());
}

/// Finds where it joins, and what its first packets are. Until media come it has no place.
std::vector<rtsp::RtpInfo> RtspConnection::join_stream(std::vector<fanout::PacketPtr> &first) {
    Ring &ring = mount_->audience().ring();
    const fanout::Policy policy = mount_->audience().policy();
    fanout::Cursor cursor;
    if (mount_->epoch() != admission_.epoch()) return {};
    const auto place = ring.settle(cursor, policy.join, policy.slow, first, ring.epoch());
    if (place == Ring::Place::waiting) return {};
    outlet_.start_at(cursor);
    std::vector<fanout::PacketPtr> packets = first;
    fanout::Batch batch;
    if (ring.read(cursor, max_looked_at, max_looked_at_bytes, batch))
        packets.insert(packets.end(), batch.packets.begin(), batch.packets.end());
    std::vector<rtsp::RtpInfo> out;
    for (const rtsp::PlayTrack &track : described_) {
        if ((tracks_set_ & rtsp::track_bit(track.index)) == 0) continue;
        for (const fanout::PacketPtr &packet : packets) {
            const rtsp::PlayPacket &frame = rtsp::play_packet(packet);
            if (frame.count == 0 || frame.track != track.index) continue;
            out.push_back({track_urls_[track.index], frame.sequence, frame.timestamp});
            break;
        }
    }
    return out;
}

/// A publisher that pauses would keep its name from others: it may leave, or go on.
void RtspConnection::on_pause() {
    if (role_ == Role::publisher) return session_.refuse(455);
    part();
    multicast_.reset();
    stop_pacing();
    session_.accept_pause();
}

void RtspConnection::on_teardown() {
    leave("left");
    deadline_ms_ = steady_ms() + state_->limits.request_ms;
}

/// A player may have stayed from an earlier producer: the watcher of this one decides about it as
/// about those that come later.
bool RtspConnection::is_admitted() {
    if (has_changed_tracks()) return false; // check() ends it
    if (mount_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    ask_again(mount_->authority(), [] {});
    return mount_->epoch() == admission_.epoch();
}

/// Whether a track is another one than the player was told of, which RTSP has no way to tell it.
bool RtspConnection::has_changed_tracks() {
    const unsigned version = mount_->version();
    if (version == version_) return false;
    bool is_ready = false;
    const auto now = mount_->tracks(&is_ready);
    if (!is_ready) return false;
    for (const rtsp::PlayTrack &known : described_)
        for (const rtsp::PlayTrack &track : now)
            if (track.index == known.index && (tracks_set_ & rtsp::track_bit(track.index)) != 0 &&
                (track.codec != known.codec || track.clock != known.clock ||
                 track.payload_type != known.payload_type))
                return true;
    version_ = version;
    return false;
}

// --- reports ------------------------------------------------------------------------------

void RtspConnection::send_reports() {
    reported_ms_ = steady_ms();
    for (const rtsp::PlayTrack &track : described_) {
        if ((tracks_set_ & rtsp::track_bit(track.index)) == 0) continue;
        Writer writer;
        writer.u32(0); // for send_rtcp()
        if (mount_->write_report(track.index, writer)) send_rtcp(track.index, writer.take());
    }
}

/// `bytes` begin with four for the head of an interleaved frame.
void RtspConnection::send_rtcp(size_t track, std::vector<uint8_t> &&bytes) {
    constexpr size_t head_size = rtsp::frame_head_size;
    if (udp_)
        return udp_->send_report(state_->ports->rtcp(loop_), track,
                                 ByteView(bytes).subspan(head_size));
    const auto head = rtsp::frame_head(rtsp::rtcp_channel(track),
                                       static_cast<uint16_t>(bytes.size() - head_size));
    std::copy(head.begin(), head.end(), bytes.begin());
    outlet_.push(fanout::private_packet(std::move(bytes)));
}

void RtspConnection::on_rtcp(ByteView datagram) {
    if (!closed_) take_reports(datagram);
}

void RtspConnection::take_reports(ByteView compound) {
    rtp::rtcp::Compound packets;
    if (rtp::rtcp::parse(compound, packets).is_ok()) heard_ms_ = steady_ms();
}

/// What players send beside their reports, as sound for a camera, is nothing that is taken here.
bool RtspConnection::on_interleaved(uint8_t channel, ByteView payload) {
    if (role_ == Role::publisher) {
        publication_->take_interleaved(channel, payload);
        return !is_read_held() && !closed_;
    }
    if (role_ == Role::player && channel % 2 == 1) take_reports(payload);
    return true;
}

// --- ending -------------------------------------------------------------------------------

/// RTSP 1.0 has no word for the end of a stream: BYE tells players of it, then the end of the
/// connection.
void RtspConnection::say_ended() {
    for (const rtsp::PlayTrack &track : described_) {
        if ((tracks_set_ & rtsp::track_bit(track.index)) == 0) continue;
        Writer writer;
        writer.u32(0); // for send_rtcp()
        if (!mount_->write_report(track.index, writer)) continue;
        rtp::rtcp::write(rtp::rtcp::Goodbye{{track.ssrc}, "the stream has ended"}, writer);
        send_rtcp(track.index, writer.take());
    }
}

void RtspConnection::finish() {
    asio::post(context(), [self = shared_from_this()] {
        if (!self->closed_)
            self->close_now(LogLevel::info, self->reason_or("closed: the stream has ended"));
    });
}

} // namespace penstock::net
