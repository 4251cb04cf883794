// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/frame_order.h"

#include "core/codec/avc.h"
#include "gst/mapped.h"

#include <algorithm>
#include <cstdlib>

namespace penstock::transcode {
namespace {

/// Encoders that use B-frames at all have one among so many, unless nothing moves.
constexpr unsigned enough_frames = 12;
/// By how much rounding to milliseconds changes a time that stays the same.
constexpr GstClockTimeDiff rounding = 2 * GST_MSECOND;

/// Whether every parameter set of H.264 says that frames are shown in decoding order.
bool excludes_reordering(const GstStructure *caps) {
    const GValue *value = gst_structure_get_value(caps, "codec_data");
    if (!value || !GST_VALUE_HOLDS_BUFFER(value)) return false;
    const Mapped record(gst_value_get_buffer(value));
    codec::AvcConfig config;
    if (codec::parse_avc_config(record.view(), config).is_error()) return false;
    return std::all_of(config.sps.begin(), config.sps.end(), [](const auto &bytes) {
        codec::AvcSps sps;
        return codec::parse_avc_sps(bytes, sps).is_ok() && sps.reorder_frames == 0;
    });
}

} // namespace

void FrameOrder::begin(const GstCaps *caps) {
    *this = {};
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const bool is_avc = gst_structure_has_name(structure, "video/x-h264");
    const bool is_hevc = gst_structure_has_name(structure, "video/x-h265");
    if ((!is_avc && !is_hevc) || (is_avc && excludes_reordering(structure)))
        finding_ = Finding::in_order;
}

FrameOrder::Finding FrameOrder::settle() {
    if (finding_ == Finding::open) finding_ = Finding::in_order;
    return finding_;
}

FrameOrder::Finding FrameOrder::add(const GstBuffer *frame) {
    if (finding_ == Finding::reordered) return finding_;
    if (++frames_ >= enough_frames) settle();
    if (!GST_BUFFER_PTS_IS_VALID(frame)) return finding_;
    // Behind a gap the times may be anywhere.
    if (GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DISCONT)) {
        latest_.reset();
        composed_.reset();
    }
    const GstClockTime shown = GST_BUFFER_PTS(frame);
    bool is_reordered = false;
    if (GST_BUFFER_DTS_IS_VALID(frame)) {
        const GstClockTimeDiff composed = GST_CLOCK_DIFF(GST_BUFFER_DTS(frame), shown);
        is_reordered = composed_ && std::llabs(composed - *composed_) > rounding;
        composed_ = composed;
    } else {
        is_reordered = latest_ && shown < *latest_;
    }
    latest_ = std::max(latest_.value_or(0), shown);
    if (is_reordered) finding_ = Finding::reordered;
    return finding_;
}

} // namespace penstock::transcode
