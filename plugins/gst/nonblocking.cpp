// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/nonblocking.h"

namespace penstock {
namespace {
constexpr const char *query_name = "penstock-nonblocking";
}

bool peer_is_nonblocking(GstPad *src_pad) {
    auto query = GstPtr<GstQuery>::adopt(
        gst_query_new_custom(GST_QUERY_CUSTOM, gst_structure_new_empty(query_name)));
    gboolean yes = FALSE;
    return gst_pad_peer_query(src_pad, query.get()) &&
           gst_structure_get_boolean(gst_query_get_structure(query.get()), "nonblocking", &yes) &&
           yes;
}

bool is_nonblocking_query(GstQuery *query) {
    const GstStructure *s = gst_query_get_structure(query);
    return GST_QUERY_TYPE(query) == GST_QUERY_CUSTOM && s && gst_structure_has_name(s, query_name);
}

void answer_nonblocking(GstQuery *query, bool yes) {
    gst_structure_set(gst_query_writable_structure(query), "nonblocking", G_TYPE_BOOLEAN,
                      gboolean(yes), nullptr);
}

} // namespace penstock
