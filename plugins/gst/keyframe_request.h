// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests for keyframes, which go upstream as GstVideo's GstForceKeyUnit.
#pragma once

#include "gst/ptr.h"

namespace penstock {

inline bool is_keyframe_request(GstEvent *event) {
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM &&
           gst_event_has_name(event, "GstForceKeyUnit");
}

/// A request for a keyframe as soon as possible.
inline GstEvent *new_keyframe_request() {
    return gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                gst_structure_new("GstForceKeyUnit", "running-time",
                                                  GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE,
                                                  "all-headers", G_TYPE_BOOLEAN, TRUE, "count",
                                                  G_TYPE_UINT, 0, nullptr));
}

/// Asks what is upstream of a sink, on another thread: encoders may take their time. Any thread.
inline void ask_for_keyframe(GstElement *sink) {
    gst_element_call_async(
        sink,
        [](GstElement *element, gpointer) {
            const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
            gst_pad_push_event(pad.get(), new_keyframe_request());
        },
        nullptr, nullptr);
}

} // namespace penstock
