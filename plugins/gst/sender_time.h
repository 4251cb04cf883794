// SPDX-License-Identifier: LGPL-2.1-or-later
// The time of a frame by its sender's clock, as RTP's sender reports tell it.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace penstock {

/// Adds a GstReferenceTimestampMeta with the caps `timestamp/x-unix`. `time`: ns since 1970, above
/// 0.
inline void add_sender_time(GstBuffer *buffer, int64_t time) {
    static GstStaticCaps reference = GST_STATIC_CAPS("timestamp/x-unix");
    GstCaps *caps = gst_static_caps_get(&reference);
    gst_buffer_add_reference_timestamp_meta(buffer, caps, GstClockTime(time), GST_CLOCK_TIME_NONE);
    gst_caps_unref(caps);
}

} // namespace penstock
