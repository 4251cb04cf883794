// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/decode_times.h"

#include "core/codec/avc.h"

namespace penstock::transcode {
namespace {

/// The SPS's number of reordered frames; 0 if there is no SPS in the caps.
unsigned depth_of(const GstCaps *caps) {
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    GstBuffer *record = value ? gst_value_get_buffer(value) : nullptr;
    GstMapInfo map;
    if (!record || !gst_buffer_map(record, &map, GST_MAP_READ)) return 0;
    codec::AvcConfig config;
    codec::AvcSps sps;
    unsigned depth = 0;
    if (codec::parse_avc_config({map.data, map.size}, config).is_ok() && !config.sps.empty() &&
        codec::parse_avc_sps(config.sps.front(), sps).is_ok())
        depth = sps.reorder_frames;
    gst_buffer_unmap(record, &map);
    return depth;
}

} // namespace

void DecodeTimes::set_caps(const GstCaps *caps) {
    order_.set_depth(depth_of(caps));
    gint numerator = 0, denominator = 0;
    if (gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &numerator,
                                   &denominator) &&
        numerator > 0 && denominator > 0)
        order_.set_frame(
            static_cast<int64_t>(gst_util_uint64_scale_int(GST_SECOND, denominator, numerator)));
}

void DecodeTimes::reset() {
    has_begun_ = is_active_ = false;
    order_.reset();
}

bool DecodeTimes::begin(GstBuffer *buffer) {
    has_begun_ = true;
    is_active_ =
        order_.depth() > 0 && GST_BUFFER_PTS_IS_VALID(buffer) && !GST_BUFFER_DTS_IS_VALID(buffer);
    return is_active_;
}

void DecodeTimes::stamp(GstBuffer *buffer) {
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return;
    const auto pts = static_cast<int64_t>(GST_BUFFER_PTS(buffer) + shift);
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(pts);
    GST_BUFFER_DTS(buffer) = static_cast<GstClockTime>(order_.next(pts));
}

void DecodeTimes::shift_segment(GstSegment &segment) {
    if (segment.format != GST_FORMAT_TIME) return;
    segment.start += shift;
    if (GST_CLOCK_TIME_IS_VALID(segment.stop)) segment.stop += shift;
    segment.position += shift;
}

} // namespace penstock::transcode
