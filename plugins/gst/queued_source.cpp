// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/queued_source.h"

namespace penstock {

gboolean queued_source_query(GstPad *pad, GstObject *parent, GstQuery *query) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY:
        gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
        return TRUE;
    case GST_QUERY_SEEKING: {
        GstFormat format;
        gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
        gst_query_set_seeking(query, format, FALSE, 0, -1);
        return TRUE;
    }
    case GST_QUERY_SCHEDULING:
        gst_query_set_scheduling(query, GST_SCHEDULING_FLAG_SEQUENTIAL, 1, -1, 0);
        gst_query_add_scheduling_mode(query, GST_PAD_MODE_PUSH);
        return TRUE;
    default:
        return gst_pad_query_default(pad, parent, query);
    }
}

} // namespace penstock
