// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the codec headers in front of configurations and frames.
#include "core/rtc/tags.h"

#include "core/bytes/writer.h"

#include <utility>

namespace penstock::rtc {
namespace {

// Enhanced RTMP v2, ExVideoTagHeader and ExAudioTagHeader.
constexpr uint8_t sequence_start = 0, coded_frames = 1;
constexpr uint8_t video_multitrack = 6, audio_multitrack = 5, one_track = 0;
constexpr uint8_t key_type = 1, inter_type = 2;
constexpr size_t longest_head = 16; // bytes

uint32_t fourcc_of(Codec codec) {
    switch (codec) {
    case Codec::avc:
        return flv::fourcc("avc1");
    case Codec::hevc:
        return flv::fourcc("hvc1");
    case Codec::av1:
        return flv::fourcc("av01");
    case Codec::vp9:
        return flv::fourcc("vp09");
    case Codec::vp8:
        return flv::fourcc("vp08");
    case Codec::aac:
        return flv::fourcc("mp4a");
    default:
        return flv::fourcc("Opus");
    }
}

struct Head {
    bool config = false, keyframe = true;
    uint32_t composition_time = 0;
};

/// FLV 10.1, E.4.3 and E.4.2.
void write_legacy(Codec codec, const Head &head, Writer &w) {
    constexpr uint8_t avc_id = 7, alaw_id = 7, ulaw_id = 8, sixteen_bits = 2, aac_head = 0xAF;
    if (codec == Codec::avc)
        w.u8(unsigned(head.keyframe ? key_type : inter_type) << 4 | avc_id)
            .u8(head.config ? 0 : 1)
            .u24(head.composition_time);
    else if (codec == Codec::aac)
        w.u8(aac_head).u8(head.config ? 0 : 1);
    else
        w.u8(unsigned(codec == Codec::alaw ? alaw_id : ulaw_id) << 4 | sixteen_bits); // mono
}

void write_extended(Codec codec, uint8_t track, const Head &head, Writer &w) {
    const bool video = is_video(codec);
    const uint8_t packet = head.config ? sequence_start : coded_frames;
    const uint8_t multitrack = video ? video_multitrack : audio_multitrack;
    const unsigned upper =
        video ? 0x80 | unsigned(head.keyframe ? key_type : inter_type) << 4 : 0x90;
    w.u8(upper | (track == 0 ? packet : multitrack));
    if (track != 0) w.u8(one_track << 4 | packet);
    w.u32(fourcc_of(codec));
    if (track != 0) w.u8(track);
    if (!head.config && flv::has_composition_time(fourcc_of(codec))) w.u24(head.composition_time);
}

flv::Tag make(Codec codec, uint8_t track, uint32_t timestamp, const Head &head, ByteView data) {
    Writer w;
    w.vector().reserve(flv::header_size + longest_head + data.size() + flv::trailer_size);
    w.vector().resize(flv::header_size);
    const bool is_legacy =
        track == 0 && (codec == Codec::avc || codec == Codec::aac || !has_config(codec));
    is_legacy ? write_legacy(codec, head, w) : write_extended(codec, track, head, w);
    w.bytes(data);
    w.vector().resize(w.size() + flv::trailer_size);
    const auto type = is_video(codec) ? flv::TagType::video : flv::TagType::audio;
    return flv::frame_tag(type, timestamp, w.take());
}

} // namespace

flv::Tag make_config_tag(Codec codec, uint8_t track, uint32_t timestamp, ByteView record) {
    return make(codec, track, timestamp, {true, true, 0}, record);
}

flv::Tag make_frame_tag(Codec codec, uint8_t track, uint32_t timestamp, uint32_t composition_time,
                        bool keyframe, ByteView frame) {
    return make(codec, track, timestamp, {false, keyframe, composition_time}, frame);
}

} // namespace penstock::rtc
