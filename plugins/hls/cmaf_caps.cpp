// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/cmaf_caps.h"

#include "core/cmaf/codec_config.h"
#include "core/hls/cmaf_format.h"
#include "gst/bytes.h"

#include <algorithm>
#include <iterator>

namespace penstock::hls {
namespace {

using cmaf::Codec;

constexpr const char *ts_video =
    "video/x-h264, stream-format = (string) avc, alignment = (string) au; "
    "video/x-h264, stream-format = (string) byte-stream, alignment = (string) au";
constexpr const char *ts_audio =
    "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw; "
    "audio/mpeg, mpegversion = (int) 4, stream-format = (string) adts, framed = (boolean) true; "
    "audio/mpeg, mpegversion = (int) 1, layer = (int) [1, 3], parsed = (boolean) true";
constexpr const char *cmaf_video =
    "video/x-h264, stream-format = (string) { avc, avc3 }, alignment = (string) au; "
    "video/x-h265, stream-format = (string) { hvc1, hev1 }, alignment = (string) au; "
    "video/x-av1, stream-format = (string) obu-stream, alignment = (string) tu; "
    "video/x-vp9";
constexpr const char *cmaf_audio =
    "audio/mpeg, mpegversion = (int) 4, stream-format = (string) raw; "
    "audio/x-opus, channel-mapping-family = (int) [0, 255]; "
    "audio/x-ac3, framed = (boolean) true; "
    "audio/x-eac3, framed = (boolean) true; "
    "audio/x-flac, framed = (boolean) true";

constexpr const char *subtitles =
    "text/x-raw, format = (string) { utf8, pango-markup }; application/x-subtitle-vtt";
constexpr const char *metadata = "meta/x-id3";

struct Name {
    const char *caps;
    Codec codec;
};
constexpr Name names[] = {
    {"video/x-h264", Codec::avc}, {"video/x-h265", Codec::hevc}, {"video/x-av1", Codec::av1},
    {"video/x-vp9", Codec::vp9},  {"audio/mpeg", Codec::aac},    {"audio/x-opus", Codec::opus},
    {"audio/x-ac3", Codec::ac3},  {"audio/x-eac3", Codec::eac3}, {"audio/x-flac", Codec::flac},
};

/// A buffer field, or the first buffer of a list field; empty without one.
Bytes buffer_field(const GstStructure *s, const char *name) {
    const GValue *value = gst_structure_get_value(s, name);
    if (value && GST_VALUE_HOLDS_ARRAY(value))
        value = gst_value_array_get_size(value) > 0 ? gst_value_array_get_value(value, 0) : nullptr;
    GstBuffer *buffer =
        value && GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
    return buffer ? bytes_of(buffer) : Bytes();
}

unsigned unsigned_field(const GstStructure *s, const char *name) {
    gint value = 0;
    return gst_structure_get_int(s, name, &value) && value > 0 ? static_cast<unsigned>(value) : 0;
}

Result configure_audio(const GstStructure *s, Codec codec, cmaf::Track &track) {
    switch (codec) {
    case Codec::aac: {
        const Bytes config = buffer_field(s, "codec_data");
        if (config.empty())
            return Result::error("the caps have no codec_data: put aacparse in front");
        return cmaf::configure_aac(config, track);
    }
    case Codec::opus: {
        const Bytes head = buffer_field(s, "streamheader");
        return head.empty() ? cmaf::configure_opus(unsigned_field(s, "channels"), track)
                            : cmaf::configure_opus(head, track);
    }
    case Codec::flac: {
        const Bytes head = buffer_field(s, "streamheader");
        if (head.empty())
            return Result::error("the caps have no streamheader: put flacparse in front");
        return cmaf::configure_flac(head, track);
    }
    default:
        return Result::ok(); // its frames have the configuration
    }
}

Result configure_video(const GstStructure *s, Codec codec, cmaf::Track &track) {
    track.width = unsigned_field(s, "width");
    track.height = unsigned_field(s, "height");
    gint num = 1, den = 1;
    if (gst_structure_get_fraction(s, "pixel-aspect-ratio", &num, &den) && num > 0 && den > 0) {
        track.par_num = static_cast<unsigned>(num);
        track.par_den = static_cast<unsigned>(den);
    }
    if (codec != Codec::avc && codec != Codec::hevc) return Result::ok();
    const Bytes config = buffer_field(s, "codec_data");
    if (config.empty()) return Result::error("the caps have no codec_data: put a parser in front");
    track.config.assign(config.begin(), config.end());
    track.in_band = g_strcmp0(gst_structure_get_string(s, "stream-format"), "avc3") == 0;
    return Result::ok();
}

} // namespace

GstPtr<GstCaps> caps_of(Media media, ContainerType container) {
    const bool is_cmaf = container == ContainerType::cmaf;
    const char *text = media == Media::subtitles  ? subtitles
                       : media == Media::metadata ? metadata
                       : media == Media::video    ? (is_cmaf ? cmaf_video : ts_video)
                                                  : (is_cmaf ? cmaf_audio : ts_audio);
    return GstPtr<GstCaps>::adopt(gst_caps_from_string(text));
}

GstPtr<GstCaps> all_caps_of(Media media) {
    return GstPtr<GstCaps>::adopt(gst_caps_merge(caps_of(media, ContainerType::ts).release(),
                                                 caps_of(media, ContainerType::cmaf).release()));
}

Result cmaf_format_of(Kind kind, const GstCaps *caps, FormatPtr &format) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const auto *name = std::find_if(std::begin(names), std::end(names), [&](const Name &n) {
        return gst_structure_has_name(s, n.caps);
    });
    if (name == std::end(names) || cmaf::is_video(name->codec) != (kind == Kind::video))
        return Result::error(std::string(gst_structure_get_name(s)) + " is not for CMAF");
    cmaf::Track track;
    track.codec = name->codec;
    Result result = kind == Kind::video ? configure_video(s, name->codec, track)
                                        : configure_audio(s, name->codec, track);
    if (!result.is_ok()) return result;
    return make_cmaf_format(std::move(track), format);
}

} // namespace penstock::hls
