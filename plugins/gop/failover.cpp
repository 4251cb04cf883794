// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/failover.h"

#include "gop/failover_switch.h"
#include "gst/guard.h"

/**
 * SECTION:element-failover
 * @title: failover
 * @short_description: passes the best of several inputs of an encoded stream that sends
 *
 * Takes the same stream from several sources, in order of preference: `sink_0` is the primary,
 * `sink_1` its backup, the last perhaps a slate. All of them run; one is on air, and the running
 * GOP of the others is held back. When the input on air ends, has lost its publisher (rtmpserversrc
 * says so), or sends nothing for `timeout` (no video, if it has video), the best of the others
 * follows; when a better one sends again, it takes over after `return-after`. Both happen on a
 * keyframe only, which an encoder upstream is asked for. A GOP of `video/x-flv` that was held back
 * is used at once: folded into milliseconds where it began before the last frame on air.
 *
 * The output is one stream, with running times that never go back. At each change the caps and
 * the codec configuration are sent again, and the first buffer has DISCONT. Players can follow a
 * change of size or profile, but not one of tracks or codecs: an input that has others is not used
 * in the place of a better one, which a warning says.
 *
 * For `video/x-flv` (from stock elements, too), and for any encoded stream whose buffers have the
 * DELTA_UNIT flag. The inputs need the same clock, as live sources of a pipeline have. It makes
 * none of them wait: put clocksync behind one that is not live, such as livefilesrc.
 *
 * `active-pad` is notified, and the element message `penstock-failover` (field `pad`, string)
 * posted, whenever an input goes on air.
 *
 * When not: for raw media use fallbackswitch or input-selector. For a publisher and its backup that
 * publish to one name, rtmpserversrc has `republish=backup`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 failover name=switch ! h264parse ! avdec_h264 ! fakesink async=false \
 *     videotestsrc is-live=true num-buffers=60 ! x264enc tune=zerolatency key-int-max=30 ! \
 *     h264parse ! switch.sink_0 \
 *     videotestsrc is-live=true num-buffers=150 pattern=ball ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! switch.sink_1
 * ]|
 * After two seconds the first source ends, and the second one is shown.
 *
 * Since: 0.2.0
 */

GST_DEBUG_CATEGORY(penstock_failover_debug);
#define GST_CAT_DEFAULT penstock_failover_debug

using namespace penstock;
using gop::FailoverSwitch;

struct PenstockFailover {
    GstElement parent;
    FailoverSwitch *impl;
};
struct PenstockFailoverClass {
    GstElementClass parent_class;
};

#define penstock_failover_parent_class parent_class
G_DEFINE_TYPE(PenstockFailover, penstock_failover, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(failover, "failover", GST_RANK_NONE, penstock_failover_get_type())

namespace {

enum Property { prop_0, prop_timeout, prop_return_after, prop_active_pad, prop_stats };

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

FailoverSwitch &switch_of(gpointer element) {
    return *static_cast<PenstockFailover *>(element)->impl;
}

GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR,
                 [&] { return switch_of(parent).chain(pad, std::move(owned)); });
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return switch_of(parent).sink_event(pad, std::move(owned)); });
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return switch_of(parent).sink_query(pad, query); });
}

gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return gst_pad_query_default(pad, parent, query);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return switch_of(parent).answer_latency(query); });
}

gboolean src_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK) { // the inputs are live
        gst_event_unref(event);
        return FALSE;
    }
    return gst_pad_event_default(pad, parent, event);
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *templ, const gchar *name,
                        const GstCaps *) noexcept {
    return guard(element, static_cast<GstPad *>(nullptr), [&]() -> GstPad * {
        GstPad *pad = switch_of(element).request_pad(templ, name);
        if (!pad) {
            GST_WARNING_OBJECT(element, "no pad %s: there are at most %u, each once",
                               name ? name : "", FailoverSwitch::most_inputs);
            return nullptr;
        }
        gst_pad_set_chain_function(pad, sink_chain);
        gst_pad_set_event_function(pad, sink_event);
        gst_pad_set_query_function(pad, sink_query);
        GST_PAD_SET_PROXY_CAPS(pad);
        gst_pad_set_active(pad, TRUE);
        gst_element_add_pad(element, pad);
        return pad;
    });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] { switch_of(element).release_pad(pad); });
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element, pad);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        guard(element, [&] { switch_of(element).start(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { switch_of(element).stop(); });
    return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        auto settings = switch_of(object).settings();
        switch (id) {
        case prop_timeout:
            settings.timeout = g_value_get_uint64(value);
            break;
        case prop_return_after:
            settings.return_after = g_value_get_uint64(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        switch_of(object).set_settings(settings);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const FailoverSwitch &impl = switch_of(object);
        switch (id) {
        case prop_timeout:
            g_value_set_uint64(value, impl.settings().timeout);
            break;
        case prop_return_after:
            g_value_set_uint64(value, impl.settings().return_after);
            break;
        case prop_active_pad:
            g_value_set_object(value, impl.active_pad().get());
            break;
        case prop_stats:
            g_value_take_boxed(value, impl.stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockFailover *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

static void penstock_failover_class_init(PenstockFailoverClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_failover_debug, "failover", 0, "switch between inputs");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const gop::Failover::Settings d;
    g_object_class_install_property(
        object_class, prop_timeout,
        g_param_spec_uint64("timeout", "Timeout",
                            "Time without media, in nanoseconds, after which an input has failed. "
                            "Time in which elements downstream make it wait does not count",
                            100 * GST_MSECOND, 3600 * GST_SECOND, d.timeout, rw));
    g_object_class_install_property(
        object_class, prop_return_after,
        g_param_spec_uint64("return-after", "Return after",
                            "For how long, in nanoseconds, a better input has to send media "
                            "without a pause until it takes over; 0: until its next keyframe",
                            0, 3600 * GST_SECOND, d.return_after, rw));
    g_object_class_install_property(
        object_class, prop_active_pad,
        g_param_spec_object("active-pad", "Active pad", "The input on air", GST_TYPE_PAD, ro));
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (inputs), "
                           "uptime (ns), active (number of the pad on air, or -1), switches (how "
                           "often an input went on air)",
                           GST_TYPE_STRUCTURE, ro));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    element_class->request_new_pad = request_new_pad;
    element_class->release_pad = release_pad;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Failover switch", "Generic",
        "Passes the best of several inputs of an encoded stream that sends",
        "The Penstock authors");
}

static void penstock_failover_init(PenstockFailover *self) {
    GstPad *src = gst_pad_new_from_static_template(&src_template, "src");
    self->impl = new FailoverSwitch(GST_ELEMENT(self), src);
    gst_pad_set_event_function(src, src_event);
    gst_pad_set_query_function(src, src_query);
    gst_pad_use_fixed_caps(src);
    gst_element_add_pad(GST_ELEMENT(self), src);
}
