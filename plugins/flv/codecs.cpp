// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/codecs.h"

#include "core/bytes/writer.h"
#include "core/codec/av1.h"
#include "core/codec/opus.h"
#include "flv/codecs_audio.h"
#include "flv/codecs_video.h"

#include <algorithm>

namespace penstock::flv {
namespace {

constexpr Codec codecs[] = {
    {.fourcc = fourcc("avc1"),
     .type = TagType::video,
     .caps = "video/x-h264, stream-format = (string) avc, alignment = (string) au",
     .form = Form::avc,
     .legacy_id = 7,
     .tag_value = "H.264",
     .describe = describe_avc,
     .configure = configure_avc},
    {.fourcc = fourcc("hvc1"),
     .type = TagType::video,
     .caps = "video/x-h265, stream-format = (string) hvc1, alignment = (string) au",
     .form = Form::extended,
     .legacy_id = 12,
     .tag_value = "H.265",
     .describe = describe_hevc,
     .configure = configure_hevc},
    {.fourcc = fourcc("vvc1"),
     .type = TagType::video,
     .caps = "video/x-h266, stream-format = (string) vvc1, alignment = (string) au",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "H.266",
     .describe = describe_vvc,
     .configure = configure_vvc},
    {.fourcc = fourcc("av01"),
     .type = TagType::video,
     .caps = "video/x-av1, stream-format = (string) obu-stream, alignment = (string) tu",
     .form = Form::extended,
     .legacy_id = 13,
     .tag_value = "AV1",
     .describe = describe_av1,
     .configure = configure_av1,
     .configure_by_frame = codec::make_av1_config,
     .strip = codec::without_temporal_delimiters},
    {.fourcc = fourcc("vp09"),
     .type = TagType::video,
     .caps = "video/x-vp9",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "VP9",
     .describe = describe_vp9,
     .configure = configure_vpx},
    {.fourcc = fourcc("vp08"),
     .type = TagType::video,
     .caps = "video/x-vp8",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "VP8",
     .describe = describe_vp8,
     .configure = configure_vpx,
     .frame_size = codec::vp8_size},
    {.fourcc = fourcc("mp4a"),
     .type = TagType::audio,
     .caps = "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw",
     .form = Form::aac,
     .legacy_id = 10,
     .tag_value = "MPEG-4 AAC",
     .describe = describe_aac,
     .configure = configure_aac},
    {.fourcc = fourcc(".mp3"),
     .type = TagType::audio,
     .caps = "audio/mpeg, mpegversion = (int) 1, layer = (int) [1, 3], parsed = (boolean) true",
     .form = Form::bare,
     .legacy_id = 2,
     .tag_value = "MPEG audio",
     .configure = configure_mpeg_audio,
     .frame_format = mpeg_audio_format,
     .describe_format = describe_mpeg_audio},
    {.fourcc = fourcc("Opus"),
     .type = TagType::audio,
     .caps = "audio/x-opus, channel-mapping-family = (int) [0, 255]",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "Opus",
     .describe = describe_opus,
     .configure = configure_opus,
     .frame_format = opus_format,
     .describe_format = describe_opus_format,
     .frame_samples = codec::opus_samples},
    {.fourcc = fourcc("ac-3"),
     .type = TagType::audio,
     .caps = "audio/x-ac3, framed = (boolean) true, alignment = (string) frame",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "AC-3",
     .configure = configure_ac3,
     .frame_format = ac3_format,
     .describe_format = describe_ac3<false>},
    {.fourcc = fourcc("ec-3"),
     .type = TagType::audio,
     .caps = "audio/x-eac3, framed = (boolean) true, alignment = (string) frame",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "E-AC-3",
     .configure = configure_ac3,
     .frame_format = ac3_format,
     .describe_format = describe_ac3<true>},
    {.fourcc = fourcc("fLaC"),
     .type = TagType::audio,
     .caps = "audio/x-flac, framed = (boolean) true",
     .form = Form::extended,
     .legacy_id = 0,
     .tag_value = "FLAC",
     .describe = describe_flac,
     .configure = configure_flac},
    {.fourcc = fourcc("alaw"),
     .type = TagType::audio,
     .caps = "audio/x-alaw, rate = (int) 8000, channels = (int) [1, 2]",
     .form = Form::bare,
     .legacy_id = 7,
     .tag_value = "A-law",
     .frame_format = g711_format,
     .describe_format = describe_g711<true>},
    {.fourcc = fourcc("ulaw"),
     .type = TagType::audio,
     .caps = "audio/x-mulaw, rate = (int) 8000, channels = (int) [1, 2]",
     .form = Form::bare,
     .legacy_id = 8,
     .tag_value = "Mu-law",
     .frame_format = g711_format,
     .describe_format = describe_g711<false>},
    {.fourcc = fourcc("spex"),
     .type = TagType::audio,
     .caps = "audio/x-speex, rate = (int) 16000, channels = (int) 1",
     .form = Form::bare,
     .legacy_id = 11,
     .tag_value = "Speex",
     .frame_format = speex_format,
     .describe_format = describe_speex},
};

template <class Wanted>
GstPtr<GstCaps> caps_of(TagType type, Wanted wanted) {
    GstCaps *all = gst_caps_new_empty();
    for (const Codec &codec : codecs)
        if (codec.type == type && wanted(codec))
            gst_caps_append(all, gst_caps_from_string(codec.caps));
    return GstPtr<GstCaps>::adopt(all);
}

} // namespace

const Codec *find_codec(TagType type, uint32_t fourcc) {
    for (const Codec &codec : codecs)
        if (codec.type == type && codec.fourcc == fourcc) return &codec;
    return nullptr;
}

const Codec *find_codec(const GstCaps *caps) {
    for (const Codec &codec : codecs) {
        if (!codec.configure) continue;
        auto known = GstPtr<GstCaps>::adopt(gst_caps_from_string(codec.caps));
        if (gst_caps_can_intersect(caps, known.get())) return &codec;
    }
    return nullptr;
}

GstPtr<GstCaps> readable_caps(TagType type) {
    return caps_of(type, [](const Codec &) { return true; });
}

GstPtr<GstCaps> writable_caps(TagType type) {
    return caps_of(type, [](const Codec &codec) { return codec.configure != nullptr; });
}

CodecHeader codec_header(const Codec &codec, uint8_t track, bool config, bool keyframe,
                         int32_t composition_time) {
    constexpr uint8_t key_frame = 0x10, inter_frame = 0x20, extended = 0x80;
    constexpr uint8_t video_multitrack = 6, audio_multitrack = 5;
    const bool video = codec.type == TagType::video;
    const uint8_t frame = config || keyframe ? key_frame : inter_frame;
    const uint8_t packet = config ? 0 : 1;
    const auto time =
        static_cast<uint32_t>(std::clamp(composition_time, -(1 << 23), (1 << 23) - 1));
    Writer w;
    if (track != 0 || codec.form == Form::extended) {
        const uint8_t type = track == 0 ? packet : video ? video_multitrack : audio_multitrack;
        // Enhanced RTMP: the OneTrack form has the number 0.
        w.u8((video ? extended | frame : 0x90) | type);
        if (track != 0) w.u8(packet);
        w.u32(codec.fourcc);
        if (track != 0) w.u8(track);
        if (video && !config && has_composition_time(codec.fourcc)) w.u24(time);
    } else if (codec.form == Form::avc) {
        w.u8(frame | codec.legacy_id).u8(packet).u24(config ? 0 : time);
    } else {
        // E.4.2.1: AAC always signals 44 kHz, 16 bit, stereo; the configuration has the actual
        // values, as have the frames of MP3.
        w.u8(codec.legacy_id << 4 | 0x0F);
        if (codec.form == Form::aac) w.u8(packet);
    }
    CodecHeader header;
    header.size = w.size();
    std::copy(w.view().begin(), w.view().end(), header.bytes.begin());
    return header;
}

} // namespace penstock::flv
