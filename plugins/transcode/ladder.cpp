// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/ladder.h"

#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "transcode/ladder_bin.h"

/**
 * SECTION:element-ladder
 * @title: ladder
 * @short_description: decodes a video stream once and encodes it in several smaller sizes
 *
 * The renditions for adaptive streaming. The property `rungs` lists heights and bitrates; a source
 * pad `rung_720` puts out H.264 of 720 lines (of the shorter side: upright video becomes 720
 * columns wide). Pads are requested; without a height in the name the highest one that is left is
 * given. The video keeps its display aspect ratio, in square pixels and even sizes, is turned
 * upright if its orientation tag asks for that, and is deinterlaced.
 *
 * Nothing is enlarged: a rung that is not smaller than the source never gets caps, and hlssegmenter
 * takes such a pad for one that is not there (flvlivemux with `wait-for-video` as well). The source
 * itself, the top rung, goes past the ladder as it is. Sizes are chosen anew when the source
 * changes. The element message `penstock-no-stream` (fields `pad` and `reason`) says which rung is
 * not made, and, with an empty reason, that it can be made again.
 *
 * Every rung has a keyframe where the source has one, with the same PTS, and no other, so that
 * segments are cut alike. Feed it parsed video, whose keyframes are marked by the absence of
 * DELTA_UNIT.
 *
 * Where the stream is live and the machine is too slow, the largest rung is dropped, or one that
 * stands still, once the encoders have been `max-lag` behind the stream for `patience` and are not
 * catching up. A warning and the element message `penstock-ladder` (fields `height`, `action`:
 * started, dropped or returned, and `reason`) say so, GAP events tell what is downstream. It is
 * tried again after `retry`, then after twice as long, up to ten minutes. A stream that is not live
 * is never late: its source waits for the encoders. For a file take latency=normal, which has
 * B-frames, looks ahead, and uses as many threads as the machine has.
 *
 * What follows a pad holds up the other rungs while it blocks: put a goptee or a queue there.
 *
 * When not: for one size, decode, scale and encode in the pipeline; to change only the codec, use
 * copyorencode.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=1280,height=720 ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! \
 *     ladder name=ladder rungs=1080:5000000,480:1200000,360:800000 \
 *     ladder.rung_480 ! fakesink async=false ladder.rung_360 ! fakesink async=false
 * ]|
 * 854x480 and 640x360 of a 1280x720 stream, out of one decoder.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_ladder_debug);
#define GST_CAT_DEFAULT penstock_ladder_debug

using namespace penstock;
using transcode::Ladder;
using transcode::LadderSettings;

#define penstock_ladder_parent_class parent_class
G_DEFINE_TYPE(PenstockLadder, penstock_ladder, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(ladder, "ladder", GST_RANK_NONE, penstock_ladder_get_type())

namespace {

enum Property {
    prop_0,
    prop_rungs,
    prop_latency,
    prop_max_lag,
    prop_patience,
    prop_retry,
    prop_stats
};

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264; video/x-h265; video/x-av1; video/x-vp8; video/x-vp9; "
                    "video/mpeg, mpegversion=(int){1, 2, 4}, systemstream=(boolean)false"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "rung_%u", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS("video/x-h264, stream-format=(string)avc, alignment=(string)au"));

Ladder &impl(gpointer object) {
    return *static_cast<PenstockLadder *>(object)->impl;
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    switch (GST_QUERY_TYPE(query)) {
    // Whatever comes first, another codec may follow.
    case GST_QUERY_CAPS: {
        GstCaps *filter = nullptr;
        gst_query_parse_caps(query, &filter);
        auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_pad_template_caps(pad));
        if (filter)
            caps = GstPtr<GstCaps>::adopt(
                gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
        gst_query_set_caps_result(query, caps.get());
        return TRUE;
    }
    case GST_QUERY_ACCEPT_CAPS: {
        GstCaps *caps = nullptr;
        gst_query_parse_accept_caps(query, &caps);
        const auto own = GstPtr<GstCaps>::adopt(gst_pad_get_pad_template_caps(pad));
        gst_query_set_accept_caps_result(query, gst_caps_is_subset(caps, own.get()));
        return TRUE;
    }
    default:
        if (is_nonblocking_query(query)) {
            answer_nonblocking(query, false);
            return TRUE;
        }
        return gst_pad_query_default(pad, parent, query);
    }
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *templ, const gchar *name,
                        const GstCaps *) noexcept {
    return guard(element, static_cast<GstPad *>(nullptr),
                 [&] { return impl(element).request_pad(templ, name); });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] { impl(element).release_pad(pad); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED &&
        !guard(element, false, [&] { return impl(element).start(); }))
        return GST_STATE_CHANGE_FAILURE;
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).begin_stop(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).stop(); });
    return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        LadderSettings settings = impl(object).settings();
        switch (id) {
        case prop_rungs: {
            const gchar *text = g_value_get_string(value);
            settings.rungs = text ? text : "";
            break;
        }
        case prop_latency:
            settings.latency = transcode::Latency(g_value_get_enum(value));
            break;
        case prop_max_lag:
            settings.load.lag = gint64(g_value_get_uint64(value));
            break;
        case prop_patience:
            settings.load.patience = gint64(g_value_get_uint64(value));
            break;
        case prop_retry:
            settings.load.retry = gint64(g_value_get_uint64(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        impl(object).set_settings(settings);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const LadderSettings settings = impl(object).settings();
        switch (id) {
        case prop_rungs:
            g_value_set_string(value, settings.rungs.c_str());
            break;
        case prop_latency:
            g_value_set_enum(value, int(settings.latency));
            break;
        case prop_max_lag:
            g_value_set_uint64(value, guint64(settings.load.lag));
            break;
        case prop_patience:
            g_value_set_uint64(value, guint64(settings.load.patience));
            break;
        case prop_retry:
            g_value_set_uint64(value, guint64(settings.load.retry));
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

// impl is deleted last, because the pads' probes use it.
void finalize(GObject *object) noexcept {
    Ladder *ladder = reinterpret_cast<PenstockLadder *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
    delete ladder;
}

void install_properties(GObjectClass *klass) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto any_time =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const LadderSettings defaults;
    g_object_class_install_property(
        klass, prop_rungs,
        g_param_spec_string("rungs", "Rungs",
                            "HEIGHT:BITRATE,…: up to eight sizes, the lines of the shorter side, "
                            "and their bits a second. Set it before pads are requested",
                            ladder::default_rungs, flags));
    g_object_class_install_property(
        klass, prop_latency,
        g_param_spec_enum("latency", "Latency",
                          "Tuning of the encoders; set it before pads are requested",
                          transcode::latency_type(), int(defaults.latency), flags));
    g_object_class_install_property(
        klass, prop_max_lag,
        g_param_spec_uint64("max-lag", "Max lag",
                            "Nanoseconds that the encoders may be behind a live stream", 0,
                            3600 * GST_SECOND, guint64(defaults.load.lag), any_time));
    g_object_class_install_property(
        klass, prop_patience,
        g_param_spec_uint64("patience", "Patience",
                            "Nanoseconds that they may be further behind, until a rung is dropped",
                            0, 10 * GST_SECOND, guint64(defaults.load.patience), any_time));
    g_object_class_install_property(
        klass, prop_retry,
        g_param_spec_uint64("retry", "Retry",
                            "Nanoseconds until a dropped rung is tried again; doubles with each "
                            "time that it is dropped, up to ten minutes",
                            0, 600 * GST_SECOND, guint64(defaults.load.retry), any_time));
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed(
            "stats", "Statistics",
            "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns), and an array of "
            "rungs: height, bitrate, output-width, output-height, fps, lag (ns), buffers-out, "
            "bytes-out, drops (frames that nothing downstream took), stops (how often it was "
            "dropped) and state (waiting, encoding, too-large or dropped)",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

} // namespace

static void penstock_ladder_class_init(PenstockLadderClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_ladder_debug, "ladder", 0, "smaller renditions of a stream");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->request_new_pad = request_new_pad;
    element_class->release_pad = release_pad;
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Ladder", "Codec/Encoder/Video/Bin",
        "Decodes a video stream once and encodes it in several smaller sizes",
        "The Penstock authors");
}

static void penstock_ladder_init(PenstockLadder *self) {
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(self);
    GstPad *sink = gst_ghost_pad_new_no_target_from_template(
        "sink", gst_element_class_get_pad_template(klass, "sink"));
    gst_pad_set_query_function(sink, sink_query);
    gst_element_add_pad(GST_ELEMENT(self), sink);
    self->impl = new Ladder(GST_BIN(self), sink);
}
