// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/codecs.h"

#include "core/codec/aac.h"
#include "core/codec/avc.h"
#include "core/codec/mpeg_audio.h"
#include "core/codec/speex.h"

#include <gst/pbutils/codec-utils.h>

#include <algorithm>
#include <cstring>

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

/// E.4.2.1, SoundType.
unsigned channels_of(ByteView body) {
    return body[0] & 1 ? 2 : 1;
}

Result mpeg_audio_format(ByteView, ByteView payload, uint64_t &format) {
    codec::MpegAudioHeader header;
    const Result result = codec::parse_mpeg_audio(payload, header);
    if (result.needs_more()) return Result::error("an MP3 frame that is cut short");
    if (!result.is_ok()) return result;
    format = uint64_t(header.rate) << 24 | header.frame_samples << 8 | header.layer << 4 |
             header.channels;
    return Result::ok();
}

void describe_mpeg_audio(uint64_t format, StreamInfo &info) {
    info.rate = static_cast<unsigned>(format >> 24);
    info.frame_samples = static_cast<unsigned>(format >> 8 & 0xFFFF);
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/mpeg", "mpegversion", G_TYPE_INT, 1, "layer", G_TYPE_INT, int(format >> 4 & 15),
        "parsed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, int(info.rate), "channels", G_TYPE_INT,
        int(format & 15), nullptr));
}

Result g711_format(ByteView body, ByteView, uint64_t &format) {
    format = channels_of(body);
    return Result::ok();
}

/// FLV does not contain the rate; G.711 has only one.
template <bool alaw>
void describe_g711(uint64_t format, StreamInfo &info) {
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(alaw ? "audio/x-alaw" : "audio/x-mulaw",
                                                           "rate", G_TYPE_INT, 8000, "channels",
                                                           G_TYPE_INT, int(format), nullptr));
}

/// The number of frames per packet, which the decoder needs.
Result speex_format(ByteView, ByteView payload, uint64_t &format) {
    format = codec::count_speex_frames(payload);
    return format > 0 ? Result::ok() : Result::error("a Speex packet without a whole frame");
}

/// E.4.2.1: always wideband mono. The decoder needs the header of an Ogg stream, which FLV omits.
void describe_speex(uint64_t format, StreamInfo &info) {
    std::vector<uint8_t> header;
    const auto text = [&](const char *value, size_t size) {
        header.insert(header.end(), value, value + std::strlen(value));
        header.resize(header.size() + size - std::strlen(value));
    };
    const auto number = [&](int32_t value) {
        for (int shift = 0; shift < 32; shift += 8)
            header.push_back(static_cast<uint8_t>(value >> shift));
    };
    text("Speex   ", 8);
    text("1.1.12", 20);
    constexpr int wideband = 1, bitstream = 4, samples = 320;
    for (int value : {1, 80, 16'000, wideband, bitstream, 1, -1, samples, 0, int(format), 0, 0, 0})
        number(value);
    std::vector<uint8_t> comment(8); // no vendor, no tags
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/x-speex", "rate", G_TYPE_INT, 16'000, "channels", G_TYPE_INT, 1, nullptr));
    GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
    g_value_init(&list, GST_TYPE_ARRAY);
    for (const std::vector<uint8_t> *part : {&header, &comment}) {
        g_value_init(&item, GST_TYPE_BUFFER);
        gst_value_take_buffer(&item, copy_to_buffer(*part).release());
        gst_value_array_append_and_take_value(&list, &item);
        item = G_VALUE_INIT;
    }
    gst_structure_take_value(gst_caps_get_structure(info.caps.get(), 0), "streamheader", &list);
}

constexpr Codec codecs[] = {
    {fourcc("avc1"), TagType::video,
     "video/x-h264, stream-format = (string) avc, alignment = (string) au", 7, "H.264",
     describe_avc, configure_avc, nullptr, nullptr},
    {fourcc("mp4a"), TagType::audio,
     "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw", 10, "MPEG-4 AAC",
     describe_aac, configure_aac, nullptr, nullptr},
    {fourcc(".mp3"), TagType::audio,
     "audio/mpeg, mpegversion = (int) 1, layer = (int) [1, 3], parsed = (boolean) true", 2,
     "MPEG audio", nullptr, nullptr, mpeg_audio_format, describe_mpeg_audio},
    {fourcc("alaw"), TagType::audio, "audio/x-alaw, rate = (int) 8000, channels = (int) [1, 2]", 7,
     "A-law", nullptr, nullptr, g711_format, describe_g711<true>},
    {fourcc("ulaw"), TagType::audio, "audio/x-mulaw, rate = (int) 8000, channels = (int) [1, 2]", 8,
     "Mu-law", nullptr, nullptr, g711_format, describe_g711<false>},
    {fourcc("spex"), TagType::audio, "audio/x-speex, rate = (int) 16000, channels = (int) 1", 11,
     "Speex", nullptr, nullptr, speex_format, describe_speex},
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
        // E.4.2.1: AAC always signals 44 kHz, 16 bit, stereo; the configuration has the actual
        // values.
        out[0] = static_cast<uint8_t>(codec.legacy_id << 4 | 0x0F);
        out[1] = config ? 0 : 1;
    }
}

} // namespace penstock::flv
