// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/latencyread.h"

#include "gst/guard.h"
#include "latency/clock_offset.h"
#include "latency/formats.h"
#include "latency/gauge.h"

/**
 * SECTION:element-latencyread
 * @title: latencyread
 * @short_description: reads latencystamp's code out of each frame and says how old the frames are
 *
 * Put it where latency ends: behind a decoder, as near to the display as can be. Frames pass
 * untouched. It finds the code anywhere in the picture, at any size of 3 pixels a cell and more. A
 * frame that it can't read is counted, never guessed.
 *
 * Latency is the time of day at which a frame gets here, less the one in its stamp. A sink with
 * sync=true waits after that: put `clocksync` (with sync=true) in front, and sync=false on the
 * sink, to have that wait in it. On one machine this is exact; between machines it is as good as
 * their clocks agree (NTP, PTP): what can't be, below zero by more than `tolerance` or above
 * `max-latency`, has the verdict "clock" and no number. Where it is known how far this machine's
 * clock is off, `clock-offset` takes that off.
 *
 * Each `interval` it posts an element message `penstock-latency` with the fields of `stats`, all
 * since the start: p50, p95, p99, min, max, mean, jitter (the mean difference from one frame to the
 * next) and the latest frame's latency, in nanoseconds and only once there are any; frames, read,
 * unreadable, lost (numbers left out), repeated, clock, restarts, measured; the latest stamp's
 * frame, source-id and sent (UTC, microseconds); and verdict: ok, repeated, clock, unreadable or
 * none. Memory is bounded, percentiles are right to within 0.2 %.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=150 is-live=true ! video/x-raw,format=I420 ! \
 *     latencystamp ! x264enc tune=zerolatency ! avdec_h264 ! latencyread ! fakesink
 * ]|
 * Posts each second what encoding and decoding take.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_latencyread_debug);
#define GST_CAT_DEFAULT penstock_latencyread_debug

using namespace penstock;
using namespace penstock::latency;

#define penstock_latencyread_parent_class parent_class
G_DEFINE_TYPE(PenstockLatencyRead, penstock_latencyread, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE(latencyread, "latencyread", GST_RANK_NONE,
                            penstock_latencyread_get_type())

namespace {

enum Property {
    prop_0,
    prop_source_id,
    prop_interval,
    prop_tolerance,
    prop_max_latency,
    prop_clock_offset,
    prop_stats
};

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(PENSTOCK_LATENCY_FORMATS)));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(PENSTOCK_LATENCY_FORMATS)));

Gauge &impl(gpointer object) {
    return *static_cast<PenstockLatencyRead *>(object)->impl;
}

gboolean start(GstBaseTransform *base) noexcept {
    return guard(base, FALSE, [&] {
        impl(base).start();
        return TRUE;
    });
}

gboolean stop(GstBaseTransform *base) noexcept {
    impl(base).stop();
    return TRUE;
}

GstFlowReturn transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame) noexcept {
    return guard(filter, GST_FLOW_ERROR, [&] {
        impl(filter).read(*frame);
        return GST_FLOW_OK;
    });
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        impl(object).change([&](GaugeSettings &settings) {
            switch (id) {
            case prop_source_id:
                settings.source = g_value_get_int(value);
                break;
            case prop_interval:
                settings.interval = g_value_get_uint64(value);
                break;
            case prop_tolerance:
                settings.limits.tolerance = int64_t(g_value_get_uint64(value));
                break;
            case prop_max_latency:
                settings.limits.max_latency = int64_t(g_value_get_uint64(value));
                break;
            case prop_clock_offset:
                settings.clock_offset = g_value_get_int64(value);
                break;
            default:
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            }
        });
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const GaugeSettings settings = impl(object).settings();
        switch (id) {
        case prop_source_id:
            g_value_set_int(value, settings.source);
            break;
        case prop_interval:
            g_value_set_uint64(value, settings.interval);
            break;
        case prop_tolerance:
            g_value_set_uint64(value, guint64(settings.limits.tolerance));
            break;
        case prop_max_latency:
            g_value_set_uint64(value, guint64(settings.limits.max_latency));
            break;
        case prop_clock_offset:
            g_value_set_int64(value, settings.clock_offset);
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockLatencyRead *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

static void penstock_latencyread_class_init(PenstockLatencyReadClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_latencyread_debug, "latencyread", 0, "time out of pictures");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const GaugeSettings defaults;
    g_object_class_install_property(object_class, prop_source_id,
                                    g_param_spec_int("source-id", "Source id",
                                                     "The source whose stamps are read; -1: the "
                                                     "first one found",
                                                     -1, 65535, defaults.source, flags));
    g_object_class_install_property(
        object_class, prop_interval,
        g_param_spec_uint64("interval", "Interval",
                            "Nanoseconds between messages; 0: one for each frame", 0,
                            GST_SECOND * 3600, defaults.interval, flags));
    g_object_class_install_property(
        object_class, prop_tolerance,
        g_param_spec_uint64("tolerance", "Tolerance",
                            "Nanoseconds below zero that count as zero; more says \"clock\"", 0,
                            GST_SECOND * 10, guint64(defaults.limits.tolerance), flags));
    g_object_class_install_property(
        object_class, prop_max_latency,
        g_param_spec_uint64("max-latency", "Maximum latency",
                            "Nanoseconds; a latency above says \"clock\"", GST_SECOND,
                            guint64(Histogram::max_value), guint64(defaults.limits.max_latency),
                            flags));
    g_object_class_install_property(object_class, prop_clock_offset, clock_offset_spec());
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns), "
                           "latencies (p50 p95 p99 min max mean jitter latency, in ns), counts "
                           "(frames read unreadable lost repeated clock restarts measured), the "
                           "latest stamp (frame source-id sent) and verdict",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *base_class = GST_BASE_TRANSFORM_CLASS(klass);
    base_class->start = start;
    base_class->stop = stop;
    GST_VIDEO_FILTER_CLASS(klass)->transform_frame_ip = transform_frame_ip;
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Latency reader", "Filter/Analyzer/Video",
        "Reads latencystamp's code out of each frame and says how old the frames are",
        "The Penstock authors");
}

static void penstock_latencyread_init(PenstockLatencyRead *self) {
    self->impl = new Gauge(GST_ELEMENT(self));
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}
