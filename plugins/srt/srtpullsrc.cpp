// SPDX-License-Identifier: LGPL-2.1-or-later
// The element srtpullsrc: GObject boilerplate around PullSource.
/**
 * SECTION:element-srtpullsrc
 * @title: srtpullsrc
 * @short_description: receives a stream over SRT from one other end, for ever
 *
 * Connects to `location` (a server, an encoder box, a camera) and receives its stream, or waits for
 * one caller (`mode=listener`), or meets it (`rendezvous`). What comes out is `video/mpegts` in
 * packets of 188 bytes, cut where viewers may join; tslivedemux makes of it what all other
 * protocols serve. While the other end is away, the element tries again: after `reconnect-delay`,
 * then twice that, up to `reconnect-max-delay`. The stream goes on with DISCONT; it ends only with
 * the pipeline. An end that sends nothing for `silence-timeout` is left.
 *
 * srtpushsink says more of `location`, and of latencies that are too short.
 *
 * At each change the element posts the message `penstock-pull-state` with `state` (connecting, live
 * or waiting), `location`, `reason`, `refused`, `retry-in` (ns) and `attempt`.
 *
 * When not: to receive publishers that tell their streams apart by stream ids, use
 * srtliveserversrc.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 srtpullsrc location=srt://127.0.0.1:28893?streamid=read:live/cam ! goptee !
 * fakesink async=false
 * ]|
 * Waits for a server at port 28893 and shows nothing.
 *
 * Since: 0.1.0
 */
#include "srt/srtpullsrc.h"

#include "gst/tag_source_class.h"
#include "srt/link_settings.h"
#include "srt/pull_source.h"

GST_DEBUG_CATEGORY(penstock_srt_pull_src_debug);
#define GST_CAT_DEFAULT penstock_srt_pull_src_debug

using namespace penstock;
using srt::PullSource;

struct PenstockSrtPullSrc {
    GstElement parent;
    PullSource *impl;
};
struct PenstockSrtPullSrcClass {
    GstElementClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockSrtPullSrc *>(object)->impl)
using SourceClass = TagSourceClass<PenstockSrtPullSrc, srt::ts_caps>;

G_DEFINE_TYPE(PenstockSrtPullSrc, penstock_srt_pull_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(srtpullsrc, "srtpullsrc", GST_RANK_NONE,
                            penstock_srt_pull_src_get_type())

enum { PROP_0, PROP_QUEUE_MAX_BYTES, PROP_SILENCE_TIMEOUT, PROP_STATS, PROP_CLIENT };

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PullSource &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (srt::set_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
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
        if (srt::get_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
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

static void penstock_srt_pull_src_class_init(PenstockSrtPullSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_srt_pull_src_debug, "srtpullsrc", 0, "SRT pull");
    SourceClass::init(klass, penstock_srt_pull_src_parent_class,
                      [](PenstockSrtPullSrc &self) { return self.impl->start(); });
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PullSource::Settings defaults;
    srt::install_client_settings(
        object_class, PROP_CLIENT,
        "From where: srt://host:port?streamid=…&passphrase=…&latency=MS; without a host it waits "
        "for a caller");
    g_object_class_install_property(
        object_class, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued before nothing more is read", 64 << 10, 256 << 20,
                          guint(defaults.max_bytes), rw));
    g_object_class_install_property(
        object_class, PROP_SILENCE_TIMEOUT,
        g_param_spec_uint64("silence-timeout", "Silence timeout",
                            "An end that sends nothing for this long, in nanoseconds, is left and "
                            "connected to again. 0: never",
                            0, 86400 * GST_SECOND, defaults.silence_timeout, rw));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            g_intern_string((std::string("bytes-in bytes-out buffers-in buffers-out drops peers "
                                         "uptime (ns) connections") +
                             srt::network_stats)
                                .c_str()),
            GST_TYPE_STRUCTURE, ro));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(element_class, "SRT pull source", "Source/Network",
                                          "Receives a stream over SRT from one other end, for ever",
                                          "The Penstock authors");
}

static void penstock_srt_pull_src_init(PenstockSrtPullSrc *self) {
    SourceClass::init(self);
}
