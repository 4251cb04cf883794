// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtsppullsrc: GObject boilerplate around PullSource.
/**
 * SECTION:element-rtsppullsrc
 * @title: rtsppullsrc
 * @short_description: plays a camera's stream over RTSP, for ever
 *
 * Connects to `location` (rtsp:// or rtsps://) and plays the first stream of video and the first of
 * sound. What comes out of `src` is `video/x-flv`, one tag a buffer, with the codecs of Enhanced
 * RTMP: H.264, H.265, AV1, VP9, VP8; AAC, Opus, G.711. Streams that FLV does not have come out of
 * pads of their own: JPEG of `video_0`, G.726 of `audio_0`.
 *
 * RTP is asked for within the connection (TCP) first, then as datagrams, then by multicast: the
 * next of `protocols` is tried when the camera refuses one, or sends nothing for 3 s. While the
 * camera is away the element tries again: after `reconnect-delay`, then twice that, up to
 * `reconnect-max-delay`; a camera that refuses the password is asked after `refused-delay`. The
 * stream goes on with DISCONT and timestamps that never go back; it ends only with the pipeline.
 *
 * Times follow the arrival of packets, and the camera's reports for the distance of sound and
 * video, so that clocks that drift, jump or are not set harm nothing. The camera's own time is on
 * each frame after its first report, as a GstReferenceTimestampMeta with the caps
 * `timestamp/x-unix`.
 *
 * At each change the element posts the message `penstock-pull-state` with `state` (connecting, live
 * or waiting), `location` (without user and password), `reason`, `refused`, `retry-in` (ns) and
 * `attempt`.
 *
 * When not: for files and recordings, which a client has to seek in, use rtspsrc.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtsppullsrc location=rtsp://127.0.0.1:21938/cam ! goptee ! fakesink async=false
 * ]|
 * Waits for a camera at port 21938 and shows nothing.
 *
 * Since: 0.1.0
 */
#include "rtsp/rtsppullsrc.h"

#include "gst/guard.h"
#include "gst/tag_source_class.h"
#include "rtsp/pull_source.h"

GST_DEBUG_CATEGORY(penstock_rtsp_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtsp_pull_src_debug

using namespace penstock;
using rtsp::PullSource;

struct PenstockRtspPullSrc {
    GstElement parent;
    PullSource *impl;
};
struct PenstockRtspPullSrcClass {
    GstElementClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtspPullSrc *>(object)->impl)
using SourceClass = TagSourceClass<PenstockRtspPullSrc>;

G_DEFINE_TYPE(PenstockRtspPullSrc, penstock_rtsp_pull_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtsppullsrc, "rtsppullsrc", GST_RANK_NONE,
                            penstock_rtsp_pull_src_get_type())

enum {
    PROP_0,
    PROP_USER,
    PROP_PROTOCOLS,
    PROP_LATENCY,
    PROP_QUEUE_MAX_BYTES,
    PROP_SILENCE_TIMEOUT,
    PROP_STATS,
    PROP_CLIENT
};

static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE(
    "video_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS("image/jpeg"));
static GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE("audio_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                            GST_STATIC_CAPS("audio/x-adpcm, layout = (string) g726"));

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        PullSource &impl = *IMPL(object);
        const auto text = [value] {
            const char *string = g_value_get_string(value);
            return std::string(string ? string : "");
        };
        std::lock_guard lock(impl.settings_mutex);
        if (set_reconnect_setting(impl.settings, PROP_CLIENT, id, value)) return;
        switch (id) {
        case PROP_USER:
            impl.settings.user = text();
            break;
        case PROP_PROTOCOLS:
            impl.settings.protocols = text();
            break;
        case PROP_LATENCY:
            impl.settings.latency = g_value_get_uint64(value);
            break;
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
        case PROP_USER:
            g_value_set_string(value, impl.settings.user.c_str());
            break;
        case PROP_PROTOCOLS:
            g_value_set_string(value, impl.settings.protocols.c_str());
            break;
        case PROP_LATENCY:
            g_value_set_uint64(value, impl.settings.latency);
            break;
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

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    const GstStateChangeReturn result = SourceClass::change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [element] { IMPL(element)->remove_pads(); });
    return result;
}

static void install_properties(GObjectClass *object_class) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const PullSource::Settings defaults;
    const auto install = [object_class](guint id, GParamSpec *spec) {
        g_object_class_install_property(object_class, id, spec);
    };
    install_reconnect_settings(object_class, PROP_CLIENT,
                               "The camera's stream: rtsp://user:password@host:port/path or "
                               "rtsps://…",
                               "The password, if it is not to be in the location", "rtsps");
    install(PROP_USER,
            g_param_spec_string("user", "User", "The user, if it is not to be in the location",
                                defaults.user.c_str(), rw));
    install(PROP_PROTOCOLS,
            g_param_spec_string("protocols", "Protocols",
                                "How RTP may come, in the order in which it is tried: tcp, udp and "
                                "multicast, with + between them",
                                defaults.protocols.c_str(), rw));
    install(PROP_LATENCY,
            g_param_spec_uint64("latency", "Latency",
                                "Nanoseconds that a datagram waits for those before it that are "
                                "missing; those in order wait for nothing, and TCP needs none",
                                0, 10 * GST_SECOND, defaults.latency, rw));
    install(PROP_QUEUE_MAX_BYTES,
            g_param_spec_uint("queue-max-bytes", "Queue size",
                              "Bytes that are queued before the camera is made to wait, or "
                              "datagrams are dropped",
                              64 << 10, 256 << 20, guint(defaults.max_bytes), rw));
    install(PROP_SILENCE_TIMEOUT,
            g_param_spec_uint64("silence-timeout", "Silence timeout",
                                "A camera that sends no media for this long, in nanoseconds, is "
                                "connected to again. 0: never",
                                0, 86400 * GST_SECOND, defaults.silence_timeout, rw));
    install(PROP_STATS,
            g_param_spec_boxed("stats", "Statistics",
                               "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) "
                               "connections packets-lost protocol",
                               GST_TYPE_STRUCTURE, ro));
}

static void penstock_rtsp_pull_src_class_init(PenstockRtspPullSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtsp_pull_src_debug, "rtsppullsrc", 0, "RTSP pull");
    SourceClass::init(klass, penstock_rtsp_pull_src_parent_class,
                      [](PenstockRtspPullSrc &self) { return self.impl->start(); });
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    install_properties(object_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &audio_template);
    gst_element_class_set_static_metadata(element_class, "RTSP pull source", "Source/Network",
                                          "Plays a camera's stream over RTSP, for ever",
                                          "The Penstock authors");
}

static void penstock_rtsp_pull_src_init(PenstockRtspPullSrc *self) {
    SourceClass::init(self);
}
