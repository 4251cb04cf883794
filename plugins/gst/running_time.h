// SPDX-License-Identifier: LGPL-2.1-or-later
// Running time that may lie before the segment.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace penstock {

/// Nanoseconds; negative for a timestamp before the segment's start (a first DTS). None for no
/// timestamp, or one that the segment gives no running time; without a segment of format TIME the
/// timestamp is taken as it is.
inline std::optional<int64_t> running_time(const GstSegment &segment, GstClockTime time) {
    if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
    if (segment.format != GST_FORMAT_TIME) return static_cast<int64_t>(time);
    guint64 running = 0;
    const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0 || running > guint64(G_MAXINT64)) return std::nullopt;
    return sign > 0 ? int64_t(running) : -int64_t(running);
}

} // namespace penstock
