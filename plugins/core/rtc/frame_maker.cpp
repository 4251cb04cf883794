// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/frame_maker.h"

#include "core/bytes/recycled.h"
#include "core/codec/opus.h"
#include "core/fanout/flv_fold.h"
#include "core/rtp/payload/packetizers.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc {
namespace {

namespace payload = rtp::payload;

constexpr uint32_t ticks_per_ms = 90;
/// Between the frames of a folded GOP.
constexpr uint32_t fold_step_ms = 1;
/// Audio is stamped by counting samples, since milliseconds are too coarse for it, until that is
/// off by more than this; ms.
constexpr int32_t max_audio_drift_ms = 40;
/// By how much rounding to milliseconds changes a composition time that stays the same.
constexpr int32_t max_rounding_ms = 2;

/// WebRTC has no other audio.
std::unique_ptr<payload::Packetizer> audio_packetizer(uint32_t codec) {
    const bool is_known = codec == flv::fourcc("Opus") || codec == flv::fourcc("alaw") ||
                          codec == flv::fourcc("ulaw");
    return is_known ? payload::make_audio_packetizer(codec) : nullptr;
}

bool has_config_record(uint32_t codec) {
    return codec == flv::fourcc("avc1") || codec == flv::fourcc("hvc1");
}

std::shared_ptr<RtpFrame> new_frame() {
    return std::allocate_shared<RtpFrame>(RecyclingAllocator<RtpFrame>());
}

} // namespace

bool StreamFacts::can_send_video() const {
    return payload::make_video_packetizer(video) != nullptr && !has_b_frames;
}

bool StreamFacts::can_send_audio() const {
    return audio_packetizer(audio) != nullptr;
}

bool StreamFacts::is_video_ready() const {
    return video != 0 && (has_configuration || !has_config_record(video));
}

void FrameMaker::forget(Rung &rung) {
    const uint64_t number = rung.number;
    rung = {};
    rung.number = number;
}

void FrameMaker::restart() {
    facts_ = {};
    for (Rung &rung : rungs_)
        forget(rung);
    audio_.reset();
    audio_next_.reset();
    complaint_.clear();
}

void FrameMaker::set_codec(bool video, uint32_t codec) {
    uint32_t &known = video ? facts_.video : facts_.audio;
    if (std::exchange(known, codec) == codec) return;
    if (!video) {
        audio_ = audio_packetizer(codec);
        audio_next_.reset();
        facts_.audio_clock = codec == flv::fourcc("Opus") ? 48'000 : 8'000;
        facts_.channels = codec == flv::fourcc("Opus") ? 2 : 1;
        return;
    }
    for (Rung &rung : rungs_) {
        forget(rung);
        rung.packetizer = payload::make_video_packetizer(codec);
    }
    facts_.profile.reset();
    facts_.has_configuration = facts_.has_b_frames = false;
}

void FrameMaker::take_config(const flv::Tag &tag, const flv::BodyHeader &header, ByteView payload) {
    if (tag.type == flv::TagType::audio) {
        // The channel count of OpusHead, RFC 7845 5.1.
        if (header.codec == flv::fourcc("Opus") && payload.size() > 9)
            facts_.channels = std::max<unsigned>(payload[9], 1);
        return;
    }
    Rung &rung = rungs_[header.track];
    if (!rung.packetizer || std::ranges::equal(rung.config.view(), payload)) return;
    if (const Result result = rung.packetizer->configure(payload); !result.is_ok()) {
        complaint_ = "video configuration: " + result.reason();
        return;
    }
    rung.config = Bytes::copy_of(payload);
    rung.has_b_frames = false;
    rung.composition.reset();
    if (header.track != 0) return;
    facts_.has_configuration = true;
    facts_.has_b_frames = false;
    if (header.codec == flv::fourcc("avc1") && payload.size() >= 4)
        facts_.profile = sdp::ProfileLevelId{payload[1], payload[2], payload[3]};
}

/// Without B-frames all frames are shown equally long after they are decoded.
void FrameMaker::watch_order(Rung &rung, int32_t composition_time) {
    if (rung.composition && std::abs(*rung.composition - composition_time) > max_rounding_ms)
        rung.has_b_frames = true;
    rung.composition = composition_time;
}

/// Of the default track a frame with B-frames ends the viewers, who are told why; of others it is
/// left out.
bool FrameMaker::can_send(uint8_t track) const {
    const Rung &rung = rungs_[track];
    if (!rung.packetizer) return false;
    if (track == 0) return facts_.is_video_ready();
    return !rung.has_b_frames && (!has_config_record(facts_.video) || !rung.config.view().empty());
}

uint32_t FrameMaker::audio_timestamp(ByteView payload, uint32_t time_ms) {
    const bool opus = facts_.audio == flv::fourcc("Opus");
    const uint32_t per_ms = facts_.audio_clock / 1000;
    const uint32_t samples =
        opus ? codec::opus_samples(payload) : static_cast<uint32_t>(payload.size());
    uint32_t timestamp = time_ms * per_ms;
    if (audio_next_) {
        const auto off = static_cast<int32_t>(timestamp - *audio_next_);
        if (std::abs(off) <= max_audio_drift_ms * int32_t(per_ms)) timestamp = *audio_next_;
    }
    audio_next_ = timestamp + samples;
    return timestamp;
}

std::shared_ptr<RtpFrame> FrameMaker::make(const flv::Tag &tag, uint32_t time_ms) {
    auto frame = new_frame();
    frame->time = time_ms;
    const bool video = tag.type == flv::TagType::video;
    const auto header = tag.type == flv::TagType::script
                            ? std::nullopt
                            : flv::parse_body(tag.type, tag.body_view());
    if (!header || header->track >= max_rungs || (header->multitrack && header->track == 0))
        return frame;
    // Further tracks are rungs of the default one, if they have its codec.
    if (header->track != 0 && (!video || header->codec != facts_.video)) return frame;
    const ByteView payload = tag.body_view().subspan(header->payload, header->payload_size);
    if (header->packet != flv::PacketType::config && header->packet != flv::PacketType::frame)
        return frame;
    if (header->track == 0) set_codec(video, header->codec);
    if (header->packet == flv::PacketType::config) {
        take_config(tag, *header, payload);
        return frame;
    }
    if (payload.empty()) return frame;
    frame->is_video = video;
    frame->codec = header->codec;
    // Of further tracks the kind of the tag does not tell.
    frame->keyframe = header->track == 0 ? tag.kind == flv::TagKind::keyframe : header->keyframe;
    Rung &rung = rungs_[header->track];
    if (video) {
        frame->rung = header->track;
        watch_order(rung, header->composition_time);
        if (header->track == 0) facts_.has_b_frames = rung.has_b_frames;
        if (!can_send(header->track)) return frame;
    }
    const auto &packetizer = video ? rung.packetizer : audio_;
    if (!packetizer) return frame;
    auto payloads = std::make_shared<payload::Payloads>();
    if (const Result result = packetizer->packetize(payload, frame->keyframe, *payloads);
        !result.is_ok()) {
        complaint_ = (video ? "video: " : "audio: ") + result.reason();
        return frame;
    }
    // One copy for all viewers: what is in one place is encrypted in one call.
    payloads->gather();
    uint64_t &number = video ? rung.number : audio_number_;
    frame->number = number;
    number += payloads->size();
    const auto shown = static_cast<uint32_t>(int64_t(time_ms) + header->composition_time);
    frame->timestamp = video ? shown * ticks_per_ms : audio_timestamp(payload, time_ms);
    frame->size = payload.size();
    frame->payloads = std::move(payloads);
    return frame;
}

std::vector<fanout::PacketPtr> fold(const std::vector<fanout::PacketPtr> &gop) {
    std::vector<const RtpFrame *> frames;
    for (const fanout::PacketPtr &packet : gop)
        if (const RtpFrame &frame = frame_of(packet);
            frame.is_video && frame.rung == 0 && frame.count() > 0)
            frames.push_back(&frame);
    if (frames.empty() || frames.size() > fanout::max_folded_frames) return {};
    const RtpFrame &edge = *frames.back();
    std::vector<fanout::PacketPtr> folded;
    folded.reserve(frames.size());
    for (size_t i = 0; i < frames.size(); ++i) {
        const RtpFrame &original = *frames[i];
        auto frame = new_frame();
        frame->codec = original.codec;
        frame->size = original.size;
        frame->awaited = original.awaited;
        frame->is_video = frame->is_folded = true;
        frame->keyframe = original.keyframe;
        frame->number = original.number;
        frame->payloads = original.payloads;
        const auto before_edge = static_cast<uint32_t>(frames.size() - 1 - i);
        frame->time = edge.time - before_edge * fold_step_ms;
        frame->timestamp = edge.timestamp - before_edge * fold_step_ms * ticks_per_ms;
        folded.push_back(std::move(frame));
    }
    return folded;
}

} // namespace penstock::rtc
