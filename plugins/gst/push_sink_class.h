// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject part of sinks that send to another server and never block: states, events, pad
// functions.
#pragma once

#include "gst/auto_sync.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"

#include <gst/base/gstbasesink.h>

namespace penstock {

/// `Element` is an instance: a GstBaseSink as `parent`; `impl`, which points to the work; and
/// `base_chain` and `base_chain_list`, the pad functions of GstBaseSink. `impl` has
///   bool start()                         from a state change; posts its own error
///   void stop()
///   GstFlowReturn render(GstBuffer *)    on the streaming thread
///   GstFlowReturn render_list(GstBufferList *)   the same, of buffers that come together
///   bool set_caps(const GstCaps *)       false refuses them
///   void flush()
///   AutoSync sync
template <class Element>
class PushSinkClass {
public:
    static void init(GstBaseSinkClass *klass, gpointer parent) {
        parent_class = parent;
        G_OBJECT_CLASS(klass)->finalize = finalize;
        klass->start = start;
        klass->stop = stop;
        klass->set_caps = set_caps;
        klass->event = event;
        klass->wait_event = wait_event;
        klass->query = query;
        klass->render = render;
    }

    /// Call in the element's init, once `impl` is there.
    static void init(Element *self) {
        // There is nothing to show before a server is there: it never prerolls.
        gst_base_sink_set_async_enabled(&self->parent, FALSE);
        GstPad *pad = GST_BASE_SINK_PAD(self);
        self->base_chain = GST_PAD_CHAINFUNC(pad);
        self->base_chain_list = GST_PAD_CHAINLISTFUNC(pad);
        gst_pad_set_chain_function(pad, chain);
        gst_pad_set_chain_list_function(pad, chain_list);
        self->impl->sync.watch(&self->parent);
    }

private:
    static inline gpointer parent_class = nullptr;

    static Element &self(gpointer object) { return *static_cast<Element *>(object); }
    static auto &impl(gpointer object) { return *self(object).impl; }
    static GstBaseSinkClass *base_class() { return GST_BASE_SINK_CLASS(parent_class); }

    static gboolean start(GstBaseSink *sink) {
        return guard(sink, FALSE, [&]() -> gboolean { return impl(sink).start(); });
    }
    static gboolean stop(GstBaseSink *sink) {
        return guard(sink, FALSE, [&]() -> gboolean {
            impl(sink).stop();
            return TRUE;
        });
    }
    static gboolean set_caps(GstBaseSink *sink, GstCaps *caps) {
        return guard(sink, FALSE, [&]() -> gboolean { return impl(sink).set_caps(caps); });
    }
    static gboolean event(GstBaseSink *sink, GstEvent *event) {
        guard(sink, [&] {
            if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) impl(sink).sync.decide(sink);
            if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) impl(sink).flush();
        });
        return base_class()->event(sink, event);
    }
    static gboolean query(GstBaseSink *sink, GstQuery *query) {
        if (!is_nonblocking_query(query)) return base_class()->query(sink, query);
        answer_nonblocking(query, impl(sink).sync.is_nonblocking(sink));
        return TRUE;
    }
    static GstFlowReturn render(GstBaseSink *sink, GstBuffer *buffer) {
        return guard(sink, GST_FLOW_ERROR, [&] { return impl(sink).render(buffer); });
    }
    static GstFlowReturn render_list(GstBaseSink *sink, GstBufferList *list) {
        return guard(sink, GST_FLOW_ERROR, [&] { return impl(sink).render_list(list); });
    }

    // The thread that pushes may be a network loop and must not wait in the base class while the
    // pipeline is paused: as in gst/server_sink.cpp.

    static GstFlowReturn wait_event(GstBaseSink *sink, GstEvent *event) {
        if (!gst_base_sink_get_sync(sink)) return GST_FLOW_OK;
        return base_class()->wait_event(sink, event);
    }
    static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
        auto *sink = reinterpret_cast<GstBaseSink *>(parent);
        if (gst_base_sink_get_sync(sink)) return self(parent).base_chain(pad, parent, buffer);
        const GstFlowReturn flow = render(sink, buffer);
        gst_buffer_unref(buffer);
        return flow;
    }
    static GstFlowReturn chain_list(GstPad *pad, GstObject *parent, GstBufferList *list) {
        auto *sink = reinterpret_cast<GstBaseSink *>(parent);
        if (gst_base_sink_get_sync(sink)) return self(parent).base_chain_list(pad, parent, list);
        const GstFlowReturn flow = render_list(sink, list);
        gst_buffer_list_unref(list);
        return flow;
    }

    static void finalize(GObject *object) {
        delete self(object).impl;
        G_OBJECT_CLASS(parent_class)->finalize(object);
    }
};

} // namespace penstock
