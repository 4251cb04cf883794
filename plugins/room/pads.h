// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads of elements within the mixer.
#pragma once

#include "gst/ptr.h"

#include <gst/gst.h>

namespace penstock::room {

/// A pad that the element always has.
inline GstPtr<GstPad> pad_of(GstElement *element, const char *name) {
    return GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, name));
}

/// The query function of what feeds a mixer. The output's latency is a property of that alone: an
/// input that has more is late.
inline gboolean answer_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return gst_pad_query_default(pad, parent, query);
    gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
}

} // namespace penstock::room
