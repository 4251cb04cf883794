// SPDX-License-Identifier: LGPL-2.1-or-later
// Payloads of Opus and G.711.
#include "core/rtp/payload/audio.h"

#include "core/codec/opus.h"

namespace penstock::rtp::payload {

Result OpusPacketizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (codec::opus_samples(frame) == 0) return Result::error("a broken Opus packet");
    if (frame.size() > budget_) return Result::error("an Opus packet that is too long for RTP");
    out.start();
    out.refer(frame);
    return Result::ok();
}

Result G711Packetizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (frame.empty() || frame.size() % channels_ != 0)
        return Result::error("a G.711 frame without whole samples");
    if (frame.size() > max_frame) return Result::error("a frame that is too long for RTP");
    const EqualParts samples = equal_parts(frame.size() / channels_, budget_ / channels_);
    const size_t part = samples.size * channels_;
    for (size_t i = 0; i < samples.count; ++i) {
        out.start();
        out.refer(frame.subspan(i * part, std::min(part, frame.size() - i * part)));
        out.set_ticks(static_cast<uint32_t>(i * samples.size));
    }
    return Result::ok();
}

Result PlainAudioDepacketizer::push(const Packet &packet, std::vector<Frame> &out) {
    lost_ = lost_ || packet.lost_before;
    if (packet.payload.empty()) return Result::ok();
    Frame frame;
    frame.bytes = Bytes::copy_of(packet.payload);
    frame.timestamp = packet.timestamp;
    frame.keyframe = true;
    frame.after_gap = std::exchange(lost_, false);
    out.push_back(std::move(frame));
    return Result::ok();
}

} // namespace penstock::rtp::payload
