// SPDX-License-Identifier: LGPL-2.1-or-later
#include "time/format.h"

#include "core/codec/nal_config.h"
#include "gst/mapped.h"

#include <algorithm>
#include <string_view>

namespace penstock::timing {
namespace {

constexpr std::string_view containers[] = {
    "video/x-flv",      "video/mpegts",     "video/quicktime", "application/ogg",
    "video/x-matroska", "audio/x-matroska", "video/webm",      "audio/webm",
    "video/x-msvideo",  "video/x-ms-asf",   "audio/x-m4a",     "application/mxf",
};

/// Of codecs whose parameters are not read; an upper bound of what is in use.
constexpr unsigned assumed_depth = 4;
/// Bytes of a frame in which parameter sets are looked for.
constexpr size_t searched = 64 * 1024;

/// By the configuration record in the caps; nothing if there is none.
std::optional<unsigned> reorder_of(codec::NalCodec codec, const GstStructure *s) {
    const GValue *value = gst_structure_get_value(s, "codec_data");
    GstBuffer *record =
        value && GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
    if (!record) return std::nullopt;
    codec::NalConfig config;
    const Mapped mapped(record);
    if (!codec::parse_nal_config(codec, mapped.view(), config).is_ok()) return std::nullopt;
    return codec::reorder_depth(codec, config);
}

/// From a frame an hour to a thousand a second. Other rates are errors, or mean "unknown", and
/// times that are counted with them overflow.
bool is_plausible(int64_t numerator, int64_t denominator) {
    return numerator > 0 && denominator > 0 && numerator * 3600 >= denominator &&
           numerator <= denominator * 1000;
}

void read_video(const GstStructure *s, StreamFormat &result) {
    const std::string_view name = gst_structure_get_name(s);
    Format &format = result.format;
    format.media = Media::video;
    gint numerator = 0, denominator = 0;
    if (gst_structure_get_fraction(s, "framerate", &numerator, &denominator) &&
        is_plausible(numerator, denominator)) {
        format.fps_num = unsigned(numerator);
        format.fps_den = unsigned(denominator);
    }
    if (name == "video/x-h264" || name == "video/x-h265") {
        const auto codec = name == "video/x-h264" ? codec::NalCodec::avc : codec::NalCodec::hevc;
        const auto depth = reorder_of(codec, s);
        format.reorder = depth.value_or(0);
        if (!depth) result.in_band = codec;
    } else if (name == "video/x-h266") {
        format.reorder = assumed_depth;
    } else if (name == "video/mpeg" || name == "video/x-wmv" || name == "video/x-divx" ||
               name == "video/x-xvid") {
        format.reorder = 1;
    }
}

} // namespace

StreamFormat format_of(const GstCaps *caps) {
    StreamFormat result;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const std::string_view name = gst_structure_get_name(s);
    gboolean is_system = FALSE;
    gst_structure_get_boolean(s, "systemstream", &is_system);
    result.is_container = is_system || std::find(std::begin(containers), std::end(containers),
                                                 name) != std::end(containers);
    if (name.starts_with("video/") || name.starts_with("image/"))
        read_video(s, result);
    else if (!name.starts_with("audio/"))
        result.format.media = Media::sparse;
    const char *alignment = gst_structure_get_string(s, "alignment");
    result.format.is_split =
        name == "application/x-rtp" || (alignment && (std::string_view(alignment) == "nal" ||
                                                      std::string_view(alignment) == "obu"));
    return result;
}

std::optional<unsigned> reorder_of(codec::NalCodec codec, GstBuffer *frame) {
    const Mapped mapped(frame);
    const ByteView begin = mapped.view().subspan(0, std::min(mapped.view().size(), searched));
    if (!codec::begins_with_start_code(begin)) return std::nullopt;
    codec::NalConfig config;
    codec::merge_parameter_sets(codec, codec::split_annexb(begin), config);
    if (config.sps.empty()) return std::nullopt;
    return codec::reorder_depth(codec, config);
}

} // namespace penstock::timing
