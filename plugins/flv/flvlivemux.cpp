// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/flvlivemux.h"

#include "flv/muxer.h"
#include "gst/guard.h"

/**
 * SECTION:element-flvlivemux
 * @title: flvlivemux
 * @short_description: wraps live H.264 and AAC in FLV, one tag per buffer
 *
 * Makes `video/x-flv` that servers and caches can use without looking inside: every buffer is one
 * tag; the caps have a `streamheader`; the stream begins with HEADER-flagged file header, metadata
 * and codec configuration and then a keyframe; with video, video keyframes alone lack DELTA_UNIT;
 * buffers keep their times to the nanosecond. B-frames that decode before time zero shift the
 * whole stream instead of wrapping around.
 *
 * A pad that never gets caps does not hold up the other for longer than `stream-wait`; when it
 * gets some later, its configuration follows in the stream. No queues are needed in front of it
 * as long as audio and video lie within `stream-wait` of each other.
 *
 * When not: for files that shall be sought in (it writes no index and no duration), and for MP3 or
 * Speex, use flvmux.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! video/x-raw,format=I420,framerate=30/1 ! x264enc
 * tune=zerolatency key-int-max=30 ! mux.video audiotestsrc num-buffers=130 ! audioconvert !
 * avenc_aac ! mux.audio flvlivemux name=mux ! filesink location=/dev/null
 * ]|
 * Three seconds of picture and tone as FLV.
 */

GST_DEBUG_CATEGORY(penstock_flvlivemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivemux_debug

using namespace penstock;

#define penstock_flvlivemux_parent_class parent_class
G_DEFINE_TYPE(PenstockFlvLiveMux, penstock_flvlivemux, GST_TYPE_AGGREGATOR)
GST_ELEMENT_REGISTER_DEFINE(flvlivemux, "flvlivemux", GST_RANK_NONE, penstock_flvlivemux_get_type())

namespace {

enum { prop_0, prop_stream_wait, prop_stats };

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

// GstAggregatorPad's own; the same for every pad.
GstPadActivateModeFunction aggregator_activate_mode;

flv::Muxer &muxer_of(gpointer element) {
    return *static_cast<PenstockFlvLiveMux *>(element)->impl;
}

GstAggregatorClass *base() {
    return GST_AGGREGATOR_CLASS(parent_class);
}

GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR,
                 [&] { return muxer_of(parent).chain(GST_AGGREGATOR_PAD(pad), std::move(owned)); });
}

// Whoever waits in sink_chain holds the stream lock that deactivation needs.
gboolean sink_activate_mode(GstPad *pad, GstObject *parent, GstPadMode mode,
                            gboolean active) noexcept {
    // A pad that is activated before it is added has no parent yet.
    if (parent)
        guard(parent, [&] { muxer_of(parent).pad_activated(GST_AGGREGATOR_PAD(pad), active); });
    return aggregator_activate_mode(pad, parent, mode, active);
}

GstAggregatorPad *create_new_pad(GstAggregator *aggregator, GstPadTemplate *templ,
                                 const gchar *name, const GstCaps *) noexcept {
    return guard(aggregator, static_cast<GstAggregatorPad *>(nullptr), [&] {
        GstAggregatorPad *pad = muxer_of(aggregator).new_pad(templ, name);
        if (pad) {
            aggregator_activate_mode = GST_PAD_ACTIVATEMODEFUNC(pad);
            gst_pad_set_chain_function(GST_PAD(pad), sink_chain);
            gst_pad_set_activatemode_function(GST_PAD(pad), sink_activate_mode);
        }
        return pad;
    });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] {
        auto held = GstPtr<GstPad>::ref(pad);
        muxer_of(element).release_pad(GST_AGGREGATOR_PAD(pad));
        GST_ELEMENT_CLASS(parent_class)->release_pad(element, pad);
    });
}

GstFlowReturn aggregate(GstAggregator *aggregator, gboolean timeout) noexcept {
    return guard(aggregator, GST_FLOW_ERROR,
                 [&] { return muxer_of(aggregator).aggregate(timeout); });
}

GstFlowReturn sink_event_pre_queue(GstAggregator *aggregator, GstAggregatorPad *pad,
                                   GstEvent *event) noexcept {
    guard(aggregator, [&] { muxer_of(aggregator).event_arrives(pad, event); });
    return base()->sink_event_pre_queue(aggregator, pad, event);
}

gboolean sink_event(GstAggregator *aggregator, GstAggregatorPad *pad, GstEvent *event) noexcept {
    // Flushes come from other threads and were seen before.
    const GstEventTypeFlags flags = gst_event_type_get_flags(GST_EVENT_TYPE(event));
    const bool ours =
        (flags & GST_EVENT_TYPE_SERIALIZED) && GST_EVENT_TYPE(event) != GST_EVENT_FLUSH_STOP &&
        guard(aggregator, false, [&] { return muxer_of(aggregator).sink_event(event); });
    if (!ours) return base()->sink_event(aggregator, pad, event);
    gst_event_unref(event);
    return TRUE;
}

GstClockTime get_next_time(GstAggregator *aggregator) noexcept {
    return guard(aggregator, GST_CLOCK_TIME_NONE, [&] { return muxer_of(aggregator).next_time(); });
}

// The caps are made of what the pads carry; downstream has no choice.
gboolean negotiate(GstAggregator *) noexcept {
    return TRUE;
}

gboolean start(GstAggregator *aggregator) noexcept {
    return guard(aggregator, gboolean(FALSE), [&]() -> gboolean {
        muxer_of(aggregator).start();
        return TRUE;
    });
}

gboolean stop(GstAggregator *aggregator) noexcept {
    return guard(aggregator, gboolean(FALSE), [&]() -> gboolean {
        muxer_of(aggregator).reset(true);
        return TRUE;
    });
}

GstFlowReturn flush(GstAggregator *aggregator) noexcept {
    return guard(aggregator, GST_FLOW_ERROR, [&] {
        muxer_of(aggregator).reset(false);
        return GST_FLOW_OK;
    });
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        if (id == prop_stream_wait)
            muxer_of(object).set_stream_wait(g_value_get_uint64(value));
        else
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        switch (id) {
        case prop_stream_wait:
            g_value_set_uint64(value, muxer_of(object).stream_wait());
            break;
        case prop_stats:
            g_value_take_boxed(value, muxer_of(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    // The base class's pads and task are gone since dispose.
    delete reinterpret_cast<PenstockFlvLiveMux *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

void add_sink_template(GstElementClass *klass, const char *name, flv::TagType type) {
    gst_element_class_add_pad_template(
        klass,
        gst_pad_template_new_with_gtype(name, GST_PAD_SINK, GST_PAD_REQUEST,
                                        flv::caps_of_type(type).get(), GST_TYPE_AGGREGATOR_PAD));
}

void install_properties(GObjectClass *klass) {
    g_object_class_install_property(
        klass, prop_stream_wait,
        g_param_spec_uint64(
            "stream-wait", "Stream wait",
            "Media on the other pads, in nanoseconds, after which a pad without "
            "caps does not hold them up any more; also how far one pad may be "
            "ahead of the other without a queue",
            0, 60 * GST_SECOND, flv::Muxer::default_stream_wait,
            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked "
                           "sink pads), uptime (ns)",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

} // namespace

static void penstock_flvlivemux_class_init(PenstockFlvLiveMuxClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_flvlivemux_debug, "flvlivemux", 0, "live FLV muxer");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);

    auto *aggregator_class = GST_AGGREGATOR_CLASS(klass);
    aggregator_class->create_new_pad = create_new_pad;
    aggregator_class->aggregate = aggregate;
    aggregator_class->sink_event_pre_queue = sink_event_pre_queue;
    aggregator_class->sink_event = sink_event;
    aggregator_class->get_next_time = get_next_time;
    aggregator_class->negotiate = negotiate;
    aggregator_class->start = start;
    aggregator_class->stop = stop;
    aggregator_class->flush = flush;

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->release_pad = release_pad;
    gst_element_class_add_static_pad_template_with_gtype(element_class, &src_template,
                                                         GST_TYPE_AGGREGATOR_PAD);
    add_sink_template(element_class, "video", flv::TagType::video);
    add_sink_template(element_class, "audio", flv::TagType::audio);
    gst_element_class_set_static_metadata(
        element_class, "Live FLV muxer", "Codec/Muxer",
        "Wraps live H.264 and AAC in FLV with the flags and headers that servers need",
        "The Penstock authors");
}

static void penstock_flvlivemux_init(PenstockFlvLiveMux *self) {
    self->impl = new flv::Muxer(GST_AGGREGATOR(self));
}
