// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/progress.h"

#include "supervisor/children.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

/// Whether an element restarts at the end of its input.
bool loops(GstElement *element) {
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "loop");
    gboolean loop = FALSE;
    if (spec && G_PARAM_SPEC_VALUE_TYPE(spec) == G_TYPE_BOOLEAN &&
        GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SOURCE))
        g_object_get(element, "loop", &loop, nullptr);
    return loop;
}

/// The longest duration among a source's pads; ns.
gint64 duration_of(GstElement *source) {
    gint64 longest = 0;
    for (const auto &pad : source_pads_of(source)) {
        gint64 duration = 0;
        if (gst_pad_query_duration(pad.get(), GST_FORMAT_TIME, &duration))
            longest = std::max(longest, duration);
    }
    return longest;
}

} // namespace

std::optional<Progress> progress_of(GstElement *pipeline) {
    if (GST_STATE(pipeline) != GST_STATE_PLAYING) return std::nullopt;
    Progress out;
    for (const auto &element : children_of(pipeline)) {
        if (loops(element.get())) return std::nullopt;
        if (GST_OBJECT_FLAG_IS_SET(element.get(), GST_ELEMENT_FLAG_SOURCE))
            out.duration = std::max(out.duration, duration_of(element.get()));
    }
    if (out.duration <= 0) gst_element_query_duration(pipeline, GST_FORMAT_TIME, &out.duration);
    const bool known = gst_element_query_position(pipeline, GST_FORMAT_TIME, &out.position);
    if (out.duration <= 0 || !known) return std::nullopt;
    out.position = std::clamp<gint64>(out.position, 0, out.duration);
    return out;
}

} // namespace penstock::supervisor
