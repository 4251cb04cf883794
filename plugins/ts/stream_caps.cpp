// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ts/stream_caps.h"

#include "core/codec/aac.h"
#include "core/codec/avc.h"
#include "gst/bytes.h"

#include <gst/pbutils/pbutils.h>

#include <string_view>

namespace penstock::ts {
namespace {

using mpegts::AudioFormat;
using mpegts::Codec;

constexpr const char *video_caps =
    "video/x-h264, stream-format = (string) byte-stream, alignment = (string) au; "
    "video/x-h265, stream-format = (string) byte-stream, alignment = (string) au";
constexpr const char *audio_caps =
    "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw; "
    "audio/mpeg, mpegversion = (int) 1, parsed = (boolean) true; "
    "audio/x-ac3, framed = (boolean) true; "
    "audio/x-eac3, framed = (boolean) true; "
    "audio/x-opus, channel-mapping-family = (int) [0, 255]";
constexpr const char *data_caps =
    "application/x-scte35; meta/x-id3; meta/x-klv, parsed = (boolean) true; "
    "application/x-mpegts-private";

void set(GstCaps *caps, const char *field, unsigned value) {
    gst_caps_set_simple(caps, field, G_TYPE_INT, int(value), nullptr);
}

/// What the parameter set says; parsers find out the same.
void describe_avc(const std::vector<uint8_t> &record, GstCaps *caps) {
    codec::AvcConfig config;
    codec::AvcSps sps;
    if (!codec::parse_avc_config(record, config).is_ok() ||
        !codec::parse_avc_sps(config.sps.front(), sps).is_ok())
        return;
    set(caps, "width", sps.width);
    set(caps, "height", sps.height);
    gst_caps_set_simple(caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, int(sps.par_num),
                        int(sps.par_den), nullptr);
    if (sps.fps_num > 0)
        gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, int(sps.fps_num),
                            int(sps.fps_den), nullptr);
}

GstPtr<GstCaps> aac_caps(const AudioFormat &format) {
    codec::AacConfig config;
    if (!codec::parse_aac_config(format.config, config).is_ok()) return {};
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw", "framed",
        G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, int(config.output_rate), "channels", G_TYPE_INT,
        int(config.output_channels), nullptr));
    auto data = buffer_of(Bytes::copy_of(ByteView(format.config)));
    gst_caps_set_simple(caps.get(), "codec_data", GST_TYPE_BUFFER, data.get(), nullptr);
    return caps;
}

GstPtr<GstCaps> opus_caps(const AudioFormat &format) {
    auto head = buffer_of(Bytes::copy_of(ByteView(format.config)));
    return GstPtr<GstCaps>::adopt(
        gst_codec_utils_opus_create_caps_from_header(head.get(), nullptr));
}

GstPtr<GstCaps> mpeg_caps(const AudioFormat &format) {
    return GstPtr<GstCaps>::adopt(
        gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 1, "mpegaudioversion",
                            G_TYPE_INT, int(format.version), "layer", G_TYPE_INT, int(format.layer),
                            "rate", G_TYPE_INT, int(format.rate), "channels", G_TYPE_INT,
                            int(format.channels), "parsed", G_TYPE_BOOLEAN, TRUE, nullptr));
}

GstPtr<GstCaps> ac3_caps(const char *media, const AudioFormat &format) {
    return GstPtr<GstCaps>::adopt(gst_caps_new_simple(media, "framed", G_TYPE_BOOLEAN, TRUE, "rate",
                                                      G_TYPE_INT, int(format.rate), "channels",
                                                      G_TYPE_INT, int(format.channels), nullptr));
}

GstPtr<GstCaps> simple_caps(const char *text) {
    return GstPtr<GstCaps>::adopt(gst_caps_from_string(text));
}

} // namespace

const char *kind_of(Codec codec) {
    return mpegts::is_video(codec) ? "video" : mpegts::is_audio(codec) ? "audio" : "data";
}

GstPtr<GstCaps> template_caps(const char *kind) {
    const std::string_view name = kind;
    return simple_caps(name == "video" ? video_caps : name == "audio" ? audio_caps : data_caps);
}

GstPtr<GstCaps> caps_of(const mpegts::ElementaryStream &stream, const AudioFormat *format,
                        const mpegts::FlvTrack &track) {
    if (mpegts::is_video(stream.codec)) {
        if (track.record().empty()) return {};
        const bool avc = stream.codec == Codec::avc;
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
            avc ? "video/x-h264" : "video/x-h265", "stream-format", G_TYPE_STRING, "byte-stream",
            "alignment", G_TYPE_STRING, "au", nullptr));
        if (avc) describe_avc(track.record(), caps.get());
        return caps;
    }
    if (mpegts::is_audio(stream.codec) && (!format || format->rate == 0)) return {};
    switch (stream.codec) {
    case Codec::aac:
        return aac_caps(*format);
    case Codec::mpeg_audio:
        return mpeg_caps(*format);
    case Codec::ac3:
        return ac3_caps("audio/x-ac3", *format);
    case Codec::eac3:
        return ac3_caps("audio/x-eac3", *format);
    case Codec::opus:
        return opus_caps(*format);
    case Codec::scte35:
        return simple_caps("application/x-scte35");
    case Codec::id3:
        return simple_caps("meta/x-id3");
    case Codec::klv:
        return simple_caps("meta/x-klv, parsed = (boolean) true");
    default:
        return GstPtr<GstCaps>::adopt(gst_caps_new_simple(
            "application/x-mpegts-private", "stream-type", G_TYPE_INT, int(stream.type), nullptr));
    }
}

GstPtr<GstTagList> tags_of(const mpegts::ElementaryStream &stream) {
    auto tags = GstPtr<GstTagList>::adopt(gst_tag_list_new_empty());
    gst_tag_list_set_scope(tags.get(), GST_TAG_SCOPE_STREAM);
    const char *codec_tag = mpegts::is_video(stream.codec)   ? GST_TAG_VIDEO_CODEC
                            : mpegts::is_audio(stream.codec) ? GST_TAG_AUDIO_CODEC
                                                             : GST_TAG_CODEC;
    gst_tag_list_add(tags.get(), GST_TAG_MERGE_REPLACE, codec_tag, mpegts::name_of(stream.codec),
                     nullptr);
    if (stream.language[0] != 0)
        gst_tag_list_add(tags.get(), GST_TAG_MERGE_REPLACE, GST_TAG_LANGUAGE_CODE,
                         stream.language.data(), nullptr);
    return tags;
}

} // namespace penstock::ts
