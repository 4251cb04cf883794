// SPDX-License-Identifier: LGPL-2.1-or-later
#include "time/timestamprepair.h"

#include "gst/guard.h"
#include "time/repairer.h"

/**
 * SECTION:element-timestamprepair
 * @title: timestamprepair
 * @short_description: repairs the timestamps of encoded streams
 *
 * Put it behind a demuxer, a parser or a depayloader whose timestamps a muxer or a player chokes
 * on. Behind it, decoding times increase within each stream, no frame is displayed before it is
 * decoded, and all streams stay synchronous. Healthy timestamps pass unchanged, to the nanosecond;
 * buffers are not copied and nothing is held back, so it adds no latency.
 *
 * One stream goes through `sink` and `src`. Streams that belong together go through `sink_0`,
 * `src_0`, `sink_1`, …: a jump then moves all of them by the same offset, and what they drift apart
 * is measured. Put queues behind it, not in front: in a file, the order in which the demuxer pushes
 * tells what is simultaneous.
 *
 * Wraps (of millisecond clocks with 32, 31 and 24 bits, of 90 kHz clocks with 33 and 32 bits) are
 * no jumps. A step back by more than `max-backward` is one, and a hole of more than `max-gap`, if
 * it is in all streams and no live source has waited for it. With `gap=close` what is behind the
 * hole moves forward. With `gap=mark` the first frame behind it is discontinuous, and in front of
 * it is a gap event; holes above `max-jump`, and those that a live source has not waited for, are
 * jumps of the sender's clock and are taken out all the same. A hole in one stream that another one
 * passes through always stays, and is marked. Missing decoding times are made of the display times
 * and the number of reordered frames in the stream's parameter sets; missing display times and
 * durations are filled in. docs/publishers.md has a table.
 *
 * What is mended is said by element messages `penstock-timestamps`, at most one a second of a kind:
 * `pad`, `trouble` (jump, gap, wrap, skew, drift, order, missing, composition), `amount` in
 * nanoseconds, `count`, `suppressed` (how many were not told) and `text`.
 *
 * When not: FLV, MPEG-TS and other containers have their timestamps in their bytes; put it behind
 * the demuxer. rtmpserversrc and flvlivedemux mend FLV's own timestamps themselves. It only plays
 * forward at normal speed; segments of other rates pass as they are.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=movie.mp4 ! qtdemux name=demux \
 *     demux.video_0 ! repair.sink_0 demux.audio_0 ! repair.sink_1 \
 *     timestamprepair name=repair gap=close \
 *     repair.src_0 ! queue ! h264parse ! mux. repair.src_1 ! queue ! aacparse ! mux. \
 *     mpegtsmux name=mux ! filesink location=repaired.ts
 * ]|
 * Closes the holes of a file; `-m` prints what was mended.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_timestamp_repair_debug);
#define GST_CAT_DEFAULT penstock_timestamp_repair_debug

using namespace penstock;
using timing::Limits;

#define penstock_timestamp_repair_parent_class parent_class
G_DEFINE_TYPE(PenstockTimestampRepair, penstock_timestamp_repair, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(timestamprepair, "timestamprepair", GST_RANK_NONE,
                            penstock_timestamp_repair_get_type())

namespace {

enum Property {
    prop_0,
    prop_gap,
    prop_max_gap,
    prop_max_jump,
    prop_max_backward,
    prop_max_skew,
    prop_max_drift,
    prop_stats
};

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate sinks_template =
    GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate srcs_template =
    GST_STATIC_PAD_TEMPLATE("src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);

timing::Repairer &impl(gpointer object) {
    return *static_cast<PenstockTimestampRepair *>(object)->impl;
}

GType gap_type() {
    static const GEnumValue values[] = {
        {int(timing::Gap::mark), "Stay; a gap event, then a discontinuous frame", "mark"},
        {int(timing::Gap::close), "Are closed: what follows moves forward", "close"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockTimestampRepairGap", values);
    return type;
}

/// The member of Limits that a property sets.
int64_t &limit_of(Limits &limits, guint id) {
    switch (id) {
    case prop_max_gap:
        return limits.max_gap;
    case prop_max_jump:
        return limits.max_jump;
    case prop_max_backward:
        return limits.max_backward;
    case prop_max_skew:
        return limits.max_skew;
    default:
        return limits.max_drift;
    }
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        Limits limits = impl(object).limits();
        switch (id) {
        case prop_gap:
            limits.gap = timing::Gap(g_value_get_enum(value));
            break;
        case prop_max_gap:
        case prop_max_jump:
        case prop_max_backward:
        case prop_max_skew:
        case prop_max_drift:
            limit_of(limits, id) = static_cast<int64_t>(g_value_get_uint64(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        impl(object).set_limits(limits);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        Limits limits = impl(object).limits();
        switch (id) {
        case prop_gap:
            g_value_set_enum(value, int(limits.gap));
            break;
        case prop_max_gap:
        case prop_max_jump:
        case prop_max_backward:
        case prop_max_skew:
        case prop_max_drift:
            g_value_set_uint64(value, static_cast<guint64>(limit_of(limits, id)));
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *sink, const gchar *name,
                        const GstCaps *) noexcept {
    return guard(element, static_cast<GstPad *>(nullptr), [&] {
        GstPadTemplate *src =
            gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), "src_%u");
        return impl(element).request_pad(sink, src, name);
    });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] { impl(element).release_pad(pad); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        guard(element, [&] { impl(element).start(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).stop(); });
    return result;
}

void finalize(GObject *object) noexcept {
    auto *repairer = reinterpret_cast<PenstockTimestampRepair *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
    delete repairer;
}

void install_properties(GObjectClass *klass) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    Limits d;
    const auto add = [&](guint id, const char *name, const char *nick, const char *blurb,
                         guint64 least, guint64 most) {
        g_object_class_install_property(klass, id,
                                        g_param_spec_uint64(name, nick, blurb, least, most,
                                                            static_cast<guint64>(limit_of(d, id)),
                                                            flags));
    };
    g_object_class_install_property(klass, prop_gap,
                                    g_param_spec_enum("gap", "Gap",
                                                      "What happens to holes in all streams",
                                                      gap_type(), int(d.gap), flags));
    add(prop_max_gap, "max-gap", "Max gap",
        "Nanoseconds of a pause behind a frame above which it is a hole", 10 * GST_MSECOND,
        3600 * GST_SECOND);
    add(prop_max_jump, "max-jump", "Max jump",
        "Nanoseconds of a hole above which it is a jump of the sender's clock, and taken out",
        GST_SECOND, 30 * 24 * 3600 * GST_SECOND);
    add(prop_max_backward, "max-backward", "Max backward",
        "Nanoseconds of a step back above which it is a jump; at a smaller one time stands still",
        0, 10 * GST_SECOND);
    add(prop_max_skew, "max-skew", "Max skew",
        "Nanoseconds by which streams may be apart when they begin; the later one of two that are "
        "further apart is moved beside the other",
        10 * GST_MSECOND, 3600 * GST_SECOND);
    add(prop_max_drift, "max-drift", "Max drift",
        "Nanoseconds of drift between streams above which it is taken out, 5 ms a second; 0: only "
        "measured",
        0, 3600 * GST_SECOND);
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed(
            "stats", "Statistics",
            "bytes-in bytes-out buffers-in buffers-out drops peers (linked sink pads) uptime (ns); "
            "repaired (frames), jumps, gaps, wraps, skews, drifts, disordered, missing, "
            "compositions; drift (ns), the largest; and a structure of each sink pad, with offset "
            "(ns)",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

} // namespace

static void penstock_timestamp_repair_class_init(PenstockTimestampRepairClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_timestamp_repair_debug, "timestamprepair", 0,
                            "timestamps of encoded streams");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->request_new_pad = request_new_pad;
    element_class->release_pad = release_pad;
    element_class->change_state = change_state;
    for (GstStaticPadTemplate *each :
         {&sink_template, &src_template, &sinks_template, &srcs_template})
        gst_element_class_add_static_pad_template(element_class, each);
    gst_type_mark_as_plugin_api(gap_type(), GstPluginAPIFlags(0));
    gst_element_class_set_static_metadata(
        element_class, "Timestamp repair", "Generic",
        "Makes timestamps of encoded streams increase, complete and synchronous",
        "The Penstock authors");
}

static void penstock_timestamp_repair_init(PenstockTimestampRepair *self) {
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(self);
    self->impl = new timing::Repairer(GST_ELEMENT(self));
    self->impl->add_pads(gst_element_class_get_pad_template(klass, "sink"),
                         gst_element_class_get_pad_template(klass, "src"), "sink", "src");
}
