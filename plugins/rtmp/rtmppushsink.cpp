// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmppushsink: GObject boilerplate around PushSink.
/**
 * SECTION:element-rtmppushsink
 * @title: rtmppushsink
 * @short_description: publishes a stream to another RTMP server, for ever
 *
 * Connects to `location` (rtmp:// or rtmps://) and publishes there: to a platform, a CDN, another
 * server. It never fails and never makes upstream wait. A connection that is lost is made again
 * after `reconnect-delay`, then twice that, up to `reconnect-max-delay`, and goes on with a
 * keyframe and timestamps that continue. What waits meanwhile is bounded: a connection that is more
 * than `queue-max-time` behind skips to the newest keyframe, or waits for the next one. A server
 * that refuses the key is asked again only after `refused-delay`, which doubles up to ten times
 * that.
 *
 * ## Key
 * With `key`, the whole path of `location` is the application and its query stays there:
 * `location=rtmps://b.rtmps.youtube.com/live2?backup=1 key=…`. Without it, the last segment is the
 * stream's name, and a query belongs to it. The key is never readable and never logged.
 *
 * ## Reconnect requests
 * A server may ask it to connect again, here or elsewhere (Enhanced RTMP v2): it publishes to the
 * end of the GOP, leaves, and begins there with the next keyframe, so that nothing is lost. It goes
 * only to rtmp:// and rtmps://, never from rtmps:// to rtmp://, and not from a server elsewhere to
 * an address of this machine or its private network; the key stays. If nobody takes the stream
 * there, it goes back to `location`.
 *
 * ## Messages
 * At each change it posts `penstock-push-state` with `state` (connecting, live or waiting),
 * `location`, `reason`, `refused`, `retry-in` (ns) and `attempt`.
 *
 * ## Congestion
 * When more than 200 ms of media have not left this machine (the kernel's unsent bytes included),
 * it posts `penstock-congestion` and sends it upstream as a custom event: `congested`, `bitrate`
 * (what the video should have now), `original`, `throughput` (all in bit/s) and `queued` (ns).
 * `bitrate` is the throughput of the last two seconds without the audio; every four seconds without
 * congestion it rises by a tenth of the original. With `adapt=true` the video encoder upstream
 * (x264enc, or any other with a property `bitrate`) is set to it, and gets its own bitrate back at
 * the end. An encoder serves one such sink only.
 *
 * When not: to let players connect to this machine, use rtmpserversink.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 bitrate=800 ! h264parse ! flvlivemux ! rtmppushsink
 * location=rtmp://127.0.0.1:21938/live/test adapt=true
 * ]|
 * Publishes a test picture as soon as a server is there, with a bitrate that the connection
 * carries.
 *
 * Since: 0.1.0
 */
#include "rtmp/rtmppushsink.h"

#include "gst/push_sink_class.h"
#include "rtmp/push_sink.h"

GST_DEBUG_CATEGORY(penstock_rtmp_push_sink_debug);
#define GST_CAT_DEFAULT penstock_rtmp_push_sink_debug

using namespace penstock;
using rtmp::PushSink;

struct PenstockRtmpPushSink {
    GstBaseSink parent;
    PushSink *impl;
    // The pad functions of GstBaseSink.
    GstPadChainFunction base_chain;
    GstPadChainListFunction base_chain_list;
};
struct PenstockRtmpPushSinkClass {
    GstBaseSinkClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtmpPushSink *>(object)->impl)
using SinkClass = PushSinkClass<PenstockRtmpPushSink>;

G_DEFINE_TYPE(PenstockRtmpPushSink, penstock_rtmp_push_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(rtmppushsink, "rtmppushsink", GST_RANK_NONE,
                            penstock_rtmp_push_sink_get_type())

enum { PROP_0, PROP_QUEUE_MAX_TIME, PROP_QUEUE_MAX_BYTES, PROP_ADAPT, PROP_STATS, PROP_CLIENT };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PushSink &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (set_reconnect_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_TIME:
            impl.settings.queue_max_time = g_value_get_uint64(value);
            break;
        case PROP_QUEUE_MAX_BYTES:
            impl.settings.queue_max_bytes = g_value_get_uint(value);
            break;
        case PROP_ADAPT:
            impl.settings.adapt = g_value_get_boolean(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PushSink &impl = *IMPL(object);
        if (id == PROP_STATS) {
            g_value_take_boxed(value, impl.stats().release());
            return;
        }
        std::lock_guard lock(impl.settings_mutex);
        if (get_reconnect_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_TIME:
            g_value_set_uint64(value, impl.settings.queue_max_time);
            break;
        case PROP_QUEUE_MAX_BYTES:
            g_value_set_uint(value, guint(impl.settings.queue_max_bytes));
            break;
        case PROP_ADAPT:
            g_value_set_boolean(value, impl.settings.adapt);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void install_properties(GObjectClass *klass) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto playing =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PushSink::Settings defaults;
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_TIME,
        g_param_spec_uint64("queue-max-time", "Queue time",
                            "Nanoseconds of media that wait for a slow server before it skips to "
                            "a newer keyframe",
                            100 * GST_MSECOND, 60 * GST_SECOND, defaults.queue_max_time, rw));
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that wait, connected or not; more are dropped up to a keyframe",
                          64 << 10, 256 << 20, guint(defaults.queue_max_bytes), rw));
    g_object_class_install_property(
        klass, PROP_ADAPT,
        g_param_spec_boolean("adapt", "Adapt",
                             "Set the bitrate of the video encoder upstream to what the "
                             "connection carries",
                             defaults.adapt, playing));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) "
                           "connections queued (ns) bitrate (bit/s; 0 before any congestion)",
                           GST_TYPE_STRUCTURE, ro));
    install_reconnect_settings(
        klass, PROP_CLIENT,
        "Where to publish: rtmp://host:port/app/name, or rtmps://; with a key: "
        "rtmps://host/app?query",
        "The stream key, if it is not to be in the location; write-only", "rtmps");
}

static void penstock_rtmp_push_sink_class_init(PenstockRtmpPushSinkClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtmp_push_sink_debug, "rtmppushsink", 0, "RTMP push");
    SinkClass::init(&klass->parent, penstock_rtmp_push_sink_parent_class);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    install_properties(object_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_set_static_metadata(element_class, "RTMP push sink", "Sink/Network",
                                          "Publishes a stream to another RTMP server, for ever",
                                          "The Penstock authors");
}

static void penstock_rtmp_push_sink_init(PenstockRtmpPushSink *self) {
    self->impl = new PushSink(&self->parent);
    SinkClass::init(self);
}
