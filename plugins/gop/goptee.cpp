// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/goptee.h"

#include "gop/tee.h"
#include "gst/guard.h"

/**
 * SECTION:element-goptee
 * @title: goptee
 * @short_description: tee for encoded streams that begins every branch with a keyframe
 *
 * A tee for any encoded stream whose buffers have the DELTA_UNIT and HEADER flags. It caches the
 * last GOP(s): a branch that is added while the stream runs begins with stream-start, caps, segment
 * and the cached GOP from its keyframe on, so elements downstream can decode at once.
 * For `video/x-flv` (from stock elements, too) a branch begins with the file header, the metadata
 * and the codec configuration.
 *
 * Each branch is isolated: it has a bounded queue and a thread of its own. A branch that is stuck
 * overflows and skips to the next keyframe; one that returns a flow error gets nothing more and is
 * reported by an element message `penstock-branch-failed` (fields `pad` and `flow`, strings).
 * Neither stops another branch or an element upstream. A branch whose elements all answer the query
 * `penstock-nonblocking` needs no thread and is fed in the streaming thread.
 *
 * With a `channel` the stream is offered to gopsrc elements of other pipelines of the process, each
 * isolated like a branch.
 *
 * When not: for raw media, or where every branch must get every buffer even if that stalls the
 * source, use tee and queues. goptee never makes its source wait, so a source that is not live
 * (a file) must be paced in front of it, with clocksync for instance.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! goptee name=gop \
 *     gop. ! fakesink async=false gop. ! avdec_h264 ! fakesink async=false
 * ]|
 * One encoder, two branches: one is decoded, the other one is not.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_gop_tee_debug);
#define GST_CAT_DEFAULT penstock_gop_tee_debug

using namespace penstock;
using gop::Settings;

namespace penstock::gop {
Tee &tee_of(gpointer element) {
    return *static_cast<PenstockGopTee *>(element)->impl;
}
} // namespace penstock::gop

using gop::tee_of;

#define penstock_gop_tee_parent_class parent_class
G_DEFINE_TYPE(PenstockGopTee, penstock_gop_tee, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(goptee, "goptee", GST_RANK_NONE, penstock_gop_tee_get_type())

namespace {

enum Property {
    prop_0,
    prop_channel,
    prop_gop_count,
    prop_max_bytes,
    prop_max_time,
    prop_max_buffers,
    prop_queue_max_time,
    prop_queue_max_bytes,
    prop_queue_max_buffers,
    prop_stats,
};
guint remove_branch_signal;

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src_%u", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);

GstFlowReturn sink_chain(GstPad *, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR, [&] { return tee_of(parent).chain(std::move(owned)); });
}

gboolean sink_event(GstPad *, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return tee_of(parent).sink_event(std::move(owned)); });
}

gboolean sink_query(GstPad *, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return tee_of(parent).sink_query(query); });
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *templ, const gchar *name,
                        const GstCaps *) noexcept {
    return guard(element, static_cast<GstPad *>(nullptr),
                 [&] { return tee_of(element).request_pad(templ, name); });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] { tee_of(element).release_pad(pad); });
}

gboolean remove_branch(PenstockGopTee *self, GstPad *pad) noexcept {
    return guard(self, gboolean(FALSE),
                 [&]() -> gboolean { return tee_of(self).remove_branch(pad); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    gop::Tee &tee = tee_of(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
        std::string error;
        if (!guard(element, false, [&] { return tee.start(&error); })) {
            GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
            return GST_STATE_CHANGE_FAILURE;
        }
    }
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) guard(element, [&] { tee.begin_stop(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) guard(element, [&] { tee.stop(); });
    return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        Settings s = tee_of(object).settings();
        switch (id) {
        case prop_channel: {
            const char *name = g_value_get_string(value);
            tee_of(object).set_channel(name ? name : "");
            return;
        }
        case prop_gop_count:
            s.cache.gops = g_value_get_uint(value);
            break;
        case prop_max_bytes:
            s.cache.bytes = g_value_get_uint64(value);
            break;
        case prop_max_time:
            s.cache.duration = g_value_get_uint64(value);
            break;
        case prop_max_buffers:
            s.cache.items = g_value_get_uint(value);
            break;
        case prop_queue_max_time:
            s.queue.time = g_value_get_uint64(value);
            break;
        case prop_queue_max_bytes:
            s.queue.bytes = g_value_get_uint64(value);
            break;
        case prop_queue_max_buffers:
            s.queue.buffers = g_value_get_uint(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        tee_of(object).set_settings(s);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const Settings s = tee_of(object).settings();
        switch (id) {
        case prop_channel:
            g_value_set_string(value, tee_of(object).channel().c_str());
            break;
        case prop_gop_count:
            g_value_set_uint(value, s.cache.gops);
            break;
        case prop_max_bytes:
            g_value_set_uint64(value, s.cache.bytes);
            break;
        case prop_max_time:
            g_value_set_uint64(value, s.cache.duration);
            break;
        case prop_max_buffers:
            g_value_set_uint(value, guint(s.cache.items));
            break;
        case prop_queue_max_time:
            g_value_set_uint64(value, s.queue.time);
            break;
        case prop_queue_max_bytes:
            g_value_set_uint64(value, s.queue.bytes);
            break;
        case prop_queue_max_buffers:
            g_value_set_uint(value, guint(s.queue.buffers));
            break;
        case prop_stats:
            g_value_take_boxed(value, tee_of(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockGopTee *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

void install_properties(GObjectClass *klass) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const Settings d;
    g_object_class_install_property(
        klass, prop_channel,
        g_param_spec_string(
            "channel", "Channel",
            "Name, as app/name, under which gopsrc elements of this process can "
            "read the stream (empty = none)",
            "", GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
    g_object_class_install_property(
        klass, prop_gop_count,
        g_param_spec_uint("gop-count", "GOP count",
                          "Number of whole GOPs in the cache, including the current one", 1, 100,
                          d.cache.gops, flags));
    g_object_class_install_property(
        klass, prop_max_bytes,
        g_param_spec_uint64("max-bytes", "Max bytes",
                            "Bytes in the cache at most; a larger GOP is dropped", 0,
                            guint64(1) << 40, d.cache.bytes, flags));
    g_object_class_install_property(
        klass, prop_max_time,
        g_param_spec_uint64("max-time", "Max time",
                            "Media in the cache at most, in nanoseconds; a longer GOP is "
                            "dropped",
                            0, 24 * 3600 * GST_SECOND, d.cache.duration, flags));
    g_object_class_install_property(
        klass, prop_max_buffers,
        g_param_spec_uint("max-buffers", "Max buffers",
                          "Buffers in the cache at most; a longer GOP is dropped", 1, 10000000,
                          guint(d.cache.items), flags));
    g_object_class_install_property(
        klass, prop_queue_max_time,
        g_param_spec_uint64("queue-max-time", "Queue max time",
                            "Media in a branch's queue, in nanoseconds, above which the branch "
                            "skips to the next keyframe (0 = unlimited)",
                            0, 3600 * GST_SECOND, d.queue.time, flags));
    g_object_class_install_property(
        klass, prop_queue_max_bytes,
        g_param_spec_uint64("queue-max-bytes", "Queue max bytes",
                            "Bytes in a branch's queue above which the branch skips to the next "
                            "keyframe (0 = unlimited)",
                            0, guint64(1) << 40, d.queue.bytes, flags));
    g_object_class_install_property(
        klass, prop_queue_max_buffers,
        g_param_spec_uint("queue-max-buffers", "Queue max buffers",
                          "Buffers in a branch's queue above which the branch skips to the next "
                          "keyframe (0 = unlimited)",
                          0, 10000000, guint(d.queue.buffers), flags));
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked "
                           "branches), uptime (ns), skips, failed-branches, cached-gops, "
                           "cached-bytes, cached-buffers and an array of branches",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

} // namespace

static void penstock_gop_tee_class_init(PenstockGopTeeClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_gop_tee_debug, "goptee", 0, "tee that remembers GOPs");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);

    /**
     * GstGopTee::remove-branch:
     * @pad: a source pad of this element
     *
     * Unlinks and releases a branch without waiting for what is behind it; what it had queued is
     * dropped. Shut its elements down afterwards, from the sinks up.
     *
     * Returns: TRUE if nothing of the branch was still running downstream
     */
    remove_branch_signal = g_signal_new_class_handler(
        "remove-branch", G_TYPE_FROM_CLASS(klass),
        GSignalFlags(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), G_CALLBACK(remove_branch), nullptr,
        nullptr, nullptr, G_TYPE_BOOLEAN, 1, GST_TYPE_PAD);

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->request_new_pad = request_new_pad;
    element_class->release_pad = release_pad;
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "GOP tee", "Generic",
        "Splits an encoded stream into isolated branches that begin with the cached keyframe",
        "The Penstock authors");
}

static void penstock_gop_tee_init(PenstockGopTee *self) {
    GstPad *sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(sink, sink_chain);
    gst_pad_set_event_function(sink, sink_event);
    gst_pad_set_query_function(sink, sink_query);
    self->impl = new gop::Tee(GST_ELEMENT(self), sink);
    gst_element_add_pad(GST_ELEMENT(self), sink);
}
