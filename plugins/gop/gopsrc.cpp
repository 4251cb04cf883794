// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/gopsrc.h"

#include "gop/channel_reader.h"
#include "gst/guard.h"

/**
 * SECTION:element-gopsrc
 * @title: gopsrc
 * @short_description: takes the stream that a goptee of another pipeline offers as a channel
 *
 * A source of the stream that passes a goptee with the same `channel` in another pipeline of the
 * process. It begins with the goptee's cached GOP, so elements downstream can decode at once. It
 * may start before that goptee and waits for it. Timestamps are moved to the running time of its
 * own pipeline, so that both play the same moment at the same time.
 *
 * It never makes the other pipeline wait: buffers that it does not take in time wait in a bounded
 * queue (the goptee's `queue-max-…` properties); if that is full, it skips to the next keyframe.
 * `stats` counts the skips.
 *
 * When the other pipeline ends it waits for another goptee of the same channel, or sends EOS, as
 * `on-loss` says.
 *
 * When not: within one pipeline, a branch of goptee is enough. Across processes, use rtmpserversink
 * and rtmp2src.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true num-buffers=60 ! x264enc tune=zerolatency \
 *     key-int-max=30 ! h264parse ! goptee channel=live/test \
 *     gopsrc channel=live/test on-loss=eos ! decodebin ! fakesink
 * ]|
 * Both ends in one process: two seconds of test video, decoded by the second pipeline.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_gop_src_debug);
#define GST_CAT_DEFAULT penstock_gop_src_debug

using namespace penstock;
using gop::ChannelReader;
using gop::OnLoss;

#define penstock_gop_src_parent_class parent_class
G_DEFINE_TYPE(PenstockGopSrc, penstock_gop_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(gopsrc, "gopsrc", GST_RANK_NONE, penstock_gop_src_get_type())

namespace {

enum Property { prop_0, prop_channel, prop_on_loss, prop_stats };

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

ChannelReader &reader_of(gpointer element) {
    return *static_cast<PenstockGopSrc *>(element)->impl;
}

GType on_loss_type() {
    static const GEnumValue values[] = {
        {int(OnLoss::wait), "Wait for another goptee of this channel", "wait"},
        {int(OnLoss::eos), "Send EOS", "eos"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockGopSrcOnLoss", values);
    return type;
}

gboolean src_event(GstPad *, GstObject *, GstEvent *event) {
    // Requests of this pipeline must not reach the other one.
    const bool taken =
        GST_EVENT_TYPE(event) == GST_EVENT_LATENCY || GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    gst_event_unref(event);
    return taken;
}

gboolean src_query(GstPad *, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return reader_of(parent).src_query(query); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    ChannelReader &reader = reader_of(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
        std::string error;
        if (!guard(element, false, [&] { return reader.start(&error); })) {
            GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
            return GST_STATE_CHANGE_FAILURE;
        }
    }
    GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (result == GST_STATE_CHANGE_FAILURE) return result;
    switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
        return GST_STATE_CHANGE_NO_PREROLL;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
        guard(element, [&] { reader.listen(); });
        break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
        guard(element, [&] { reader.stop(); });
        break;
    default:
        break;
    }
    return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        switch (id) {
        case prop_channel: {
            const char *name = g_value_get_string(value);
            reader_of(object).set_channel(name ? name : "");
            break;
        }
        case prop_on_loss:
            reader_of(object).set_on_loss(OnLoss(g_value_get_enum(value)));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const ChannelReader &reader = reader_of(object);
        switch (id) {
        case prop_channel:
            g_value_set_string(value, reader.channel().c_str());
            break;
        case prop_on_loss:
            g_value_set_enum(value, int(reader.on_loss()));
            break;
        case prop_stats:
            g_value_take_boxed(value, reader.stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockGopSrc *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

static void penstock_gop_src_class_init(PenstockGopSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_gop_src_debug, "gopsrc", 0, "source of a goptee's channel");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        object_class, prop_channel,
        g_param_spec_string("channel", "Channel",
                            "The goptee's channel to read, as app/name (required)", "", flags));
    g_object_class_install_property(
        object_class, prop_on_loss,
        g_param_spec_enum(
            "on-loss", "On loss", "What to do when the goptee's stream ends", on_loss_type(),
            int(OnLoss::wait),
            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (1 while "
                           "there is a stream), uptime (ns), skips, queued-buffers, queued-bytes "
                           "and queued-time (ns)",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    gst_type_mark_as_plugin_api(on_loss_type(), GstPluginAPIFlags(0));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "GOP source", "Source",
        "Takes the stream that a goptee of another pipeline offers as a channel",
        "The Penstock authors");
}

static void penstock_gop_src_init(PenstockGopSrc *self) {
    GstPad *src = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_event_function(src, src_event);
    gst_pad_set_query_function(src, src_query);
    gst_pad_use_fixed_caps(src);
    self->impl = new ChannelReader(GST_ELEMENT(self), src);
    gst_element_add_pad(GST_ELEMENT(self), src);
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}
