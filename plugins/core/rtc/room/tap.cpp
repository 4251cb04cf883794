// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/tap.h"

#include "core/rtp/clock.h"
#include "core/rtp/packet.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc::room {
namespace {

constexpr uint32_t video_ssrc = 1, audio_ssrc = 2;
constexpr uint8_t video_type = 96, audio_type = 111;
constexpr uint32_t video_rate = 90'000, opus_rate = 48'000; // Hz
constexpr uint16_t first_sequence = 1024;
constexpr int64_t report_interval = 1'000'000'000; ///< ns
/// Packets that are missing may come again for as long as the sender is asked for them; ns.
constexpr int64_t reorder_delay = 150'000'000;
/// A microphone has one track, which needs no number of its own.
constexpr uint64_t the_track = 1;

sdp::AnsweredSection section(sdp::Kind kind, const char *mid, size_t track) {
    sdp::AnsweredSection out;
    out.mid = mid;
    out.kind = kind;
    out.is_accepted = true;
    out.direction = sdp::Direction::recvonly;
    out.track = track;
    return out;
}

/// What a receiver of the tapped streams has agreed: one source of each, without layers.
sdp::Answer make_answer(std::optional<Codec> video, bool audio) {
    sdp::Answer out;
    if (video) {
        sdp::AnsweredSection one = section(sdp::Kind::video, "v", 0);
        one.codec.payload_type = video_type;
        one.codec.name = *video == Codec::avc ? "H264" : "VP8";
        one.codec.clock = video_rate;
        one.codec.feedback = {"nack pli"};
        out.sections.push_back(std::move(one));
    }
    if (audio) {
        sdp::AnsweredSection one = section(sdp::Kind::audio, "a", 1);
        one.codec.payload_type = audio_type;
        one.codec.name = "opus";
        one.codec.clock = opus_rate;
        one.codec.channels = 2;
        out.sections.push_back(std::move(one));
    }
    return out;
}

sdp::Offer make_offer(const sdp::Answer &answer) {
    sdp::Offer out;
    for (const sdp::AnsweredSection &answered : answer.sections) {
        sdp::MediaSection one;
        one.kind = answered.kind;
        one.mid = answered.mid;
        one.rtcp_rsize = true;
        out.media.push_back(std::move(one));
    }
    return out;
}

} // namespace

Tap::Tap(SourceKind kind, std::optional<Codec> video, bool audio, Handler &handler, int64_t now)
    : kind_(kind), handler_(handler), video_(video_rate, first_sequence, 0, true),
      audio_(opus_rate, first_sequence, 0, false), reported_(now) {
    const sdp::Answer answer = make_answer(video, audio);
    Ingest::Options options;
    options.reorder_delay = options.plain_delay = reorder_delay;
    options.max_bitrate = 0;
    Ingest::Handler &own = *this;
    ingest_ = std::make_unique<Ingest>(make_offer(answer), answer, options, own, now);
    audio_.aim(Target{the_track, 0});
}

void Tap::choose(std::span<const LayerFacts> layers) {
    std::optional<uint8_t> best;
    for (size_t i = 0; i < layers.size(); ++i) {
        if (!layers[i].is_active) continue;
        const auto is_larger = [&](const LayerFacts &other) {
            return layers[i].height != other.height ? layers[i].height > other.height
                                                    : layers[i].bitrate > other.bitrate;
        };
        if (!best || is_larger(layers[*best])) best = static_cast<uint8_t>(i);
    }
    // Of a camera that pauses the layer stays as it was.
    if (best) video_.aim(Target{the_track, *best});
}

void Tap::on_packet(SourceKind kind, const MediaPacketPtr &packet, int64_t now) {
    if (kind == kind_ && is_video(kind))
        send(video_, video_ssrc, video_type, *packet, now);
    else if (kind == SourceKind::microphone && kind_ != SourceKind::screen)
        send(audio_, audio_ssrc, audio_type, *packet, now);
}

void Tap::send(Forwarder &forwarder, uint32_t ssrc, uint8_t payload_type, const MediaPacket &packet,
               int64_t now) {
    const auto rewritten = forwarder.take(the_track, packet);
    if (!rewritten) return;
    has_begun_ = true;
    rtp::Packet out;
    out.marker = packet.marker;
    out.payload_type = payload_type;
    out.sequence = rewritten->sequence;
    out.timestamp = rewritten->timestamp;
    out.ssrc = ssrc;
    scratch_.resize(rtp::fixed_header_size);
    rtp::write_header(out, scratch_);
    std::array<uint8_t, 8> storage;
    std::array<ByteView, 2> pieces;
    const size_t count = pieces_of(packet, *rewritten, storage, pieces);
    for (size_t i = 0; i < count; ++i)
        scratch_.insert(scratch_.end(), pieces[i].begin(), pieces[i].end());
    ingest_->on_rtp(scratch_, now);
}

/// Of what it says to a sender, requests for keyframes count; what is missing is asked for already.
void Tap::on_rtcp(ByteView compound) {
    rtp::rtcp::Compound parsed;
    if (!rtp::rtcp::parse(compound, parsed).is_ok()) return;
    for (const rtp::rtcp::Packet &packet : parsed.packets)
        if (std::holds_alternative<rtp::rtcp::PictureLoss>(packet)) wants_keyframe_ = true;
}

void Tap::check(int64_t now, int64_t unix_ns) {
    send_reports(now, unix_ns);
    const auto due = ingest_->deadline();
    if (due && *due <= now) ingest_->check(now);
    const auto &target = video_.target();
    if (target && (std::exchange(wants_keyframe_, false) || video_.wants_keyframe()))
        handler_.want_keyframe(kind_, target->layer);
}

/// They keep both tracks in step.
void Tap::send_reports(int64_t now, int64_t unix_ns) {
    if (now - reported_ < report_interval) return;
    reported_ = now;
    Writer writer;
    for (const auto &[forwarder, ssrc] :
         {std::pair(&video_, video_ssrc), std::pair(&audio_, audio_ssrc)}) {
        const auto timestamp = forwarder->timestamp_at(now);
        if (!timestamp) continue;
        rtp::rtcp::SenderReport report;
        report.ssrc = ssrc;
        report.ntp = rtp::ntp_of(unix_ns);
        report.timestamp = *timestamp;
        rtp::rtcp::write(report, writer);
    }
    if (writer.size() > 0) ingest_->on_rtcp(writer.view(), now);
}

} // namespace penstock::rtc::room
