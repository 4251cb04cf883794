// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/codecs.h"

#include "core/codec/aac.h"
#include "core/codec/avc.h"

#include <gst/pbutils/codec-utils.h>

#include <algorithm>

namespace penstock::flv {
namespace {

GstPtr<GstBuffer> copy_to_buffer(ByteView bytes) {
    return GstPtr<GstBuffer>::adopt(
        gst_buffer_new_wrapped(g_memdup2(bytes.data(), bytes.size()), bytes.size()));
}

bool codec_data_of(const GstCaps *caps, std::vector<uint8_t> &data) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const GValue *value = gst_structure_get_value(s, "codec_data");
    if (!value || !GST_VALUE_HOLDS_BUFFER(value)) return false;
    GstBuffer *buffer = gst_value_get_buffer(value);
    data.resize(gst_buffer_get_size(buffer));
    data.resize(gst_buffer_extract(buffer, 0, data.data(), data.size()));
    return !data.empty();
}

Result describe_avc(ByteView config, StreamInfo &info) {
    codec::AvcConfig avc;
    if (Result result = codec::parse_avc_config(config, avc); !result.is_ok()) return result;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment", G_TYPE_STRING, "au",
        "codec_data", GST_TYPE_BUFFER, copy_to_buffer(config).get(), nullptr));
    GstCaps *caps = info.caps.get();
    const std::vector<uint8_t> &set = avc.sps.front();
    if (set.size() >= 4)
        gst_codec_utils_h264_caps_set_level_and_profile(caps, set.data() + 1,
                                                        guint(set.size() - 1));
    codec::AvcSps sps;
    if (Result result = codec::parse_avc_sps(set, sps); !result.is_ok()) {
        info.warning = result.reason();
        return Result::ok();
    }
    gst_caps_set_simple(caps, "width", G_TYPE_INT, int(sps.width), "height", G_TYPE_INT,
                        int(sps.height), "pixel-aspect-ratio", GST_TYPE_FRACTION, int(sps.par_num),
                        int(sps.par_den), nullptr);
    if (sps.fps_num)
        gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, int(sps.fps_num),
                            int(sps.fps_den), nullptr);
    return Result::ok();
}

Result configure_avc(const GstCaps *caps, std::vector<uint8_t> &config) {
    if (!codec_data_of(caps, config)) return Result::error("H.264 caps without codec_data");
    codec::AvcConfig avc;
    return codec::parse_avc_config(config, avc);
}

Result describe_aac(ByteView config, StreamInfo &info) {
    codec::AacConfig aac;
    if (Result result = codec::parse_aac_config(config, aac); !result.is_ok()) return result;
    info.frame_samples = aac.frame_length;
    info.rate = aac.rate;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/mpeg", "mpegversion", G_TYPE_INT, 4, "framed", G_TYPE_BOOLEAN, TRUE, "stream-format",
        G_TYPE_STRING, "raw", "rate", G_TYPE_INT, int(aac.rate), "channels", G_TYPE_INT,
        int(aac.channels), "codec_data", GST_TYPE_BUFFER, copy_to_buffer(config).get(), nullptr));
    gst_codec_utils_aac_caps_set_level_and_profile(info.caps.get(), config.data(),
                                                   guint(config.size()));
    return Result::ok();
}

Result configure_aac(const GstCaps *caps, std::vector<uint8_t> &config) {
    codec::AacConfig aac;
    if (codec_data_of(caps, config)) return codec::parse_aac_config(config, aac);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    int rate = 0, channels = 0;
    gst_structure_get_int(s, "rate", &rate);
    gst_structure_get_int(s, "channels", &channels);
    if (rate <= 0 || channels < 1 || channels > 6)
        return Result::error("AAC caps with neither codec_data nor rate and channels");
    config = codec::build_aac_config(2, unsigned(rate), uint8_t(channels));
    return Result::ok();
}

constexpr Codec codecs[] = {
    {fourcc("avc1"), TagType::video,
     "video/x-h264, stream-format = (string) avc, alignment = (string) au", 7, "H.264",
     describe_avc, configure_avc},
    {fourcc("mp4a"), TagType::audio,
     "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw", 10, "MPEG-4 AAC",
     describe_aac, configure_aac},
};

} // namespace

const Codec *find_codec(TagType type, uint32_t fourcc) {
    for (const Codec &codec : codecs)
        if (codec.type == type && codec.fourcc == fourcc) return &codec;
    return nullptr;
}

const Codec *find_codec(const GstCaps *caps) {
    for (const Codec &codec : codecs) {
        auto known = GstPtr<GstCaps>::adopt(gst_caps_from_string(codec.caps));
        if (gst_caps_can_intersect(caps, known.get())) return &codec;
    }
    return nullptr;
}

GstPtr<GstCaps> caps_of_type(TagType type) {
    GstCaps *all = gst_caps_new_empty();
    for (const Codec &codec : codecs)
        if (codec.type == type) gst_caps_append(all, gst_caps_from_string(codec.caps));
    return GstPtr<GstCaps>::adopt(all);
}

size_t codec_header_size(const Codec &codec) {
    return codec.type == TagType::video ? 5 : 2;
}

void write_codec_header(uint8_t *out, const Codec &codec, bool config, bool keyframe,
                        int32_t composition_time) {
    if (codec.type == TagType::video) {
        out[0] = static_cast<uint8_t>((config || keyframe ? 0x10 : 0x20) | codec.legacy_id);
        out[1] = config ? 0 : 1;
        const int32_t time = std::clamp(composition_time, -(1 << 23), (1 << 23) - 1);
        out[2] = static_cast<uint8_t>(time >> 16);
        out[3] = static_cast<uint8_t>(time >> 8);
        out[4] = static_cast<uint8_t>(time);
    } else {
        // E.4.2.1: AAC always says 44 kHz, 16 bit, stereo; its configuration has the truth.
        out[0] = static_cast<uint8_t>(codec.legacy_id << 4 | 0x0F);
        out[1] = config ? 0 : 1;
    }
}

} // namespace penstock::flv
