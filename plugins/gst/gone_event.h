// SPDX-License-Identifier: LGPL-2.1-or-later
// The custom downstream event `penstock-publisher-gone`: a source goes on, but nobody sends to it.
#pragma once

#include <gst/gst.h>

namespace penstock {

inline constexpr const char *gone_event_name = "penstock-publisher-gone";

/// Serialized; elements that don't know it pass it on.
inline GstEvent *new_gone_event() {
    return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                gst_structure_new_empty(gone_event_name));
}
inline bool is_gone_event(GstEvent *event) {
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM &&
           gst_event_has_name(event, gone_event_name);
}

} // namespace penstock
