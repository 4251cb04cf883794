// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/decode_times.h"

#include "core/codec/avc.h"

#include <algorithm>

namespace penstock::transcode {
namespace {

/// A PTS this far before the others belongs to another timeline.
constexpr int64_t step_back = 2 * GST_SECOND;

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
    // Within a stream the depth only increases, so that no DTS goes back.
    const unsigned depth = depth_of(caps);
    depth_ = is_active_ ? std::max(depth_, depth) : depth;
    gint numerator = 0, denominator = 0;
    if (gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &numerator,
                                   &denominator) &&
        numerator > 0 && denominator > 0)
        frame_ = gst_util_uint64_scale_int(GST_SECOND, denominator, numerator);
}

void DecodeTimes::reset() {
    has_begun_ = is_active_ = false;
    count_ = 0;
    last_.reset();
}

bool DecodeTimes::begin(GstBuffer *buffer) {
    has_begun_ = true;
    is_active_ = depth_ > 0 && GST_BUFFER_PTS_IS_VALID(buffer) && !GST_BUFFER_DTS_IS_VALID(buffer);
    return is_active_;
}

void DecodeTimes::stamp(GstBuffer *buffer) {
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return;
    const auto pts = static_cast<int64_t>(GST_BUFFER_PTS(buffer) + shift);
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(pts);
    if (count_ > 0 && pts < greatest_[0] - step_back) {
        count_ = 0;
        last_.reset();
    }
    if (count_ == 0) first_ = pts;
    if (count_ <= depth_) {
        greatest_[count_++] = pts;
        std::sort(greatest_.begin(), greatest_.begin() + count_);
    } else if (pts > greatest_[0]) {
        greatest_[0] = pts;
        std::sort(greatest_.begin(), greatest_.begin() + count_);
    }
    // The first D frames are decoded before the first one is displayed.
    int64_t dts = count_ <= depth_ ? first_ - static_cast<int64_t>((depth_ + 1 - count_) * frame_)
                                   : greatest_[0];
    if (last_) dts = std::max(dts, *last_);
    last_ = dts;
    GST_BUFFER_DTS(buffer) = static_cast<GstClockTime>(std::min(dts, pts));
}

void DecodeTimes::shift_segment(GstSegment &segment) {
    if (segment.format != GST_FORMAT_TIME) return;
    segment.start += shift;
    if (GST_CLOCK_TIME_IS_VALID(segment.stop)) segment.stop += shift;
    segment.position += shift;
}

} // namespace penstock::transcode
