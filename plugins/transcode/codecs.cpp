// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/codecs.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace penstock::transcode {
namespace {

const std::array<Codec, 5> codecs{{
    {"h264",
     true,
     "video/x-h264",
     "video/x-raw,format=I420,width=[2,16384,2],height=[2,16384,2]",
     "h264parse",
     2'500'000,
     {"x264enc", "openh264enc"}},
    {"aac",
     false,
     "audio/mpeg,mpegversion={2,4}",
     "audio/x-raw,channels=[1,2],rate=[8000,48000]",
     "aacparse",
     128'000,
     {"avenc_aac", "voaacenc", "fdkaacenc"}},
    {"opus", false, "audio/x-opus", "audio/x-raw,channels=[1,2]", "opusparse", 96'000, {"opusenc"}},
    {"mp3",
     false,
     "audio/mpeg,mpegversion=1,layer=3",
     "audio/x-raw,channels=[1,2]",
     "mpegaudioparse",
     128'000,
     {"lamemp3enc"}},
    {"aac",
     false,
     "audio/mpeg,mpegversion={2,4}; audio/mpeg,mpegversion=1,layer=3",
     "audio/x-raw,channels=[1,2],rate=[8000,48000]",
     "aacparse",
     128'000,
     {"avenc_aac", "voaacenc", "fdkaacenc"}},
}};

/// The codecs that are copied, and never encoded to.
const std::array<Codec, 8> copied_codecs{{
    {"h265", true, "video/x-h265", nullptr, "h265parse", 0, {}},
    {"av1", true, "video/x-av1", nullptr, "av1parse", 0, {}},
    {"vp9", true, "video/x-vp9", nullptr, "vp9parse", 0, {}},
    {"vp8", true, "video/x-vp8", nullptr, "identity", 0, {}}, // there is no parser of it
    {"opus", false, "audio/x-opus", nullptr, "opusparse", 0, {}},
    {"ac3", false, "audio/x-ac3; audio/x-eac3", nullptr, "ac3parse", 0, {}},
    {"flac", false, "audio/x-flac", nullptr, "flacparse", 0, {}},
    {"mp3", false, "audio/mpeg,mpegversion=1,layer=3", nullptr, "mpegaudioparse", 0, {}},
}};

std::string_view name_of(const GstCaps *caps) {
    return gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

/// Sets a property if the element has it: the encoders differ.
void set(GstElement *element, const char *property, const std::string &value) {
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property))
        gst_util_set_object_arg(G_OBJECT(element), property, value.c_str());
}

/// What the property `bitrate` of this encoder takes.
guint in_unit_of(std::string_view encoder, guint bitrate) {
    const bool in_kbit = encoder == "x264enc" || encoder == "lamemp3enc";
    return in_kbit ? std::max(bitrate / 1000, 1u) : bitrate;
}

} // namespace

GType latency_type() {
    static const GEnumValue values[] = {
        {int(Latency::normal), "Better quality for the bitrate, with B-frames", "normal"},
        {int(Latency::low), "No reordering and no lookahead", "low"},
        {0, nullptr, nullptr},
    };
    static const GType type = [] {
        const GType made = g_enum_register_static("PenstockCopyOrEncodeLatency", values);
        gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
        return made;
    }();
    return type;
}

const Codec *choose_codec(CodecId wanted, const GstCaps *caps) {
    if (!caps || gst_caps_is_empty(caps) || gst_caps_is_any(caps)) return nullptr;
    const bool video = is_video(caps);
    if (wanted == CodecId::automatic || wanted == CodecId::accepted) return &codecs[video ? 0 : 1];
    const Codec &codec = codecs[static_cast<size_t>(wanted) - 1];
    return codec.video == video ? &codec : nullptr;
}

const Codec *codec_accepted_by(const GstCaps *downstream, const GstCaps *caps) {
    if (!downstream || gst_caps_is_any(downstream)) return nullptr;
    const auto found =
        std::find_if(copied_codecs.begin(), copied_codecs.end(), [&](const Codec &codec) {
            const auto own = GstPtr<GstCaps>::adopt(gst_caps_from_string(codec.caps));
            return gst_caps_can_intersect(caps, own.get()) &&
                   gst_caps_can_intersect(downstream, own.get());
        });
    if (found == copied_codecs.end()) return nullptr;
    GstElementFactory *parser = gst_element_factory_find(found->parser);
    if (parser) gst_object_unref(parser);
    return parser ? &*found : nullptr;
}

bool is_video(const GstCaps *caps) {
    return name_of(caps).starts_with("video/") || name_of(caps).starts_with("image/");
}

bool is_raw(const GstCaps *caps) {
    return name_of(caps).ends_with("/x-raw");
}

std::string why_not_copied(const Codec &codec, const GstCaps *caps) {
    const auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(codec.caps));
    if (!gst_caps_can_intersect(caps, wanted.get()))
        return std::string(is_raw(caps) ? "raw" : name_of(caps)) + " becomes " + codec.name;
    const char *profile = gst_structure_get_string(gst_caps_get_structure(caps, 0), "profile");
    if (!codec.video || !profile) return {};
    const std::string_view name = profile;
    // 4:2:2, 4:4:4 and more than 8 bits.
    if (name.starts_with("high-1") || name.starts_with("high-4") || name.starts_with("cavlc"))
        return "few players can decode its profile, " + std::string(name);
    return {};
}

const char *parser_of(const Codec &codec, const GstCaps *caps) {
    if (&codec != &codecs[static_cast<size_t>(CodecId::aac_or_mp3) - 1]) return codec.parser;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gboolean whole = FALSE;
    for (const char *field : {"framed", "parsed"})
        if (!whole) gst_structure_get_boolean(s, field, &whole);
    int version = 0;
    gst_structure_get_int(s, "mpegversion", &version);
    if (whole) return nullptr;
    return version == 1 ? "mpegaudioparse" : "aacparse";
}

void set_bitrate(GstElement *encoder, guint bitrate) {
    const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(encoder), "bitrate");
    const GstElementFactory *factory = gst_element_get_factory(encoder);
    if (!spec || !factory || !(spec->flags & GST_PARAM_MUTABLE_PLAYING)) return;
    g_object_set(encoder, "bitrate", in_unit_of(GST_OBJECT_NAME(factory), bitrate), nullptr);
}

GstPtr<GstElement> make_encoder(const Codec &codec, const Settings &settings) {
    const guint bitrate = settings.bitrate ? settings.bitrate : codec.bitrate;
    for (const char *name : codec.encoders) {
        GstElement *made = gst_element_factory_make(name, nullptr);
        if (!made) continue;
        auto encoder = GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(made)));
        const std::string_view kind = name;
        set(made, "bitrate", std::to_string(in_unit_of(kind, bitrate)));
        if (kind == "lamemp3enc") set(made, "target", "bitrate");
        if (kind == "x264enc") {
            set(made, "speed-preset", "veryfast");
            // No keyframes at scene changes: HLS segments are cut at keyframes.
            set(made, "option-string", "scenecut=0");
            if (settings.latency == Latency::low) {
                set(made, "tune", "zerolatency");
                set(made, "vbv-buf-capacity", "300");
            } else {
                set(made, "bframes", settings.b_frames ? "2" : "0");
                set(made, "vbv-buf-capacity", "1000");
            }
        }
        // Converter requests each keyframe.
        set(made, "key-int-max", "10000"); // x264enc
        set(made, "gop-size", "10000");    // openh264enc
        return encoder;
    }
    return {};
}

} // namespace penstock::transcode
