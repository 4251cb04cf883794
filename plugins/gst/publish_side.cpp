// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/publish_side.h"

#include "core/net/stream/publish_slot.h"

namespace penstock {
namespace {

/// Each plugin has its own copy of this file, the process one type of a name. Called in class_init
/// only, which GLib lets run one at a time.
GType enum_type(const char *name, const GEnumValue *values) {
    if (const GType known = g_type_from_name(name)) return known;
    const GType made = g_enum_register_static(name, values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
}

} // namespace

GType on_unpublish_type() {
    static const GEnumValue values[] = {
        {int(OnUnpublish::wait), "Wait for the next publisher; it begins with DISCONT", "wait"},
        {int(OnUnpublish::eos), "End the stream", "eos"},
        {0, nullptr, nullptr},
    };
    return enum_type("PenstockOnUnpublish", values);
}

GType republish_type() {
    static const GEnumValue values[] = {
        {int(net::Republish::reject), "Refuse it", "reject"},
        {int(net::Republish::takeover), "It gets the name; the other publisher is closed",
         "takeover"},
        {int(net::Republish::backup), "One of them is on air, the other stands by", "backup"},
        {0, nullptr, nullptr},
    };
    return enum_type("PenstockRepublish", values);
}

void post_publish_state(GstElement *element, bool publishing, const std::string &path,
                        const std::string &text) {
    GstStructure *state =
        gst_structure_new("penstock-publish-state", "publishing", G_TYPE_BOOLEAN,
                          gboolean(publishing), "path", G_TYPE_STRING, path.c_str(),
                          publishing ? "peer" : "reason", G_TYPE_STRING, text.c_str(), nullptr);
    gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), state));
}

} // namespace penstock
