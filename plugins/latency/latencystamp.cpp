// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/latencystamp.h"

#include "gst/guard.h"
#include "latency/clock_offset.h"
#include "latency/formats.h"
#include "latency/stamper.h"

/**
 * SECTION:element-latencystamp
 * @title: latencystamp
 * @short_description: draws the time into each frame, for eyes and for latencyread
 *
 * Put it where latency begins to count: behind a camera or a renderer, before scaling and encoding.
 * It draws a code of cells (UTC in microseconds, frame number, source-id and a
 * checksum) and, for people, the clock to the millisecond, the frame's number and a text. The time
 * is that of the moment at which the frame passes. latencyread, or the viewers' page, reads it at
 * the other end; docs/latency.md says what it survives.
 *
 * The code keeps clear of the edges by `margin`, so that a picture may be cropped by 5 %. It is
 * drawn in place; a picture that is too small for it passes with a warning.
 *
 * When not: to measure what an encoded stream does on its way without touching its picture, use
 * latencysei; for text alone, use clockoverlay or textoverlay.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=150 is-live=true ! \
 *     video/x-raw,format=I420,width=640,height=360 ! latencystamp text=test ! \
 *     x264enc tune=zerolatency ! avdec_h264 ! latencyread ! fakesink
 * ]|
 * Shows each second what encoding and decoding take.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_latencystamp_debug);
#define GST_CAT_DEFAULT penstock_latencystamp_debug

using namespace penstock;
using namespace penstock::latency;

#define penstock_latencystamp_parent_class parent_class
G_DEFINE_TYPE(PenstockLatencyStamp, penstock_latencystamp, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE(latencystamp, "latencystamp", GST_RANK_NONE,
                            penstock_latencystamp_get_type())

namespace {

enum Property {
    prop_0,
    prop_mode,
    prop_size,
    prop_x,
    prop_y,
    prop_margin,
    prop_opacity,
    prop_text,
    prop_source_id,
    prop_clock_offset,
    prop_stats
};

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(PENSTOCK_LATENCY_FORMATS)));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(PENSTOCK_LATENCY_FORMATS)));

Stamper &impl(gpointer object) {
    return *static_cast<PenstockLatencyStamp *>(object)->impl;
}

GType mode_type() {
    static const GEnumValue values[] = {
        {int(Content::both), "The code, the clock and the text", "both"},
        {int(Content::text), "For eyes alone", "text"},
        {int(Content::code), "For latencyread alone", "code"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockLatencyStampMode", values);
    return type;
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

gboolean set_info(GstVideoFilter *filter, GstCaps *, GstVideoInfo *info, GstCaps *,
                  GstVideoInfo *) noexcept {
    return guard(filter, FALSE, [&] {
        impl(filter).set_format(*info);
        return TRUE;
    });
}

GstFlowReturn transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame) noexcept {
    return guard(filter, GST_FLOW_ERROR, [&] {
        impl(filter).stamp(*frame);
        return GST_FLOW_OK;
    });
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        impl(object).change([&](StampSettings &settings) {
            Appearance &appearance = settings.appearance;
            switch (id) {
            case prop_mode:
                appearance.content = Content(g_value_get_enum(value));
                break;
            case prop_size:
                appearance.size = g_value_get_double(value);
                break;
            case prop_x:
                appearance.x = g_value_get_double(value);
                break;
            case prop_y:
                appearance.y = g_value_get_double(value);
                break;
            case prop_margin:
                appearance.margin = g_value_get_double(value);
                break;
            case prop_opacity:
                settings.opacity = g_value_get_double(value);
                break;
            case prop_text: {
                const gchar *text = g_value_get_string(value);
                appearance.text = text ? text : "";
                break;
            }
            case prop_source_id:
                settings.source = uint16_t(g_value_get_uint(value));
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
        const StampSettings settings = impl(object).settings();
        const Appearance &appearance = settings.appearance;
        switch (id) {
        case prop_mode:
            g_value_set_enum(value, int(appearance.content));
            break;
        case prop_size:
            g_value_set_double(value, appearance.size);
            break;
        case prop_x:
            g_value_set_double(value, appearance.x);
            break;
        case prop_y:
            g_value_set_double(value, appearance.y);
            break;
        case prop_margin:
            g_value_set_double(value, appearance.margin);
            break;
        case prop_opacity:
            g_value_set_double(value, settings.opacity);
            break;
        case prop_text:
            g_value_set_string(value, appearance.text.c_str());
            break;
        case prop_source_id:
            g_value_set_uint(value, settings.source);
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
    delete reinterpret_cast<PenstockLatencyStamp *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

static void penstock_latencystamp_class_init(PenstockLatencyStampClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_latencystamp_debug, "latencystamp", 0, "time in pictures");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const auto share = [&](guint id, const char *name, const char *nick, const char *blurb,
                           double least, double most, double value) {
        g_object_class_install_property(
            object_class, id, g_param_spec_double(name, nick, blurb, least, most, value, flags));
    };
    const StampSettings defaults;
    const Appearance &appearance = defaults.appearance;
    g_object_class_install_property(object_class, prop_mode,
                                    g_param_spec_enum("mode", "Mode",
                                                      "Parts of the stamp that are drawn",
                                                      mode_type(), int(appearance.content), flags));
    share(prop_size, "size", "Size",
          "The code's height as a share of the picture's shorter side; the text goes with it", 0.07,
          1, appearance.size);
    share(prop_x, "x", "X", "Position between the margins: 0 is left, 1 is right", 0, 1,
          appearance.x);
    share(prop_y, "y", "Y", "Position between the margins: 0 is the top, 1 the bottom", 0, 1,
          appearance.y);
    share(prop_margin, "margin", "Margin",
          "Space at each edge, as a fraction of the picture's width or height", 0, 0.4,
          appearance.margin);
    share(prop_opacity, "opacity", "Opacity",
          "1 is opaque; whether a fainter code can be read depends on the picture", 0.3, 1,
          defaults.opacity);
    g_object_class_install_property(
        object_class, prop_text,
        g_param_spec_string("text", "Text",
                            "Beside the frame's number; ASCII, and cut off where the picture ends",
                            "", flags));
    g_object_class_install_property(
        object_class, prop_source_id,
        g_param_spec_uint("source-id", "Source id",
                          "Tells stamps apart where there are several; in the code", 0, 65535,
                          defaults.source, flags));
    g_object_class_install_property(object_class, prop_clock_offset, clock_offset_spec());
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns), and "
                           "of the latest stamp: frame, sent (UTC, µs) and source-id",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *base_class = GST_BASE_TRANSFORM_CLASS(klass);
    base_class->start = start;
    base_class->stop = stop;
    auto *filter_class = GST_VIDEO_FILTER_CLASS(klass);
    filter_class->set_info = set_info;
    filter_class->transform_frame_ip = transform_frame_ip;
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_type_mark_as_plugin_api(mode_type(), GstPluginAPIFlags(0));
    gst_element_class_set_static_metadata(
        element_class, "Latency stamp", "Filter/Effect/Video",
        "Draws the time into each frame, for eyes and for latencyread", "The Penstock authors");
}

static void penstock_latencystamp_init(PenstockLatencyStamp *self) {
    self->impl = new Stamper(GST_ELEMENT(self));
}
