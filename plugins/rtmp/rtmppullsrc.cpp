// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmppullsrc: GObject boilerplate around PullSource.
/**
 * SECTION:element-rtmppullsrc
 * @title: rtmppullsrc
 * @short_description: plays a stream of another RTMP server, for ever
 *
 * Connects to `location` (rtmp:// or rtmps://) and plays the stream. What comes out is
 * `video/x-flv`, one tag a buffer, with the codecs of Enhanced RTMP. While the server is away, or
 * nobody publishes there, the element tries again: after `reconnect-delay`, then twice that, up to
 * `reconnect-max-delay`. The stream goes on with DISCONT and timestamps that never go back; it ends
 * only with the pipeline. A server that sends nothing for `silence-timeout` is left.
 *
 * A server may ask it to connect again, here or elsewhere (Enhanced RTMP v2): see rtmppushsink.
 *
 * At each change the element posts the message `penstock-pull-state` with `state` (connecting, live
 * or waiting), `location`, `reason`, `refused`, `retry-in` (ns) and `attempt`.
 *
 * When not: to receive a publisher, use rtmpserversrc.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtmppullsrc location=rtmp://127.0.0.1:21937/live/cam ! goptee ! fakesink
 * async=false
 * ]|
 * Waits for a server at port 21937 and shows nothing.
 *
 * Since: 0.1.0
 */
#include "rtmp/rtmppullsrc.h"

#include "gst/guard.h"
#include "gst/tag_source_class.h"
#include "rtmp/pull_source.h"

GST_DEBUG_CATEGORY(penstock_rtmp_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtmp_pull_src_debug

using namespace penstock;
using rtmp::PullSource;

struct PenstockRtmpPullSrc {
    GstElement parent;
    PullSource *impl;
};
struct PenstockRtmpPullSrcClass {
    GstElementClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtmpPullSrc *>(object)->impl)
using SourceClass = TagSourceClass<PenstockRtmpPullSrc>;

G_DEFINE_TYPE(PenstockRtmpPullSrc, penstock_rtmp_pull_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtmppullsrc, "rtmppullsrc", GST_RANK_NONE,
                            penstock_rtmp_pull_src_get_type())

enum { PROP_0, PROP_QUEUE_MAX_BYTES, PROP_SILENCE_TIMEOUT, PROP_STATS, PROP_CLIENT };

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PullSource &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (set_reconnect_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_BYTES:
            impl.settings.max_bytes = g_value_get_uint(value);
            break;
        case PROP_SILENCE_TIMEOUT:
            impl.settings.silence_timeout = g_value_get_uint64(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PullSource &impl = *IMPL(object);
        if (id == PROP_STATS) {
            g_value_take_boxed(value, impl.stats().release());
            return;
        }
        std::lock_guard lock(impl.settings_mutex);
        if (get_reconnect_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_BYTES:
            g_value_set_uint(value, guint(impl.settings.max_bytes));
            break;
        case PROP_SILENCE_TIMEOUT:
            g_value_set_uint64(value, impl.settings.silence_timeout);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void penstock_rtmp_pull_src_class_init(PenstockRtmpPullSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtmp_pull_src_debug, "rtmppullsrc", 0, "RTMP pull");
    SourceClass::init(klass, penstock_rtmp_pull_src_parent_class,
                      [](PenstockRtmpPullSrc &self) { return self.impl->start(); });
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PullSource::Settings defaults;
    install_reconnect_settings(object_class, PROP_CLIENT,
                               "The stream: rtmp://host:port/app/name or rtmps://…",
                               "The stream's name, if it is not to be in the location", "rtmps");
    g_object_class_install_property(
        object_class, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued before the server is made to wait", 64 << 10,
                          256 << 20, guint(defaults.max_bytes), rw));
    g_object_class_install_property(
        object_class, PROP_SILENCE_TIMEOUT,
        g_param_spec_uint64("silence-timeout", "Silence timeout",
                            "A server that sends nothing for this long, in nanoseconds, is left "
                            "and connected to again. 0: never",
                            0, 86400 * GST_SECOND, defaults.silence_timeout, rw));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) "
                           "connections",
                           GST_TYPE_STRUCTURE, ro));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(element_class, "RTMP pull source", "Source/Network",
                                          "Plays a stream of another RTMP server, for ever",
                                          "The Penstock authors");
}

static void penstock_rtmp_pull_src_init(PenstockRtmpPullSrc *self) {
    SourceClass::init(self);
}
