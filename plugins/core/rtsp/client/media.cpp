// SPDX-License-Identifier: LGPL-2.1-or-later
// Leads packets to their tracks, frames to the handler, and reports back to the camera.
#include "core/rtsp/client/media.h"

#include "core/rtc/tags.h"
#include "core/rtp/rtcp.h"

#include <algorithm>
#include <utility>

namespace penstock::rtsp {
namespace {

constexpr int64_t second = 1'000'000'000, millisecond = 1'000'000; // ns
constexpr int64_t first_report_after = second, report_interval = 5 * second;
constexpr uint64_t max_rtcp = 100;                 // datagrams in a second
constexpr int64_t max_composition_time = 0x7FFFFF; // ms
/// Codecs are not changed more often than this, whatever a camera mixes; ns.
constexpr int64_t change_interval = second;

std::string name_of(rtc::Codec codec) {
    switch (codec) {
    case rtc::Codec::avc:
        return "H.264";
    case rtc::Codec::hevc:
        return "H.265";
    case rtc::Codec::jpeg:
        return "JPEG";
    case rtc::Codec::alaw:
        return "PCMA";
    case rtc::Codec::ulaw:
        return "PCMU";
    default:
        return "another codec";
    }
}

} // namespace

ClientMedia::ClientMedia(const std::vector<ClientTrack> &tracks, Options options, Handler &handler)
    : options_(options), handler_(handler) {
    for (const ClientTrack &setup : tracks) {
        Track track;
        track.setup = setup;
        track.codec = setup.codec;
        if (!setup.stream.codecs.empty())
            track.payload_type = setup.stream.codecs.front().payload_type;
        tracks_.push_back(std::move(track));
    }
    // Video leads the clock, because its frames can't be stretched.
    for (const bool video : {true, false})
        for (Track &track : tracks_) {
            if (rtc::is_video(track.codec.codec) != video) continue;
            track.clock_track = clock_.add_track(track.codec.rate);
            make_receiver(track);
        }
}

void ClientMedia::make_receiver(Track &track) {
    rtc::ReceivedTrack::Settings settings;
    settings.codec = track.codec.codec;
    settings.parameters = track.codec.parameters;
    settings.rate = track.codec.rate;
    settings.make = track.codec.make;
    settings.delay = options_.delay;
    track.received = std::make_unique<rtc::ReceivedTrack>(settings, clock_, track.clock_track);
}

void ClientMedia::change_codec(Track &track, const TrackCodec &codec, const std::string &why) {
    handler_.on_oddity("the camera announces " + name_of(track.codec.codec) + " and sends " +
                       name_of(codec.codec) + " (" + why + "); what it sends is taken");
    track.codec = codec;
    make_receiver(track);
}

/// Believes the packets where they contradict the description.
void ClientMedia::follow_payload(Track &track, const rtp::Packet &packet) {
    const bool video = rtc::is_video(track.codec.codec);
    if (packet.payload_type != track.payload_type) {
        track.payload_type = packet.payload_type;
        const sdp::Codec *format = track.setup.stream.codec(packet.payload_type);
        const auto codec = format ? track_codec(*format) : static_codec(packet.payload_type);
        if (codec && codec->codec != track.codec.codec && rtc::is_video(codec->codec) == video &&
            codec->rate == track.codec.rate)
            return change_codec(track, *codec, "by its payload type");
    }
    if (!video) return;
    const auto truth = track.check.check(track.codec.codec, packet.payload);
    if (!truth) return;
    TrackCodec codec;
    codec.codec = *truth;
    change_codec(track, codec, "by its bytes");
}

void ClientMedia::on_rtp(size_t index, ByteView datagram, int64_t now) {
    // Some cameras send RTCP on the channel of RTP.
    if (rtp::is_rtcp(datagram)) return on_rtcp(index, datagram, now);
    rtp::Packet packet;
    if (index >= tracks_.size() || !rtp::parse(datagram, packet).is_ok()) return;
    Track &track = tracks_[index];
    if (!origin_) origin_ = now;
    if (!next_report_) next_report_ = now + first_report_after;
    const bool may_change =
        !track.last_payload_change || now - *track.last_payload_change >= change_interval;
    if (may_change && !packet.payload.empty()) {
        const rtc::Codec before = track.codec.codec;
        follow_payload(track, packet);
        if (track.codec.codec != before) track.last_payload_change = now;
    }
    track.has_begun = true;
    track.has_ended = false;
    (void)track.received->receive(packet, false, now);
    take_frames(index, now);
}

void ClientMedia::take_frames(size_t index, int64_t now) {
    tracks_[index].received->pop(now, frames_);
    for (rtc::TrackFrame &frame : frames_)
        emit(index, std::move(frame));
    frames_.clear();
}

int64_t ClientMedia::since_origin(int64_t time) const {
    return std::max<int64_t>(time - *origin_, 0);
}

void ClientMedia::emit(size_t index, rtc::TrackFrame &&frame) {
    const TrackCodec &codec = tracks_[index].codec;
    if (!rtc::is_in_flv(codec.codec)) {
        handler_.on_frame(index, codec,
                          {std::move(frame.bytes), since_origin(frame.pts), frame.sender_time});
        return;
    }
    // FLV's milliseconds, before they wrap.
    const auto dts = static_cast<uint32_t>(since_origin(frame.dts) / millisecond);
    const auto pts = static_cast<uint32_t>(since_origin(frame.pts) / millisecond);
    const auto composition_time =
        static_cast<uint32_t>(std::min<int64_t>(uint32_t(pts - dts), max_composition_time));
    if (!frame.config.empty())
        handler_.on_tag(rtc::make_config_tag(codec.codec, 0, dts, frame.config), std::nullopt);
    handler_.on_tag(
        rtc::make_frame_tag(codec.codec, 0, dts, composition_time, frame.keyframe, frame.bytes),
        frame.sender_time);
}

void ClientMedia::on_rtcp(size_t index, ByteView datagram, int64_t now) {
    if (index >= tracks_.size()) return;
    if (now / second != second_) {
        second_ = now / second;
        datagrams_ = 0;
    }
    rtp::rtcp::Compound compound;
    if (++datagrams_ > max_rtcp || !rtp::rtcp::parse(datagram, compound).is_ok()) return;
    Track &track = tracks_[index];
    for (const rtp::rtcp::Packet &packet : compound.packets) {
        if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&packet)) {
            track.received->sender_report(*report, now);
        } else if (const auto *goodbye = std::get_if<rtp::rtcp::Goodbye>(&packet)) {
            const auto ssrc = track.received->ssrc();
            if (!ssrc || std::ranges::find(goodbye->ssrcs, *ssrc) == goodbye->ssrcs.end()) continue;
            track.has_ended = true;
            track.received->end(frames_);
            take_frames(index, now);
        }
    }
}

void ClientMedia::set_delay(int64_t delay) {
    options_.delay = delay;
    for (Track &track : tracks_)
        track.received->set_delay(delay);
}

void ClientMedia::check(int64_t now) {
    for (size_t i = 0; i < tracks_.size(); ++i)
        take_frames(i, now);
    if (next_report_ && now >= *next_report_) send_reports(now);
}

void ClientMedia::send_reports(int64_t now) {
    next_report_ = now + report_interval;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const auto block = tracks_[i].received->report(now);
        if (!block) continue;
        Writer w;
        rtp::rtcp::write(rtp::rtcp::ReceiverReport{options_.ssrc, {*block}}, w);
        rtp::rtcp::write(rtp::rtcp::SourceDescription{{{options_.ssrc, "penstock"}}}, w);
        handler_.on_report(i, w.view());
    }
}

std::optional<int64_t> ClientMedia::deadline() const {
    std::optional<int64_t> first = next_report_;
    for (const Track &track : tracks_)
        if (const auto due = track.received->deadline())
            first = first ? std::min(*first, *due) : *due;
    return first;
}

bool ClientMedia::has_ended() const {
    bool any = false;
    for (const Track &track : tracks_) {
        if (track.has_begun && !track.has_ended) return false;
        any = any || track.has_begun;
    }
    return any;
}

std::vector<ClientMedia::TrackStats> ClientMedia::stats() const {
    std::vector<TrackStats> out;
    for (const Track &track : tracks_) {
        const rtc::ReceivedTrack &received = *track.received;
        out.push_back({track.codec.codec, received.counters(), received.missing(),
                       received.jitter(), received.width(), received.height()});
    }
    return out;
}

} // namespace penstock::rtsp
