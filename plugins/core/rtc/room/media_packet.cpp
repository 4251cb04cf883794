// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the clear bytes of VP8 and H.264.
#include "core/rtc/room/media_packet.h"

#include "core/bytes/reader.h"
#include "core/codec/avc.h"

namespace penstock::rtc::room {
namespace {

// RFC 7741, 4.2.
constexpr uint8_t extended = 0x80, starts_partition = 0x10, partition_index = 0x07;
constexpr uint8_t has_picture_id = 0x80, has_tl0_index = 0x40, has_tid_or_key_index = 0x30;
// RFC 6184, 5.4.
constexpr uint8_t stap_a = 24, nal_type = 0x1F;
constexpr size_t most_units = 16; ///< of a STAP-A that are looked at

/// A frame's header begins behind it. False: it is cut short.
bool read_descriptor(ByteView payload, Vp8Numbers &out) {
    Reader r(payload);
    if (r.u8() & extended) {
        const uint8_t has = r.u8();
        if (has & has_picture_id) {
            out.picture_at = static_cast<uint8_t>(payload.size() - r.remaining());
            const uint8_t first = r.u8();
            out.is_long = first & 0x80;
            out.picture = out.is_long ? static_cast<uint16_t>((first & 0x7F) << 8 | r.u8()) : first;
        }
        if (has & has_tl0_index) {
            out.tl0_at = static_cast<uint8_t>(payload.size() - r.remaining());
            out.tl0 = r.u8();
        }
        if (has & has_tid_or_key_index) r.skip(1);
    }
    if (r.failed() || r.remaining() == 0) return false;
    out.size = static_cast<uint8_t>(payload.size() - r.remaining());
    return true;
}

Glimpse look_at_vp8(ByteView payload) {
    Glimpse out;
    if (payload.empty() || !read_descriptor(payload, out.vp8)) return {};
    const bool is_first = (payload[0] & starts_partition) && (payload[0] & partition_index) == 0;
    const ByteView frame = payload.subspan(out.vp8.size);
    out.begins_keyframe = is_first && (frame[0] & 1) == 0;
    // RFC 6386, 9.1.
    if (!out.begins_keyframe || frame.size() < 10) return out;
    if (frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A) return out;
    out.width = (frame[6] | unsigned(frame[7]) << 8) & 0x3FFF;
    out.height = (frame[8] | unsigned(frame[9]) << 8) & 0x3FFF;
    return out;
}

void look_at_sps(ByteView nal, Glimpse &out) {
    out.begins_keyframe = true;
    codec::AvcSps sps;
    if (!codec::parse_avc_sps(nal, sps).is_ok()) return;
    out.width = sps.width;
    out.height = sps.height;
}

Glimpse look_at_avc(ByteView payload) {
    Glimpse out;
    if (payload.empty()) return out;
    const uint8_t type = payload[0] & nal_type;
    if (type == codec::avc_sps) look_at_sps(payload, out);
    if (type != stap_a) return out;
    Reader r(payload.subspan(1));
    for (size_t i = 0; i < most_units && r.remaining() > 2; ++i) {
        const ByteView unit = r.take(r.u16());
        if (r.failed()) break;
        if (codec::avc_nal_type(unit) == codec::avc_sps) {
            look_at_sps(unit, out);
            break;
        }
    }
    return out;
}

} // namespace

Glimpse look_at(Codec codec, ByteView payload) {
    switch (codec) {
    case Codec::vp8:
        return look_at_vp8(payload);
    case Codec::avc:
        return look_at_avc(payload);
    default: {
        Glimpse out;
        out.begins_keyframe = !is_video(codec);
        return out;
    }
    }
}

} // namespace penstock::rtc::room
