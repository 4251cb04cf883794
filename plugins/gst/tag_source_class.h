// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject part of sources of FLV tags and of other media that come from the network: the pad,
// state changes, and EOS by the application.
#pragma once

#include "gst/guard.h"
#include "gst/tag_source.h"

#include <type_traits>
#include <utility>

namespace penstock {

inline constexpr char flv_caps[] = "video/x-flv";

/// `Element` is an instance: a GstElement, and `impl`, which points to a class derived from
/// TagSource, or from another QueuedSource. `Caps`: those of the pad.
template <class Element, const char *Caps = flv_caps>
class TagSourceClass {
public:
    /// Runs when the pad is activated; posts its own error.
    using Start = bool (*)(Element &element);

    static void init(gpointer klass, gpointer parent, Start start_source) {
        parent_class = parent;
        start = start_source;
        G_OBJECT_CLASS(klass)->finalize = finalize;
        auto *element_class = GST_ELEMENT_CLASS(klass);
        element_class->change_state = change_state;
        element_class->send_event = send_event;
        gst_element_class_add_static_pad_template(element_class, &src_template);
    }

    /// `args` go to the constructor of `impl`.
    template <class... Args>
    static void init(Element *self, Args &&...args) {
        using Impl = std::remove_pointer_t<decltype(self->impl)>;
        auto *element = reinterpret_cast<GstElement *>(self);
        GstPad *pad = gst_pad_new_from_static_template(&src_template, "src");
        self->impl = new Impl(element, pad, std::forward<Args>(args)...);
        gst_pad_set_activatemode_function(pad, activate_mode);
        gst_pad_set_query_function(pad, queued_source_query);
        gst_pad_set_event_function(pad, event);
        gst_pad_use_fixed_caps(pad);
        gst_element_add_pad(element, pad);
        GST_OBJECT_FLAG_SET(element, GST_ELEMENT_FLAG_SOURCE);
    }

    static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
        return guard(element, GST_STATE_CHANGE_FAILURE, [&] {
            auto &source = *self(element).impl;
            if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) source.set_playing(false);
            const GstStateChangeReturn result =
                GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
            if (result == GST_STATE_CHANGE_FAILURE) return result;
            switch (transition) {
            case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
                source.set_playing(true);
                return result;
            case GST_STATE_CHANGE_READY_TO_PAUSED:
            case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
                return GST_STATE_CHANGE_NO_PREROLL;
            default:
                return result;
            }
        });
    }

private:
    static inline GstStaticPadTemplate src_template =
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(Caps));
    static inline gpointer parent_class = nullptr;
    static inline Start start = nullptr;

    static Element &self(gpointer object) { return *static_cast<Element *>(object); }

    static gboolean activate_mode(GstPad *, GstObject *parent, GstPadMode mode, gboolean active) {
        return guard(parent, FALSE, [&]() -> gboolean {
            if (mode != GST_PAD_MODE_PUSH) return FALSE;
            if (active) return start(self(parent));
            self(parent).impl->stop();
            return TRUE;
        });
    }

    static gboolean event(GstPad *, GstObject *parent, GstEvent *event) {
        return queued_source_event(parent, event, *self(parent).impl);
    }

    static gboolean send_event(GstElement *element, GstEvent *event) {
        return guard(element, FALSE, [&]() -> gboolean {
            if (GST_EVENT_TYPE(event) != GST_EVENT_EOS)
                return GST_ELEMENT_CLASS(parent_class)->send_event(element, event);
            gst_event_unref(event);
            self(element).impl->end_of_stream();
            return TRUE;
        });
    }

    static void finalize(GObject *object) {
        delete self(object).impl;
        G_OBJECT_CLASS(parent_class)->finalize(object);
    }
};

} // namespace penstock
