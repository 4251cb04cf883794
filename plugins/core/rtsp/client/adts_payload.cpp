// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/client/adts_payload.h"

#include "core/codec/aac.h"

#include <utility>

namespace penstock::rtsp {

using rtp::payload::Frame;
using rtp::payload::Packet;

namespace {

std::vector<uint8_t> config_of(const codec::AdtsHeader &header) {
    return codec::build_aac_config(header.config.object_type, header.config.rate,
                                   header.config.channel_config);
}

/// Whether the frame begins with a header that tells its very length.
bool is_adts(ByteView frame, codec::AdtsHeader &header) {
    return codec::parse_adts(frame, header).is_ok() && header.raw_blocks == 1 &&
           header.config.channel_config > 0 && header.frame_size > header.header_size &&
           header.frame_size <= frame.size();
}

} // namespace

AdtsTolerantAac::AdtsTolerantAac(const rtp::payload::AacFormat &format, ByteView config)
    : inner_(format, config), frame_ticks_(format.frame_ticks) {
}

void AdtsTolerantAac::take_config(const std::vector<uint8_t> &config, Frame &frame) {
    if (adts_config_ == config) return;
    adts_config_ = config;
    frame.config_changed = true;
}

/// A payload of whole ADTS frames; false if it is none.
bool AdtsTolerantAac::push_adts(const Packet &packet, std::vector<Frame> &out) {
    std::vector<Frame> made;
    std::vector<uint8_t> config;
    uint32_t timestamp = packet.timestamp;
    for (ByteView rest = packet.payload; !rest.empty();) {
        codec::AdtsHeader header;
        if (!is_adts(rest, header)) return false;
        config = config_of(header);
        Frame frame;
        const size_t size = header.frame_size - header.header_size;
        frame.bytes = Bytes::copy_of(rest.subspan(header.header_size, size));
        frame.timestamp = std::exchange(timestamp, timestamp + frame_ticks_);
        frame.keyframe = true;
        rest = rest.subspan(header.frame_size);
        made.push_back(std::move(frame));
    }
    if (made.empty()) return false;
    made.front().after_gap = packet.lost_before;
    take_config(config, made.front());
    for (Frame &frame : made)
        out.push_back(std::move(frame));
    return true;
}

Result AdtsTolerantAac::push(const Packet &packet, std::vector<Frame> &out) {
    if (push_adts(packet, out)) return Result::ok();
    frames_.clear();
    Result result = inner_.push(packet, frames_);
    for (Frame &frame : frames_) {
        codec::AdtsHeader header;
        if (is_adts(frame.bytes, header) && header.frame_size == frame.bytes.size()) {
            take_config(config_of(header), frame);
            frame.bytes = Bytes::copy_of(frame.bytes.view().subspan(header.header_size));
        }
        out.push_back(std::move(frame));
    }
    return result;
}

} // namespace penstock::rtsp
