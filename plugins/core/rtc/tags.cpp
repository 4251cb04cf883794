// SPDX-License-Identifier: LGPL-2.1-or-later
// Names the codecs of WebRTC as FLV does.
#include "core/rtc/tags.h"

#include "core/flv/media_tags.h"

namespace penstock::rtc {
namespace {

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
    case Codec::alaw:
        return flv::fourcc("alaw");
    case Codec::ulaw:
        return flv::fourcc("ulaw");
    case Codec::aac:
        return flv::fourcc("mp4a");
    default:
        return flv::fourcc("Opus");
    }
}

flv::MediaHead head_of(Codec codec, uint8_t track) {
    flv::MediaHead head;
    head.type = is_video(codec) ? flv::TagType::video : flv::TagType::audio;
    head.codec = fourcc_of(codec);
    head.track = track;
    return head;
}

} // namespace

flv::Tag make_config_tag(Codec codec, uint8_t track, uint32_t timestamp, ByteView record) {
    flv::MediaHead head = head_of(codec, track);
    head.config = true;
    return flv::make_media_tag(head, timestamp, record);
}

flv::Tag make_frame_tag(Codec codec, uint8_t track, uint32_t timestamp, uint32_t composition_time,
                        bool keyframe, ByteView frame) {
    flv::MediaHead head = head_of(codec, track);
    head.keyframe = keyframe;
    head.composition_time = composition_time;
    return flv::make_media_tag(head, timestamp, frame);
}

} // namespace penstock::rtc
