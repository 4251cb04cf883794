// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/element_pads.h"

#include "gst/guard.h"
#include "hls/cmaf_caps.h"
#include "hls/hlssegmenter.h"
#include "hls/pad.h"
#include "hls/sink.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace penstock::hls {
namespace {

constexpr Media all_media[] = {Media::video, Media::audio, Media::subtitles, Media::metadata};

Sink &sink_of(gpointer element) {
    return *static_cast<PenstockHlsSegmenter *>(element)->impl;
}

GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR,
                 [&] { return sink_of(parent).chain(pad, std::move(owned)); });
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return sink_of(parent).event(pad, std::move(owned)); });
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return sink_of(parent).query(pad, query); });
}

void pad_changed(GstPad *pad, GParamSpec *, gpointer element) noexcept {
    guard(element, [&] { sink_of(element).update_about(pad); });
}

GObject *child_at(GstChildProxy *proxy, guint index) noexcept {
    return guard(proxy, static_cast<GObject *>(nullptr), [&]() -> GObject * {
        auto pad = sink_of(proxy).pad_at(index);
        return pad.get() ? G_OBJECT(pad.release()) : nullptr;
    });
}

guint child_count(GstChildProxy *proxy) noexcept {
    return guard(proxy, guint(0), [&] { return guint(sink_of(proxy).pad_count()); });
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *templ, const gchar *name,
                        const GstCaps *) noexcept {
    const Media *media =
        std::find_if(std::begin(all_media), std::end(all_media) - 1, [&](Media one) {
            return g_str_has_prefix(GST_PAD_TEMPLATE_NAME_TEMPLATE(templ), name_of(one));
        });
    GstPad *pad = guard(element, static_cast<GstPad *>(nullptr),
                        [&] { return sink_of(element).request_pad(templ, *media, name); });
    if (!pad) return nullptr;
    gst_pad_set_chain_function(pad, sink_chain);
    gst_pad_set_event_function(pad, sink_event);
    gst_pad_set_query_function(pad, sink_query);
    for (const char *signal : {"notify::title", "notify::language", "notify::default"})
        g_signal_connect(pad, signal, G_CALLBACK(pad_changed), element);
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(element, pad);
    gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_PAD_NAME(pad));
    return pad;
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    const auto kept = GstPtr<GstPad>::ref(pad);
    g_signal_handlers_disconnect_by_data(pad, element);
    guard(element, [&] { sink_of(element).release_pad(pad); });
    gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_PAD_NAME(pad));
}

} // namespace

void init_child_proxy(gpointer iface, gpointer) {
    auto *proxy = static_cast<GstChildProxyInterface *>(iface);
    proxy->get_child_by_index = child_at;
    proxy->get_children_count = child_count;
}

void install_pads(GstElementClass *klass) {
    klass->request_new_pad = request_new_pad;
    klass->release_pad = release_pad;
    for (const Media media : all_media)
        gst_element_class_add_pad_template(
            klass, gst_pad_template_new_with_gtype(
                       (std::string(name_of(media)) + "_%u").c_str(), GST_PAD_SINK, GST_PAD_REQUEST,
                       all_caps_of(media).get(), PENSTOCK_TYPE_HLS_SEGMENTER_PAD));
    gst_type_mark_as_plugin_api(PENSTOCK_TYPE_HLS_SEGMENTER_PAD, GstPluginAPIFlags(0));
}

} // namespace penstock::hls
