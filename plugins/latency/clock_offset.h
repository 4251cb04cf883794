// SPDX-License-Identifier: LGPL-2.1-or-later
// The property `clock-offset` of the latency elements: the error of this machine's clock.
#pragma once

#include <gst/gst.h>

namespace penstock::latency {

/// ns; at most one day.
inline GParamSpec *clock_offset_spec() {
    constexpr gint64 most = 86'400 * gint64(GST_SECOND);
    return g_param_spec_int64(
        "clock-offset", "Clock offset",
        "Nanoseconds by which this machine's clock is known to be ahead of the time that all "
        "stamps are in; they are taken off",
        -most, most, 0,
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

/// UTC in µs from a clock that is `offset` ns ahead.
inline gint64 utc_now(gint64 offset) {
    return g_get_real_time() - offset / gint64(GST_USECOND);
}

} // namespace penstock::latency
