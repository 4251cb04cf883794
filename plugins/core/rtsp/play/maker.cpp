// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/play/maker.h"

#include "core/bytes/recycled.h"
#include "core/codec/aac.h"
#include "core/codec/ac3.h"
#include "core/codec/mpeg_audio.h"
#include "core/codec/opus.h"
#include "core/rtp/payload/packetizers.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace penstock::rtsp {
namespace {

constexpr uint32_t video_clock = 90'000, ticks_per_ms = 90;
constexpr uint8_t first_payload_type = 96;
/// Audio is stamped by counting samples, since milliseconds are too coarse for it, until that is
/// off by more than this; ms.
constexpr int64_t max_audio_drift_ms = 40;

bool needs_config(uint32_t codec) {
    return codec == flv::fourcc("avc1") || codec == flv::fourcc("hvc1") ||
           codec == flv::fourcc("mp4a");
}

/// Ticks of a frame of audio; 0: unknown.
uint32_t ticks_of_frame(const PlayTrack &track, ByteView frame) {
    switch (track.codec) {
    case flv::fourcc("Opus"):
        return codec::opus_samples(frame);
    case flv::fourcc("alaw"):
    case flv::fourcc("ulaw"):
        return static_cast<uint32_t>(frame.size() / track.channels);
    case flv::fourcc(".mp3"): {
        codec::MpegAudioHeader header;
        if (!codec::parse_mpeg_audio(frame, header).is_ok() || header.rate == 0) return 0;
        return static_cast<uint32_t>(uint64_t(header.frame_samples) * track.clock / header.rate);
    }
    case flv::fourcc("ac-3"):
    case flv::fourcc("ec-3"): {
        codec::Ac3Header header;
        return codec::parse_ac3(frame, header).is_ok() ? header.frame_samples : 0;
    }
    default:
        return 0;
    }
}

} // namespace

bool PlayTrack::is_ready() const {
    if (codec == 0 || (needs_config(codec) && config.empty())) return false;
    return is_video ? rtp::payload::make_video_packetizer(codec) != nullptr
                    : rtp::payload::make_audio_packetizer(codec) != nullptr;
}

PlayMaker::PlayMaker(uint32_t ssrc, uint16_t sequence) {
    for (size_t i = 0; i < max_tracks; ++i) {
        tracks_[i].facts.index = static_cast<uint8_t>(i);
        tracks_[i].facts.ssrc = ssrc + static_cast<uint32_t>(i);
        tracks_[i].sequence = sequence;
    }
}

void PlayMaker::restart() {
    for (size_t i = 0; i < count_; ++i) {
        Track &track = tracks_[i];
        track.packetizer.reset();
        track.next.reset();
        track.facts.codec = 0;
        track.facts.config = {};
    }
    complaint_.clear();
    ++version_;
}

std::vector<PlayTrack> PlayMaker::tracks() const {
    std::vector<PlayTrack> out;
    for (size_t i = 0; i < count_; ++i)
        if (tracks_[i].facts.codec != 0) out.push_back(tracks_[i].facts);
    return out;
}

/// nullptr: there are too many.
PlayMaker::Track *PlayMaker::track_for(bool is_video, uint8_t flv_track) {
    for (size_t i = 0; i < count_; ++i)
        if (tracks_[i].facts.is_video == is_video && tracks_[i].facts.flv_track == flv_track)
            return &tracks_[i];
    if (count_ == max_tracks) {
        complaint_ = "more than 8 tracks";
        return nullptr;
    }
    Track &track = tracks_[count_++];
    track.facts.is_video = is_video;
    track.facts.flv_track = flv_track;
    return &track;
}

void PlayMaker::set_codec(Track &track, const flv::BodyHeader &header, const flv::Tag &tag) {
    PlayTrack &facts = track.facts;
    if (std::exchange(facts.codec, header.codec) == header.codec) return;
    ++version_;
    facts.config = {};
    track.next.reset();
    track.frame_ticks = 0;
    facts.payload_type = static_cast<uint8_t>(first_payload_type + facts.index);
    facts.clock = video_clock;
    if (facts.is_video) {
        track.packetizer = rtp::payload::make_video_packetizer(header.codec);
        return;
    }
    // Bit 0 of a legacy tag tells stereo. What a codec's own headers say comes with its frames.
    facts.channels = !header.extended && (tag.body_view()[0] & 1) != 0 ? 2 : 1;
    if (header.codec == flv::fourcc("alaw") || header.codec == flv::fourcc("ulaw")) {
        facts.clock = 8'000;
        if (facts.channels == 1) facts.payload_type = header.codec == flv::fourcc("ulaw") ? 0 : 8;
    } else if (header.codec == flv::fourcc("Opus")) {
        facts.clock = 48'000;
        facts.channels = 2;
    } else if (header.codec == flv::fourcc(".mp3")) {
        facts.payload_type = 14;
    } else if (header.codec != flv::fourcc("mp4a")) {
        facts.clock = 48'000;
    }
    track.packetizer = rtp::payload::make_audio_packetizer(header.codec, facts.channels);
}

void PlayMaker::take_config(Track &track, ByteView record) {
    PlayTrack &facts = track.facts;
    if (!track.packetizer || std::ranges::equal(facts.config.view(), record)) return;
    if (const Result result = track.packetizer->configure(record); !result.is_ok()) {
        complaint_ = "configuration: " + result.reason();
        return;
    }
    facts.config = Bytes::copy_of(record);
    ++version_;
    codec::AacConfig aac;
    if (facts.codec == flv::fourcc("mp4a") && codec::parse_aac_config(record, aac).is_ok()) {
        facts.clock = aac.rate;
        facts.channels = aac.output_channels;
        track.frame_ticks = aac.frame_length;
        track.next.reset();
    }
    // The channel count of OpusHead, RFC 7845 5.1.
    if (facts.codec == flv::fourcc("Opus") && record.size() > 9)
        facts.channels = std::max<unsigned>(record[9], 1);
}

uint32_t PlayMaker::audio_timestamp(Track &track, ByteView frame, uint32_t time_ms) const {
    const PlayTrack &facts = track.facts;
    auto timestamp = static_cast<uint32_t>(uint64_t(time_ms) * facts.clock / 1000);
    if (track.next) {
        const auto off = static_cast<int32_t>(timestamp - *track.next);
        if (std::abs(int64_t(off)) * 1000 <= max_audio_drift_ms * int64_t(facts.clock))
            timestamp = *track.next;
    }
    track.next =
        timestamp + (track.frame_ticks != 0 ? track.frame_ticks : ticks_of_frame(facts, frame));
    return timestamp;
}

std::shared_ptr<PlayPacket> PlayMaker::make(const flv::Tag &tag, uint32_t time_ms) {
    auto packet = std::allocate_shared<PlayPacket>(RecyclingAllocator<PlayPacket>());
    packet->time = time_ms;
    if (tag.type == flv::TagType::script) return packet;
    const auto header = flv::parse_body(tag.type, tag.body_view());
    const bool is_media =
        header && header->codec != 0 &&
        (header->packet == flv::PacketType::config || header->packet == flv::PacketType::frame);
    if (!is_media) return packet;
    const bool is_video = tag.type == flv::TagType::video;
    Track *const track = track_for(is_video, header->track);
    if (!track) return packet;
    set_codec(*track, *header, tag);
    const ByteView data = tag.body_view().subspan(header->payload, header->payload_size);
    if (header->packet == flv::PacketType::config) {
        take_config(*track, data);
        return packet;
    }
    const bool lacks_config = needs_config(track->facts.codec) && track->facts.config.empty();
    if (data.empty() || !track->packetizer || lacks_config) return packet;
    if (track->facts.codec == flv::fourcc("ac-3") || track->facts.codec == flv::fourcc("ec-3")) {
        codec::Ac3Header ac3;
        if (codec::parse_ac3(data, ac3).is_ok() &&
            std::exchange(track->facts.clock, ac3.rate) != ac3.rate)
            ++version_;
        track->facts.channels = std::max(ac3.channels, 1u);
    }
    // Of further tracks the kind of the tag does not tell.
    packet->keyframe =
        is_video && (header->track == 0 ? tag.kind == flv::TagKind::keyframe : header->keyframe);
    if (const Result result =
            track->packetizer->packetize(data, packet->keyframe || !is_video, payloads_);
        !result.is_ok()) {
        complaint_ = (is_video ? "video: " : "audio: ") + result.reason();
        return packet;
    }
    const auto shown = static_cast<uint32_t>(int64_t(time_ms) + header->composition_time);
    packet->timestamp = is_video ? shown * ticks_per_ms : audio_timestamp(*track, data, time_ms);
    assemble(*track, *packet);
    return packet;
}

/// Writes the RTP packets one behind the other: one copy for all viewers, of whom each then costs
/// one part of a gather list instead of two for every packet.
void PlayMaker::assemble(Track &track, PlayPacket &packet) {
    constexpr size_t head_size = frame_head_size + rtp::fixed_header_size;
    size_t total = 0;
    for (const auto &payload : payloads_)
        total += head_size + payload.size;
    std::vector<uint8_t> bytes;
    bytes.reserve(total);
    packet.track = track.facts.index;
    packet.needs = track_bit(track.facts.index);
    packet.sequence = track.sequence;
    packet.count = static_cast<uint32_t>(payloads_.size());
    for (size_t i = 0; i < payloads_.size(); ++i) {
        const auto head =
            frame_head(rtp_channel(packet.track),
                       static_cast<uint16_t>(rtp::fixed_header_size + payloads_[i].size));
        bytes.insert(bytes.end(), head.begin(), head.end());
        rtp::Packet rtp;
        rtp.marker = payloads_[i].marker;
        rtp.payload_type = track.facts.payload_type;
        rtp.sequence = track.sequence++;
        rtp.timestamp = packet.timestamp + payloads_[i].ticks;
        rtp.ssrc = track.facts.ssrc;
        bytes.resize(bytes.size() + rtp::fixed_header_size);
        rtp::write_header(rtp, std::span(bytes).last(rtp::fixed_header_size));
        payloads_.append_to(bytes, i);
        packet.media_bytes += static_cast<uint32_t>(payloads_[i].size);
    }
    packet.payload = Bytes::adopt(std::move(bytes));
    packet.pieces.emplace_back(packet.payload.view());
    packet.seal(false);
}

} // namespace penstock::rtsp
