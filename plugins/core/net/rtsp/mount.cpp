// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/mount.h"

#include "core/flv/enhanced.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/rtsp/multicast.h"
#include "core/net/tls/random.h"
#include "core/rtp/clock.h"

#include <cstdlib>
#include <utility>

namespace penstock::net {
namespace {

/// A second track that has not shown itself by then does not exist, for those who join; ns.
constexpr uint64_t track_wait = 1'000'000'000;
constexpr uint64_t second = 1'000'000'000;
/// The wall clock of reports is set again if frames come that much earlier or later; ms.
constexpr int64_t max_anchor_drift_ms = 500;

} // namespace

RtspMount::RtspMount(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)), slot(*this), cname_(random_name(16)),
      maker_(static_cast<uint32_t>(secure_random()) & 0x7FFF'FFF0,
             static_cast<uint16_t>(secure_random() & 0x3FFF)),
      feed_(audience().ring(),
            {.make_packet = [this](const flv::Tag &tag,
                                   uint32_t timestamp) { return maker_.make(tag, timestamp); },
             .own_needs = true}) {
    audience().ring().set_fold(rtsp::fold);
}

bool RtspMount::deliver(const Publisher &publisher, flv::Tag &&tag) {
    bytes_in.fetch_add(tag.bytes.size(), std::memory_order_relaxed);
    note_media();
    return slot.deliver(publisher, [&tag](PublishReceiver &receiver) {
        return static_cast<TagReceiver &>(receiver).on_tag(std::move(tag));
    });
}

void RtspMount::attach_feed(const PlayFeedOptions &options) {
    set_authority(options.watch);
    audience().set_policy(options.policy);
    maker_.restart();
    feed_.restart(options.history);
    began_ns_ = 0;
    {
        std::lock_guard lock(mutex_);
        tracks_.clear();
        is_ready_ = false;
        anchor_ms_.reset();
    }
    has_feed_ = had_feed_ = true;
}

void RtspMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    std::function<void()> call;
    {
        std::lock_guard lock(mutex_);
        is_ready_ = false;
        call = waiting_.take();
    }
    call();
    tell(MountEvent::gone);
}

void RtspMount::discontinuity() {
    feed_.discontinuity();
    std::lock_guard lock(mutex_);
    anchor_ms_.reset();
}

void RtspMount::push(const flv::Tag &tag) {
    const uint64_t now = steady_ns();
    note_media();
    if (tag.type != flv::TagType::script) {
        const auto header = flv::parse_body(tag.type, tag.body_view());
        if (header && header->mod_ex) return push(flv::without_mod_ex(tag));
    }
    const auto packet = feed_.append(tag, now);
    if (maker_.complaint() != complaint_) {
        complaint_ = maker_.complaint();
        if (!complaint_.empty()) log(LogLevel::warning, "rtsp", path() + ": " + complaint_);
    }
    if (began_ns_ == 0 && (tag.kind == flv::TagKind::audio || tag.kind == flv::TagKind::frame ||
                           tag.kind == flv::TagKind::keyframe))
        began_ns_ = now;
    if (packet && packet->size > 0) {
        const rtsp::PlayPacket &frame = rtsp::play_packet(packet);
        note_sent(frame);
        measure_rate(frame, now);
    }
    publish_tracks(now);
    if (packet && packet->size > 0) audience().wake(packet->awaited);
}

/// The tracks are known when there are video and audio, or one for a second.
void RtspMount::publish_tracks(uint64_t now) {
    if (began_ns_ == 0 || (is_ready_ && version_ == maker_.version())) return;
    auto known = maker_.tracks();
    bool has[2] = {false, false}, lacks = false;
    for (const rtsp::PlayTrack &track : known)
        (track.is_ready() ? has[track.is_video ? 0 : 1] : lacks) = true;
    const bool waited = now - began_ns_ >= track_wait;
    const bool ready = (has[0] && has[1] && !lacks) || (waited && !known.empty());
    std::function<void()> call;
    {
        std::lock_guard lock(mutex_);
        tracks_ = std::move(known);
        for (const rtsp::PlayTrack &track : tracks_) {
            Sent &sent = sent_[track.index];
            sent.is_video = track.is_video;
            sent.ssrc = track.ssrc;
            sent.clock = track.clock;
        }
        version_ = maker_.version();
        if (!ready || std::exchange(is_ready_, true)) return;
        call = waiting_.take();
    }
    since_ = unix_ms();
    tell(MountEvent::live);
    call();
}

void RtspMount::note_sent(const rtsp::PlayPacket &packet) {
    const int64_t now = unix_ms();
    std::lock_guard lock(mutex_);
    Sent &sent = sent_[packet.track];
    sent.time = packet.time;
    sent.timestamp = packet.timestamp;
    sent.packets += packet.count;
    sent.bytes += packet.media_bytes;
    const int64_t off =
        anchor_ms_ ? now - anchor_unix_ms_ - static_cast<int32_t>(packet.time - *anchor_ms_)
                   : INT64_MAX;
    if (anchor_ms_ && std::abs(off) <= max_anchor_drift_ms) return;
    anchor_ms_ = packet.time;
    anchor_unix_ms_ = now;
}

bool RtspMount::write_report(size_t track, Writer &out) const {
    rtp::rtcp::SenderReport report;
    const int64_t now = unix_ms();
    {
        std::lock_guard lock(mutex_);
        const Sent &sent = sent_[track];
        if (sent.packets == 0 || sent.clock == 0 || !anchor_ms_) return false;
        // The time on the stream's line that it is now, by which all tracks are reported.
        const auto media_ms = static_cast<uint32_t>(*anchor_ms_ + (now - anchor_unix_ms_));
        const auto passed = static_cast<int32_t>(media_ms - sent.time);
        // Video is stamped by the stream's milliseconds, audio by its samples.
        report.timestamp =
            sent.is_video
                ? media_ms * 90
                : sent.timestamp + static_cast<uint32_t>(int64_t(passed) * sent.clock / 1000);
        report.ssrc = sent.ssrc;
        report.packets = sent.packets;
        report.bytes = sent.bytes;
    }
    report.ntp = rtp::ntp_of(now * 1'000'000);
    rtp::rtcp::write(report, out);
    rtp::rtcp::write(rtp::rtcp::SourceDescription{{{report.ssrc, cname_}}}, out);
    return true;
}

void RtspMount::measure_rate(const rtsp::PlayPacket &packet, uint64_t now) {
    rate_packets_ += packet.count;
    if (rate_since_ns_ == 0) rate_since_ns_ = now;
    const uint64_t passed = now - rate_since_ns_;
    if (passed < second) return;
    packet_rate_ = static_cast<unsigned>(uint64_t(rate_packets_) * second / passed);
    rate_since_ns_ = now;
    rate_packets_ = 0;
}

std::vector<rtsp::PlayTrack> RtspMount::tracks(bool *ready) const {
    std::lock_guard lock(mutex_);
    *ready = is_ready_;
    return tracks_;
}

void RtspMount::when_ready(std::weak_ptr<void> who, std::function<void()> then) {
    {
        std::lock_guard lock(mutex_);
        if (!is_ready_ && waiting_.add(std::move(who), then)) return;
    }
    then();
}

void RtspMount::set_multicast(const rtsp::MulticastPlace &place) {
    std::lock_guard lock(mutex_);
    multicast_place_ = place;
}

rtsp::MulticastPlace RtspMount::multicast_place() const {
    std::lock_guard lock(mutex_);
    return multicast_place_;
}

std::shared_ptr<RtspMulticast> RtspMount::send_multicast(const boost::asio::ip::address &local) {
    std::lock_guard lock(mutex_);
    auto present = multicast_.lock();
    if (present && !present->is_over()) return present;
    const auto self = std::static_pointer_cast<RtspMount>(shared_from_this());
    const auto made = RtspMulticast::begin(self, multicast_place_, local);
    if (!made) return nullptr;
    // The last player that lets go of it ends it.
    std::shared_ptr<RtspMulticast> held(made.get(), [made](RtspMulticast *) { made->stop(); });
    multicast_ = held;
    return held;
}

bool RtspMount::in_use() const {
    return slot.in_use() || has_feed_ || viewers() > 0;
}

MountInfo RtspMount::info() const {
    MountInfo info{key()};
    info.live = since_ != 0;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_in = bytes_in;
    info.bytes_out = audience().bytes_out;
    if (had_feed_) info.media.content_type = "application/sdp"; // it is played, or was
    bool ready = false;
    for (const rtsp::PlayTrack &track : tracks(&ready))
        (track.is_video ? info.media.has_video : info.media.has_audio) = true;
    slot.describe(info);
    return info;
}

} // namespace penstock::net
