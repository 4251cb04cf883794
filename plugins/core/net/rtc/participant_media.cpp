// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant's media, to the room and from it.
#include "core/net/loop/clock.h"
#include "core/net/rtc/participant.h"
#include "core/net/rtc/segments.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

using rtc::room::MediaPacketPtr;
using rtc::room::SourceKind;

constexpr uint64_t facts_interval = 200'000'000; ///< ns
constexpr unsigned most_feedback = 400;          ///< datagrams of RTCP in a second
constexpr size_t most_leaving = 48;              ///< packets that wait for the end of a turn

} // namespace

// --- to the room --------------------------------------------------------------------------

void RtcParticipant::on_rtp(std::span<uint8_t> packet, uint64_t now) {
    if (number_ != 0) upstream_->on_rtp(packet, static_cast<int64_t>(now));
}

void RtcParticipant::on_rtcp(ByteView compound, uint64_t now) {
    if (number_ == 0) return;
    if (now - feedback_since_ >= 1'000'000'000) {
        feedback_since_ = now;
        feedback_ = 0;
    }
    if (++feedback_ > most_feedback) return;
    rtp::rtcp::Compound parsed;
    if (!rtp::rtcp::parse(compound, parsed).is_ok()) return;
    upstream_->on_rtcp(parsed, static_cast<int64_t>(now));
    downstream_->on_rtcp(parsed, static_cast<int64_t>(now), unix_ms() * 1'000'000);
}

void RtcParticipant::on_packet(SourceKind kind, const MediaPacketPtr &packet) {
    const RoomTrackPtr &track = tracks_[size_t(kind)];
    if (!track) return;
    if (kind == SourceKind::microphone) track->hear_packet();
    const auto now = static_cast<int64_t>(steady_ns());
    room_->publish(track, home_, packet, now);
    // Receivers' slots follow the scene by themselves.
    const bool is_forwarded = scene_ && scene_->handles.contains(track->number);
    if (taps_ && is_forwarded) taps_->on_packet(kind, packet, now);
}

void RtcParticipant::on_level(uint8_t level) {
    if (const auto &track = tracks_[size_t(SourceKind::microphone)]) track->hear_level(level);
}

bool RtcParticipant::tick_media(uint64_t now) {
    if (number_ == 0) return false;
    if (removal_at_ != 0 && now >= removal_at_) {
        close_now(LogLevel::info, "closed: " + removal_);
        return false;
    }
    for (const RoomTrackPtr &track : tracks_)
        for (size_t layer = 0; track && layer < track->layers; ++layer)
            if (track->take_keyframe_request(uint8_t(layer)))
                upstream_->request_keyframe(track->kind, uint8_t(layer));
    upstream_->check(static_cast<int64_t>(now));
    downstream_->check(static_cast<int64_t>(now), unix_ms() * 1'000'000);
    if (taps_) taps_->check(static_cast<int64_t>(now), unix_ms() * 1'000'000);
    if (now - facts_told_ >= facts_interval) tell_facts(now);
    if (!texts_.empty() || has_lost_texts_) flush_texts();
    room_->tick(now);
    return !ended_;
}

/// What receivers' loops need to know of the tracks, and what is counted.
void RtcParticipant::tell_facts(uint64_t now) {
    facts_told_ = now;
    const auto at = static_cast<int64_t>(now);
    for (const auto &track : upstream_->tracks()) {
        bool flows = false;
        for (size_t i = 0; i < track.layers.size(); ++i) {
            rtc::room::UpstreamLayer &layer = *track.layers[i];
            rtc::room::LayerFacts facts;
            facts.is_active = layer.is_active(at);
            facts.bitrate = layer.bitrate(at);
            facts.width = layer.width();
            facts.height = layer.height();
            flows = flows || facts.is_active;
            tracks_[size_t(track.kind)]->set_facts(i, facts);
        }
        if (std::exchange(flows_[size_t(track.kind)], flows) != flows)
            room_->set_flowing(number_, track.kind, flows);
    }
    RtcRoom::Counters &counters = room_->counters;
    counters.packets_in +=
        upstream_->packets() - std::exchange(upstream_packets_, upstream_->packets());
    counters.bytes_in += upstream_->bytes() - std::exchange(upstream_bytes_, upstream_->bytes());
    const rtc::room::Downstream::Stats sent = downstream_->stats();
    counters.packets_out += sent.packets - counted_.packets;
    counters.bytes_out += sent.bytes - counted_.bytes;
    counters.repeated += sent.repeated - counted_.repeated;
    counters.dropped += sent.dropped - counted_.dropped;
    counted_ = sent;
}

// --- from the room ------------------------------------------------------------------------

bool RtcParticipant::send_rtp(ByteView header, std::span<const ByteView> payload,
                              const MediaPacketPtr &packet) {
    const RtcWay *const to = way();
    if (!sender_ || !to || !to->has_room(socket()) || payload.empty()) return false;
    Leaving &one = leaving_.emplace_back();
    if (header.size() > one.header.size()) return leaving_.pop_back(), false;
    std::copy(header.begin(), header.end(), one.header.begin());
    one.header_size = static_cast<uint8_t>(header.size());
    for (const ByteView piece : payload.first(payload.size() - 1)) {
        std::copy(piece.begin(), piece.end(), one.lead.begin() + one.lead_size);
        one.lead_size = static_cast<uint8_t>(one.lead_size + piece.size());
    }
    one.rest = payload.back();
    one.packet = packet;
    if (leaving_.size() == 1)
        side().flush_later(self<RtcParticipant>());
    else if (leaving_.size() >= most_leaving)
        flush();
    return true;
}

void RtcParticipant::flush() {
    const RtcWay *const to = way();
    if (sender_ && to) {
        Segments segments(*sender_, *to, socket());
        for (const Leaving &one : leaving_) {
            const std::array<ByteView, 2> pieces{ByteView(one.lead).first(one.lead_size), one.rest};
            segments.add(ByteView(one.header).first(one.header_size),
                         std::span(pieces).subspan(one.lead_size == 0 ? 1 : 0));
        }
    }
    leaving_.clear();
}

RoomTrackPtr RtcParticipant::track_of(uint64_t number) const {
    if (const auto held = held_.find(number); held != held_.end()) return held->second.first;
    if (!scene_) return nullptr;
    const auto found = scene_->handles.find(number);
    return found == scene_->handles.end() ? nullptr : found->second;
}

void RtcParticipant::on_interest(const rtc::room::Target &target, bool is_wanted) {
    const RoomTrackPtr track = track_of(target.track);
    if (!track) return;
    side().set_interest(*this, track, target.layer, is_wanted);
    auto &held = held_[target.track];
    held.first = track;
    is_wanted ? ++held.second : --held.second;
    if (held.second == 0) held_.erase(target.track);
}

void RtcParticipant::want_keyframe(const rtc::room::Target &target) {
    if (const RoomTrackPtr track = track_of(target.track)) track->want_keyframe(target.layer);
}

MediaPacketPtr RtcParticipant::find(const rtc::room::Target &target, uint32_t epoch,
                                    int64_t number) {
    return side().find(target, epoch, number);
}

std::vector<rtc::room::LayerFacts> RtcParticipant::layers_of(uint64_t track) {
    const RoomTrackPtr found = track_of(track);
    return found ? found->facts() : std::vector<rtc::room::LayerFacts>();
}

} // namespace penstock::net
