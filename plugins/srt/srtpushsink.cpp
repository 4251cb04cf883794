// SPDX-License-Identifier: LGPL-2.1-or-later
// The element srtpushsink: GObject boilerplate around PushSink.
/**
 * SECTION:element-srtpushsink
 * @title: srtpushsink
 * @short_description: sends a stream over SRT to one other end, for ever
 *
 * Connects to `location` (a platform, a CDN, another server, a decoder box) and sends there, or
 * waits for one caller (`mode=listener`), or meets it (`rendezvous`). It never fails and never
 * makes upstream wait. A connection that is lost is made again after `reconnect-delay`, then twice
 * that, up to `reconnect-max-delay`, and goes on with a keyframe. What waits meanwhile is bounded:
 * a connection that is more than `queue-max-time` behind skips to the newest keyframe. A server
 * that refuses the passphrase, the key or the stream id is asked again only after `refused-delay`.
 *
 * FLV is multiplexed into MPEG-TS (H.264, HEVC, AAC, MP3, AC-3, Opus); a transport stream is sent
 * as it is. Messages are seven packets long.
 *
 * `location` is what ffmpeg and VLC take, too:
 * `srt://host:9000?streamid=publish:live/cam&passphrase=…&pbkeylen=16&latency=200&mode=caller`.
 * Here `latency` is in milliseconds (of ffmpeg in microseconds). What it says counts more than the
 * properties. `srt://host:8890/live/cam` is short for `streamid=publish:live/cam`.
 *
 * When less than three round trips fit into the latency that both ends have agreed on, lost packets
 * come too late: the element warns of it once per connection.
 *
 * At each change the element posts the message `penstock-push-state` with `state` (connecting, live
 * or waiting), `location`, `reason`, `refused`, `retry-in` (ns) and `attempt`.
 *
 * When not: to serve any number of callers, use srtliveserversink.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! tslivemux ! srtpushsink
 * location=srt://127.0.0.1:28892?streamid=publish:live/test
 * ]|
 * Publishes a test picture as soon as a server is there.
 *
 * Since: 0.1.0
 */
#include "srt/srtpushsink.h"

#include "gst/push_sink_class.h"
#include "srt/link_settings.h"
#include "srt/push_sink.h"

GST_DEBUG_CATEGORY(penstock_srt_push_sink_debug);
#define GST_CAT_DEFAULT penstock_srt_push_sink_debug

using namespace penstock;
using srt::PushSink;

struct PenstockSrtPushSink {
    GstBaseSink parent;
    PushSink *impl;
    // The pad functions of GstBaseSink.
    GstPadChainFunction base_chain;
    GstPadChainListFunction base_chain_list;
};
struct PenstockSrtPushSinkClass {
    GstBaseSinkClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockSrtPushSink *>(object)->impl)
using SinkClass = PushSinkClass<PenstockSrtPushSink>;

G_DEFINE_TYPE(PenstockSrtPushSink, penstock_srt_push_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(srtpushsink, "srtpushsink", GST_RANK_NONE,
                            penstock_srt_push_sink_get_type())

enum { PROP_0, PROP_QUEUE_MAX_TIME, PROP_QUEUE_MAX_BYTES, PROP_STATS, PROP_CLIENT };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/mpegts, systemstream=(boolean)true; "
                                            "video/x-flv"));

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PushSink &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (srt::set_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_TIME:
            impl.settings.queue_max_time = g_value_get_uint64(value);
            break;
        case PROP_QUEUE_MAX_BYTES:
            impl.settings.queue_max_bytes = g_value_get_uint(value);
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
        if (srt::get_client_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_QUEUE_MAX_TIME:
            g_value_set_uint64(value, impl.settings.queue_max_time);
            break;
        case PROP_QUEUE_MAX_BYTES:
            g_value_set_uint(value, guint(impl.settings.queue_max_bytes));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void install_properties(GObjectClass *klass) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PushSink::Settings defaults;
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_TIME,
        g_param_spec_uint64("queue-max-time", "Queue time",
                            "Nanoseconds of media that wait for a slow network, or a connection, "
                            "before newer keyframes are sent instead; a GOP that is longer is not "
                            "kept",
                            100 * GST_MSECOND, 60 * GST_SECOND, defaults.queue_max_time, rw));
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that wait, connected or not; more are dropped up to a keyframe",
                          64 << 10, 256 << 20, guint(defaults.queue_max_bytes), rw));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            g_intern_string((std::string("bytes-in bytes-out buffers-in buffers-out drops peers "
                                         "uptime (ns) connections") +
                             srt::network_stats)
                                .c_str()),
            GST_TYPE_STRUCTURE, ro));
    srt::install_client_settings(
        klass, PROP_CLIENT,
        "Where to send: srt://host:port?streamid=…&passphrase=…&latency=MS; without a host it "
        "waits "
        "for a caller");
}

static void penstock_srt_push_sink_class_init(PenstockSrtPushSinkClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_srt_push_sink_debug, "srtpushsink", 0, "SRT push");
    SinkClass::init(&klass->parent, penstock_srt_push_sink_parent_class);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    install_properties(object_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_set_static_metadata(element_class, "SRT push sink", "Sink/Network",
                                          "Sends a stream over SRT to one other end, for ever",
                                          "The Penstock authors");
}

static void penstock_srt_push_sink_init(PenstockSrtPushSink *self) {
    self->impl = new PushSink(&self->parent);
    SinkClass::init(self);
}
