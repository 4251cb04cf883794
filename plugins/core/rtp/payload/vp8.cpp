// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes and reads VP8's payload descriptors.
#include "core/rtp/payload/vp8.h"

#include "core/bytes/reader.h"
#include "core/codec/keyframe.h"

namespace penstock::rtp::payload {
namespace {

// RFC 7741 4.2.
constexpr uint8_t extended = 0x80, starts_partition = 0x10, partition_index = 0x07;
constexpr uint8_t has_picture_id = 0x80, has_tl0_index = 0x40, has_tid_or_key_index = 0x30;
constexpr size_t descriptor_size = 4; // of ours

bool is_first_of_frame(ByteView payload) {
    return (payload[0] & starts_partition) && (payload[0] & partition_index) == 0;
}

} // namespace

Result Vp8Packetizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (frame.empty()) return Result::error("an empty VP8 frame");
    if (frame.size() > max_frame) return Result::error("a frame that is too long for RTP");
    const EqualParts parts = equal_parts(frame.size(), budget_ - descriptor_size);
    for (size_t at = 0; at < frame.size(); at += parts.size) {
        out.start();
        out.own({static_cast<uint8_t>(extended | (at == 0 ? starts_partition : 0)), has_picture_id,
                 static_cast<uint8_t>(0x80 | picture_id_ >> 8), static_cast<uint8_t>(picture_id_)});
        out.refer(frame.subspan(at, std::min(parts.size, frame.size() - at)));
    }
    out.mark();
    picture_id_ = (picture_id_ + 1) & 0x7FFF;
    return Result::ok();
}

Result Vp8Depacketizer::add(ByteView payload) {
    Reader r(payload);
    const uint8_t head = r.u8();
    if (head & extended) {
        const uint8_t extension = r.u8();
        if ((extension & has_picture_id) && (r.u8() & 0x80)) r.skip(1);
        if (extension & has_tl0_index) r.skip(1);
        if (extension & has_tid_or_key_index) r.skip(1);
    }
    if (r.failed() || r.remaining() == 0) {
        broken_ = true;
        return Result::error("a VP8 payload that is cut short");
    }
    if (is_first_of_frame(payload)) {
        broken_ = false;
        begin_seen_ = true;
    } else if (bytes_.empty()) {
        if (!broken_ && begin_seen_ && !damaged_) {
            broken_ = true;
            return Result::error("a VP8 frame without its beginning");
        }
        broken_ = true;
    }
    if (broken_) {
        damaged_ = true;
        return Result::ok();
    }
    if (append(r.rest())) return Result::ok();
    broken_ = true;
    return Result::error("a frame that is too long");
}

bool Vp8Depacketizer::begins_another(ByteView payload) {
    return !bytes_.empty() && is_first_of_frame(payload);
}

bool Vp8Depacketizer::finish(Frame &frame) {
    broken_ = false;
    if (bytes_.empty()) return frame.damaged;
    frame.keyframe = codec::is_vp8_entry(bytes_).value_or(false);
    return true;
}

} // namespace penstock::rtp::payload
