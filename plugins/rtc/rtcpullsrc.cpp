// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtcpullsrc: GObject boilerplate around PullSource.
/**
 * SECTION:element-rtcpullsrc
 * @title: rtcpullsrc
 * @short_description: plays a stream of another server over WebRTC (WHEP), for ever
 *
 * Asks the server at `location` (http:// or https://) for its stream by WHEP and receives it over
 * WebRTC. Behind it are webrtcbin and libnice, with all of ICE: `ice-servers` names servers of STUN
 * and TURN, and those that the server offers in Link headers are used, too. What comes out is
 * `video/x-flv`, one tag a buffer: H.264, HEVC, VP8 or VP9, and Opus.
 *
 * While the server is away, or has no such stream, the element tries again: after
 * `reconnect-delay`, then twice that, up to `reconnect-max-delay`. The stream goes on with a
 * keyframe, DISCONT and timestamps that never go back; it ends only with the pipeline. A server
 * that sends nothing for `silence-timeout` is left. One that refuses the token is asked again only
 * after `refused-delay`, which doubles up to ten times that.
 *
 * A keyframe is asked for (PLI) when it joins, after losses, and when downstream wants one. Packets
 * that come late are waited for as long as `latency`. With `interleave=false` video does not wait
 * for audio either, for sinks to which their order does not matter. If downstream is too slow,
 * `queue-max-bytes` are kept and the rest is dropped up to a keyframe.
 *
 * `token` is sent as a bearer token, also to where the server redirects (by 307 or 308, and never
 * from https:// to http://, nor from elsewhere to this machine or its network). It is never
 * readable and never logged.
 *
 * At each change the element posts the message `penstock-pull-state` with `state` (connecting, live
 * or waiting), `location`, `reason`, `refused`, `retry-in` (ns) and `attempt`.
 *
 * When not: to receive a publisher, use rtcserversrc.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtcpullsrc location=http://127.0.0.1:28084/live/cam/whep ! goptee ! fakesink
 * async=false
 * ]|
 * Waits for a server at port 28084 and shows nothing.
 *
 * Since: 0.1.0
 */
#include "rtc/rtcpullsrc.h"

#include "gst/guard.h"
#include "gst/tag_source_class.h"
#include "rtc/pull_source.h"

GST_DEBUG_CATEGORY(penstock_rtc_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtc_pull_src_debug

using namespace penstock;
using rtc::PullSource;

struct PenstockRtcPullSrc {
    GstElement parent;
    PullSource *impl;
};
struct PenstockRtcPullSrcClass {
    GstElementClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtcPullSrc *>(object)->impl)
using SourceClass = TagSourceClass<PenstockRtcPullSrc>;

G_DEFINE_TYPE(PenstockRtcPullSrc, penstock_rtc_pull_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtcpullsrc, "rtcpullsrc", GST_RANK_NONE,
                            penstock_rtc_pull_src_get_type())

enum { PROP_0, PROP_QUEUE_MAX_BYTES, PROP_LATENCY, PROP_INTERLEAVE, PROP_STATS, PROP_CLIENT };

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PullSource &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (rtc::set_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_BYTES:
            impl.settings.max_bytes = g_value_get_uint(value);
            break;
        case PROP_LATENCY:
            impl.settings.latency = g_value_get_uint64(value);
            break;
        case PROP_INTERLEAVE:
            impl.settings.interleave = g_value_get_boolean(value);
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
        if (rtc::get_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_BYTES:
            g_value_set_uint(value, guint(impl.settings.max_bytes));
            break;
        case PROP_LATENCY:
            g_value_set_uint64(value, impl.settings.latency);
            break;
        case PROP_INTERLEAVE:
            g_value_set_boolean(value, impl.settings.interleave);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void penstock_rtc_pull_src_class_init(PenstockRtcPullSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtc_pull_src_debug, "rtcpullsrc", 0, "WebRTC pull");
    SourceClass::init(klass, penstock_rtc_pull_src_parent_class,
                      [](PenstockRtcPullSrc &self) { return self.impl->start(); });
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PullSource::Settings defaults;
    rtc::install_client_settings(object_class, PROP_CLIENT,
                                 "The stream: the server's address of WHEP, http:// or https://");
    g_object_class_install_property(
        object_class, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued; more are dropped up to a keyframe", 64 << 10,
                          256 << 20, guint(defaults.max_bytes), rw));
    g_object_class_install_property(
        object_class, PROP_LATENCY,
        g_param_spec_uint64("latency", "Latency", "Nanoseconds that packets wait for earlier ones",
                            0, 10 * GST_SECOND, defaults.latency, rw));
    g_object_class_install_property(
        object_class, PROP_INTERLEAVE,
        g_param_spec_boolean("interleave", "Interleave",
                             "Audio and video in the order of their timestamps, for which either "
                             "waits for the other; false: as they come",
                             defaults.interleave, rw));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) "
                           "connections",
                           GST_TYPE_STRUCTURE, ro));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(
        element_class, "WebRTC pull source", "Source/Network",
        "Plays a stream of another server over WebRTC (WHEP), for ever", "The Penstock authors");
}

static void penstock_rtc_pull_src_init(PenstockRtcPullSrc *self) {
    SourceClass::init(self);
}
