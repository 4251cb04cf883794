// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject part of an element with a LiveMuxer: vfuncs and common properties.
#pragma once

#include "gst/guard.h"
#include "gst/live_muxer.h"

/// The instance of such an element.
struct LiveMuxerElement {
    GstAggregator parent;
    penstock::LiveMuxer *impl;
};

namespace penstock {

/// `Element` gives each element its own parent class.
template <class Element>
class LiveMuxerClass {
public:
    /// `has_interleave`: the element has the property `interleave`.
    static void init(gpointer klass, gpointer parent, bool has_interleave = false) {
        parent_class = parent;
        auto *object_class = G_OBJECT_CLASS(klass);
        object_class->set_property = set_property;
        object_class->get_property = get_property;
        object_class->finalize = finalize;
        install_properties(object_class);
        if (has_interleave) install_interleave(object_class);
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
        GST_ELEMENT_CLASS(klass)->release_pad = release_pad;
    }
    static void add_sink_template(GstElementClass *klass, const char *name, GstCaps *caps) {
        gst_element_class_add_pad_template(
            klass, gst_pad_template_new_with_gtype(name, GST_PAD_SINK, GST_PAD_REQUEST, caps,
                                                   GST_TYPE_AGGREGATOR_PAD));
    }

private:
    enum { prop_0, prop_stream_wait, prop_wait_for_video, prop_stats, prop_interleave };
    static inline gpointer parent_class = nullptr;
    // The original function of GstAggregatorPad, the same for every pad.
    static inline GstPadActivateModeFunction aggregator_activate_mode = nullptr;

    static LiveMuxer &impl(gpointer element) {
        return *static_cast<LiveMuxerElement *>(element)->impl;
    }
    static GstAggregatorClass *base() { return GST_AGGREGATOR_CLASS(parent_class); }

    static GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
        auto owned = GstPtr<GstBuffer>::adopt(buffer);
        return guard(parent, GST_FLOW_ERROR,
                     [&] { return impl(parent).chain(GST_AGGREGATOR_PAD(pad), std::move(owned)); });
    }

    // A thread waiting in sink_chain holds the stream lock that deactivation needs, so it is woken
    // first.
    static gboolean sink_activate_mode(GstPad *pad, GstObject *parent, GstPadMode mode,
                                       gboolean active) noexcept {
        // A pad that is activated before it is added has no parent yet.
        if (parent)
            guard(parent, [&] { impl(parent).pad_activated(GST_AGGREGATOR_PAD(pad), active); });
        return aggregator_activate_mode(pad, parent, mode, active);
    }

    static GstAggregatorPad *create_new_pad(GstAggregator *aggregator, GstPadTemplate *templ,
                                            const gchar *name, const GstCaps *) noexcept {
        return guard(aggregator, static_cast<GstAggregatorPad *>(nullptr), [&] {
            GstAggregatorPad *pad = impl(aggregator).new_pad(templ, name);
            if (pad) {
                aggregator_activate_mode = GST_PAD_ACTIVATEMODEFUNC(pad);
                gst_pad_set_chain_function(GST_PAD(pad), sink_chain);
                gst_pad_set_activatemode_function(GST_PAD(pad), sink_activate_mode);
            }
            return pad;
        });
    }

    static void release_pad(GstElement *element, GstPad *pad) noexcept {
        guard(element, [&] {
            auto held = GstPtr<GstPad>::ref(pad);
            impl(element).release_pad(GST_AGGREGATOR_PAD(pad));
            GST_ELEMENT_CLASS(parent_class)->release_pad(element, pad);
        });
    }

    static GstFlowReturn aggregate(GstAggregator *aggregator, gboolean timeout) noexcept {
        return guard(aggregator, GST_FLOW_ERROR,
                     [&] { return impl(aggregator).aggregate(timeout); });
    }

    static GstFlowReturn sink_event_pre_queue(GstAggregator *aggregator, GstAggregatorPad *pad,
                                              GstEvent *event) noexcept {
        guard(aggregator, [&] { impl(aggregator).event_arrives(pad, event); });
        return base()->sink_event_pre_queue(aggregator, pad, event);
    }

    static gboolean sink_event(GstAggregator *aggregator, GstAggregatorPad *pad,
                               GstEvent *event) noexcept {
        // Flushes come from other threads and were handled earlier.
        const GstEventTypeFlags flags = gst_event_type_get_flags(GST_EVENT_TYPE(event));
        const bool ours =
            (flags & GST_EVENT_TYPE_SERIALIZED) && GST_EVENT_TYPE(event) != GST_EVENT_FLUSH_STOP &&
            guard(aggregator, false, [&] { return impl(aggregator).sink_event(pad, event); });
        if (!ours) return base()->sink_event(aggregator, pad, event);
        gst_event_unref(event);
        return TRUE;
    }

    static GstClockTime get_next_time(GstAggregator *aggregator) noexcept {
        return guard(aggregator, GST_CLOCK_TIME_NONE, [&] { return impl(aggregator).next_time(); });
    }

    // The caps follow from the pads' content; downstream has no choice.
    static gboolean negotiate(GstAggregator *) noexcept { return TRUE; }

    static gboolean start(GstAggregator *aggregator) noexcept {
        return guard(aggregator, gboolean(FALSE), [&]() -> gboolean {
            impl(aggregator).start();
            return TRUE;
        });
    }

    static gboolean stop(GstAggregator *aggregator) noexcept {
        return guard(aggregator, gboolean(FALSE), [&]() -> gboolean {
            impl(aggregator).reset(true);
            return TRUE;
        });
    }

    static GstFlowReturn flush(GstAggregator *aggregator) noexcept {
        return guard(aggregator, GST_FLOW_ERROR, [&] {
            impl(aggregator).reset(false);
            return GST_FLOW_OK;
        });
    }

    static void set_property(GObject *object, guint id, const GValue *value,
                             GParamSpec *pspec) noexcept {
        guard(object, [&] {
            if (id == prop_stream_wait)
                impl(object).set_stream_wait(g_value_get_uint64(value));
            else if (id == prop_wait_for_video)
                impl(object).set_waits_for_video(g_value_get_boolean(value));
            else if (id == prop_interleave)
                impl(object).set_interleaves(g_value_get_boolean(value));
            else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        });
    }

    static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
        guard(object, [&] {
            switch (id) {
            case prop_stream_wait:
                g_value_set_uint64(value, impl(object).stream_wait());
                break;
            case prop_wait_for_video:
                g_value_set_boolean(value, impl(object).waits_for_video());
                break;
            case prop_interleave:
                g_value_set_boolean(value, impl(object).interleaves());
                break;
            case prop_stats:
                g_value_take_boxed(value, impl(object).stats().release());
                break;
            default:
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            }
        });
    }

    static void finalize(GObject *object) noexcept {
        // The base class's pads and task ended in dispose.
        LiveMuxer *muxer = reinterpret_cast<LiveMuxerElement *>(object)->impl;
        muxer->reset(true); // nothing rings from now on
        G_OBJECT_CLASS(parent_class)->finalize(object);
        delete muxer;
    }

    static void install_interleave(GObjectClass *klass) {
        g_object_class_install_property(
            klass, prop_interleave,
            g_param_spec_boolean(
                "interleave", "Interleave",
                "Put out video and audio in the order of their times, for which one waits for the "
                "other; false: each as it comes, for receivers that take them by themselves",
                TRUE,
                GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
    }

    static void install_properties(GObjectClass *klass) {
        g_object_class_install_property(
            klass, prop_stream_wait,
            g_param_spec_uint64(
                "stream-wait", "Stream wait",
                "Media on the other pads, in nanoseconds, after which a pad without "
                "caps does not hold them up any more; also how far one pad may be "
                "ahead of the other without a queue",
                0, 60 * GST_SECOND, LiveMuxer::default_stream_wait,
                GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                            GST_PARAM_MUTABLE_PLAYING)));
        g_object_class_install_property(
            klass, prop_wait_for_video,
            g_param_spec_boolean(
                "wait-for-video", "Wait for video",
                "Put out nothing before there is video; a stream that never has any stays silent, "
                "which an element message penstock-no-stream says after 8 s, and ends with its "
                "audio. Audio from before the video is dropped, but for the last "
                "`stream-wait`",
                FALSE,
                GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
        g_object_class_install_property(
            klass, prop_stats,
            g_param_spec_boxed("stats", "Statistics",
                               "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked "
                               "sink pads), uptime (ns)",
                               GST_TYPE_STRUCTURE,
                               GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    }
};

} // namespace penstock
