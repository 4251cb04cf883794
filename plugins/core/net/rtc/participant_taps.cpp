// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/participant_taps.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

using rtc::room::SourceKind;

constexpr int64_t choose_interval = 500'000'000; ///< ns

} // namespace

ParticipantTaps::ParticipantTaps(std::shared_ptr<RtcRoom> room, uint32_t participant,
                                 const rtc::room::Upstream &upstream, WantKeyframe want_keyframe)
    : room_(std::move(room)), participant_(participant), want_keyframe_(std::move(want_keyframe)) {
    for (const auto &track : upstream.tracks())
        codecs_[size_t(track.kind)] = track.codec;
}

ParticipantTaps::~ParticipantTaps() = default;

/// Those who take media may have come or gone.
void ParticipantTaps::follow_taps(int64_t now) {
    const unsigned turn = room_->tap_turn();
    if (turn_ == turn) return;
    turn_ = turn;
    const RoomTaps taps = room_->media_taps();
    if (taps.empty()) {
        streams_ = {};
        return;
    }
    if (!streams_[0] && (has(SourceKind::camera) || has(SourceKind::microphone)))
        streams_[0] = std::make_unique<Stream>(*this, false, now);
    if (!streams_[1] && has(SourceKind::screen))
        streams_[1] = std::make_unique<Stream>(*this, true, now);
    for (const auto &stream : streams_)
        if (stream) stream->set_taps(taps);
}

void ParticipantTaps::on_packet(SourceKind kind, const rtc::room::MediaPacketPtr &packet,
                                int64_t now) {
    for (const auto &stream : streams_)
        if (stream) stream->tap().on_packet(kind, packet, now);
}

void ParticipantTaps::check(int64_t now, int64_t unix_ns) {
    follow_taps(now);
    const bool is_due = now - chosen_ >= choose_interval;
    if (!streams_[0] && !streams_[1]) return;
    RoomStream described;
    if (is_due) {
        chosen_ = now;
        room_->describe(participant_, described);
    }
    for (const auto &stream : streams_) {
        if (!stream) continue;
        const RoomTrackPtr &track = tracks_[size_t(stream->kind())];
        if (is_due) stream->describe(described);
        if (is_due && track) stream->tap().choose(track->facts());
        if (room_->take_keyframe_request(stream->number())) stream->tap().request_keyframe();
        stream->tap().check(now, unix_ns);
    }
}

// --- one stream ---------------------------------------------------------------------------

ParticipantTaps::Stream::Stream(ParticipantTaps &all, bool is_screen, int64_t now)
    : all_(all), kind_(is_screen ? SourceKind::screen : SourceKind::camera),
      tap_(kind_, all.codecs_[size_t(kind_)],
           !is_screen && all.codecs_[size_t(SourceKind::microphone)].has_value(), *this, now) {
    info_.number = all.room_->open_stream();
    info_.participant = rtc::room::Room::id_of(all.participant_);
    info_.is_screen = is_screen;
}

ParticipantTaps::Stream::~Stream() {
    all_.room_->close_stream(info_.number);
    for (const Taker &taker : takers_)
        if (has_begun_)
            taker.tap->call(
                [&](RoomReceiver &receiver) { receiver.on_stream_ended(info_.number); });
}

void ParticipantTaps::Stream::set_taps(const RoomTaps &taps) {
    std::vector<Taker> takers;
    for (const auto &tap : taps) {
        const auto known = std::find_if(takers_.begin(), takers_.end(),
                                        [&](const Taker &one) { return one.tap == tap; });
        takers.push_back(known == takers_.end() ? Taker{tap} : *known);
        if (known == takers_.end() && has_begun_) begin(takers.back());
    }
    takers_ = std::move(takers);
}

/// Until it begins it has none.
void ParticipantTaps::Stream::describe(const RoomStream &participant) {
    if (!has_begun_ || (info_.name == participant.name && info_.is_muted == participant.is_muted))
        return;
    info_.name = participant.name;
    info_.is_muted = participant.is_muted;
    for (const Taker &taker : takers_)
        taker.tap->call([&](RoomReceiver &receiver) { receiver.on_changed(info_); });
}

/// The stream exists for it from now on, with a keyframe next.
void ParticipantTaps::Stream::begin(Taker &taker) {
    taker.tap->call([&](RoomReceiver &receiver) {
        receiver.on_stream(info_);
        for (const auto &config : {video_config_, audio_config_})
            if (config) receiver.on_tag(info_.number, flv::Tag(*config));
    });
    taker.needs_keyframe = has_video_;
    if (has_video_) tap_.request_keyframe();
}

void ParticipantTaps::Stream::on_tag(flv::Tag &&tag) {
    if (!has_begun_) {
        has_begun_ = true;
        all_.room_->describe(all_.participant_, info_);
        for (Taker &taker : takers_)
            begin(taker);
    }
    const bool is_video = tag.type == flv::TagType::video;
    const bool is_config = tag.kind == flv::TagKind::config;
    if (is_config) (is_video ? video_config_ : audio_config_) = tag;
    has_video_ = has_video_ || is_video;
    for (Taker &taker : takers_) {
        if (is_video && !is_config) {
            if (tag.kind == flv::TagKind::keyframe) taker.needs_keyframe = false;
            if (taker.needs_keyframe) continue;
        }
        taker.tap->call(
            [&](RoomReceiver &receiver) { receiver.on_tag(info_.number, flv::Tag(tag)); });
    }
}

} // namespace penstock::net
