// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/stand_in.h"

#include "description/element_class.h"

#include <array>
#include <string_view>

namespace penstock::explain {
namespace {

struct StandIn {
    GstElement parent;
    guint open; ///< sink pads without EOS; guarded by the object lock
};
struct StandInClass {
    GstElementClass parent_class;
};

GstFlowReturn throw_away(GstPad *, GstObject *, GstBuffer *buffer) {
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
        auto *self = reinterpret_cast<StandIn *>(parent);
        GST_OBJECT_LOCK(self);
        const bool last = self->open > 0 && --self->open == 0;
        GST_OBJECT_UNLOCK(self);
        if (last) gst_element_post_message(GST_ELEMENT(parent), gst_message_new_eos(parent));
    }
    return gst_pad_event_default(pad, parent, event);
}

void add_pad(GstElement *element, GstPadTemplate *from, const char *name) {
    GstPad *pad = gst_pad_new_from_template(from, name);
    if (GST_PAD_TEMPLATE_DIRECTION(from) == GST_PAD_SINK) {
        gst_pad_set_chain_function(pad, throw_away);
        gst_pad_set_event_function(pad, take_event);
        ++reinterpret_cast<StandIn *>(element)->open;
    }
    gst_element_add_pad(element, pad);
}

GstPad *request_pad(GstElement *element, GstPadTemplate *from, const gchar *name, const GstCaps *) {
    GOwned<> made;
    if (!name) {
        // "video_%u" becomes video_0, video_1, …
        static gint count = 0;
        const std::string wanted = GST_PAD_TEMPLATE_NAME_TEMPLATE(from);
        made.reset(g_strdup_printf("%s_%d", wanted.substr(0, wanted.find("_%")).c_str(),
                                   g_atomic_int_add(&count, 1)));
        name = made.get();
    }
    add_pad(element, from, name);
    return gst_element_get_static_pad(element, name);
}

/// `data` is the factory of the replaced element, which stays registered.
void init_class(gpointer klass, gpointer data) {
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(element_class, "Stand-in", "Generic",
                                          "Has the pads of another element", "Penstock");
    element_class->request_new_pad = request_pad;
    for (const GList *l = gst_element_factory_get_static_pad_templates(GST_ELEMENT_FACTORY(data));
         l; l = l->next)
        gst_element_class_add_static_pad_template(element_class,
                                                  static_cast<GstStaticPadTemplate *>(l->data));
}

void init(GTypeInstance *instance, gpointer klass) {
    auto *element = GST_ELEMENT(instance);
    bool gives = false;
    for (GList *l = gst_element_class_get_pad_template_list(GST_ELEMENT_CLASS(klass)); l;
         l = l->next) {
        auto *from = GST_PAD_TEMPLATE(l->data);
        gives |= GST_PAD_TEMPLATE_DIRECTION(from) == GST_PAD_SRC;
        if (GST_PAD_TEMPLATE_PRESENCE(from) == GST_PAD_ALWAYS)
            add_pad(element, from, GST_PAD_TEMPLATE_NAME_TEMPLATE(from));
    }
    GST_OBJECT_FLAG_SET(element, gives ? GST_ELEMENT_FLAG_SOURCE : GST_ELEMENT_FLAG_SINK);
}

std::string class_of(const std::string &factory) {
    const auto found = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(factory.c_str()));
    const char *klass =
        found ? gst_element_factory_get_metadata(found.get(), GST_ELEMENT_METADATA_KLASS) : nullptr;
    return klass ? klass : "";
}

bool has_word(std::string_view klass, std::string_view word) {
    return klass.find(word) != klass.npos;
}

} // namespace

bool reaches_outside(const std::string &factory) {
    // Elements that generate data or read files may run.
    static constexpr std::array harmless = {"videotestsrc", "audiotestsrc", "fakesrc",
                                            "filesrc",      "livefilesrc",  "multifilesrc",
                                            "fakesink",     "appsrc",       "appsink"};
    for (const char *name : harmless)
        if (factory == name) return false;
    const std::string klass = class_of(factory);
    if (has_word(klass, "Sink") || has_word(klass, "Source")) return true;
    return has_word(klass, "Network") && !has_word(klass, "Payloader") &&
           !has_word(klass, "Depayloader") && !has_word(klass, "RTP");
}

std::string stand_in_for(const std::string &factory) {
    const std::string name = "penstockstandin-" + factory;
    if (GstPtr<GstElementFactory>::adopt(gst_element_factory_find(name.c_str()))) return name;
    // Loading the plugin may be needed to register the templates.
    const description::ElementClass loaded(factory);
    const auto found = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(factory.c_str()));
    if (!loaded || !found || !gst_element_factory_get_static_pad_templates(found.get()))
        return factory;
    const GTypeInfo info = {sizeof(StandInClass),
                            nullptr,
                            nullptr,
                            init_class,
                            nullptr,
                            gst_object_ref(found.get()), // the class keeps it forever
                            sizeof(StandIn),
                            0,
                            init,
                            nullptr};
    std::string type_name = "PenstockStandIn_" + factory;
    for (char &c : type_name)
        if (!g_ascii_isalnum(c)) c = '_';
    const GType type =
        g_type_register_static(GST_TYPE_ELEMENT, type_name.c_str(), &info, GTypeFlags(0));
    return gst_element_register(nullptr, name.c_str(), GST_RANK_NONE, type) ? name : factory;
}

} // namespace penstock::explain
