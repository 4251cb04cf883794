// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/longest_gop.h"

namespace penstock {
namespace {
constexpr const char *query_name = "penstock-longest-gop";
}

std::optional<uint64_t> upstream_longest_gop(GstPad *sink_pad, uint64_t enough) {
    auto query = GstPtr<GstQuery>::adopt(gst_query_new_custom(
        GST_QUERY_CUSTOM,
        gst_structure_new(query_name, "enough", G_TYPE_UINT64, guint64(enough), nullptr)));
    guint64 longest = 0;
    if (!gst_pad_peer_query(sink_pad, query.get()) ||
        !gst_structure_get_uint64(gst_query_get_structure(query.get()), "longest", &longest))
        return std::nullopt;
    return longest;
}

std::optional<uint64_t> is_longest_gop_query(GstQuery *query) {
    if (GST_QUERY_TYPE(query) != GST_QUERY_CUSTOM) return std::nullopt;
    const GstStructure *s = gst_query_get_structure(query);
    guint64 enough = 0;
    if (!s || !gst_structure_has_name(s, query_name) ||
        !gst_structure_get_uint64(s, "enough", &enough))
        return std::nullopt;
    return enough;
}

void answer_longest_gop(GstQuery *query, uint64_t longest) {
    gst_structure_set(gst_query_writable_structure(query), "longest", G_TYPE_UINT64,
                      guint64(longest), nullptr);
}

} // namespace penstock
