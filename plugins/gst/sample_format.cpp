// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/sample_format.h"

#include "gst/bytes.h"

#include <string_view>

namespace penstock {

Result format_of(hls::Kind kind, const GstCaps *caps, hls::FormatPtr &format) {
    using hls::Kind;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const char *framing = gst_structure_get_string(s, "stream-format");
    const std::string_view name = framing ? framing : "";
    if (kind == Kind::video && name == "byte-stream") {
        format = hls::make_annexb_format();
        return Result::ok();
    }
    if (kind == Kind::audio && name == "adts") {
        format = hls::make_adts_format();
        return Result::ok();
    }
    int version = 0;
    if (kind == Kind::audio && gst_structure_get_int(s, "mpegversion", &version) && version == 1) {
        format = hls::make_mpeg_audio_format();
        return Result::ok();
    }
    const GValue *value = gst_structure_get_value(s, "codec_data");
    GstBuffer *buffer = value ? gst_value_get_buffer(value) : nullptr;
    if (!buffer) return Result::error("the caps have no codec_data: put a parser in front");
    const Bytes data = bytes_of(buffer);
    return kind == Kind::video ? hls::make_avc_format(data, format)
                               : hls::make_aac_format(data, format);
}

} // namespace penstock
