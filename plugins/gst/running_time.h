// SPDX-License-Identifier: LGPL-2.1-or-later
// Running time that may precede the segment.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace penstock {

/// ns; negative for a timestamp before the segment's start (such as a first DTS). nullopt without a
/// timestamp, or if the segment gives it no running time. If the segment is not in TIME format,
/// returns the timestamp unchanged.
inline std::optional<int64_t> running_time(const GstSegment &segment, GstClockTime time) {
    if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
    if (segment.format != GST_FORMAT_TIME) return static_cast<int64_t>(time);
    guint64 running = 0;
    const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0 || running > guint64(G_MAXINT64)) return std::nullopt;
    return sign > 0 ? int64_t(running) : -int64_t(running);
}

} // namespace penstock
