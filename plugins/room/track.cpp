// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room/track.h"

#include "gst/guard.h"
#include "gst/steady_time.h"
#include "room/pads.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

namespace penstock::room {
namespace {

/// What waits for a decoder at most; a live input loses what is beyond it.
constexpr guint64 most_waiting_time = GST_SECOND;
constexpr guint most_waiting_bytes = 16 << 20;

/// A frame that is late is shown late, and the next one after it: nothing is left out by a decoder.
gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    if (GST_EVENT_TYPE(event) != GST_EVENT_QOS) return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    return TRUE;
}

/// There are as many decoders as participants: each has one thread, and adds no latency.
void use_one_thread(GstBin *, GstBin *, GstElement *child, gpointer) noexcept {
    for (const char *name : {"max-threads", "threads"}) {
        const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(child), name);
        if (spec && (spec->value_type == G_TYPE_INT || spec->value_type == G_TYPE_UINT))
            g_object_set(child, name, 1, nullptr);
    }
}

/// VP8 is of BT.601, whatever its size (RFC 6386, section 9.2); decoders say nothing, and GStreamer
/// takes what is large for BT.709.
void say_bt601(GstElement *first) {
    const auto in = pad_of(first, "sink");
    gst_pad_add_probe(
        in.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer) {
            GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
            if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
            GstCaps *caps = nullptr;
            gst_event_parse_caps(event, &caps);
            const auto own = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
            gst_caps_set_simple(own.get(), "colorimetry", G_TYPE_STRING, "bt601", nullptr);
            GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(own.get());
            gst_event_unref(event);
            return GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
}

} // namespace

GstElement *Track::make(const char *factory, std::string &reason) {
    GstElement *element = gst_element_factory_make(factory, nullptr);
    if (!element) reason = std::string("the GStreamer element ") + factory + " is missing";
    return element;
}

GstElement *Track::make_decoder(GstCaps *caps, std::string &reason) {
    GstElement *decoder = make("decodebin", reason);
    if (!decoder) return nullptr;
    g_object_set(decoder, "sink-caps", caps, nullptr);
    g_signal_connect(decoder, "deep-element-added", G_CALLBACK(use_one_thread), nullptr);
    g_signal_connect(decoder, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *added, gpointer next) {
                         const auto in = pad_of(GST_ELEMENT(next), "sink");
                         if (!gst_pad_is_linked(in.get())) gst_pad_link(added, in.get());
                     }),
                     first_.get());
    return decoder;
}

bool Track::build(GstPad *coded, std::string &reason) {
    auto tail = make_tail(reason);
    if (tail.empty()) return false;
    auto bin = GstPtr<GstElement>::ref(gst_bin_new(nullptr));
    for (GstElement *element : tail)
        gst_bin_add(GST_BIN(bin.get()), element);
    for (size_t i = 1; i < tail.size(); ++i)
        gst_element_link(tail[i - 1], tail[i]);
    first_ = GstPtr<GstElement>::ref(tail.front());
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(coded));
    if (gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "video/x-vp8"))
        say_bt601(first_.get());
    GstElement *queue = make("queue", reason);
    if (!queue) return false;
    gst_bin_add(GST_BIN(bin.get()), queue);
    g_object_set(queue, "max-size-buffers", 0, "max-size-bytes", most_waiting_bytes,
                 "max-size-time", most_waiting_time, nullptr);
    GstElement *decoder = make_decoder(caps.get(), reason);
    if (!decoder) return false;
    gst_bin_add(GST_BIN(bin.get()), decoder);
    gst_element_link(queue, decoder);
    queue_ = GstPtr<GstElement>::ref(queue);
    bin_ = bin;

    const auto in = pad_of(queue, "sink"), out = pad_of(tail.back(), "src");
    gst_element_add_pad(bin.get(), gst_ghost_pad_new("sink", in.get()));
    GstPad *ghost = gst_ghost_pad_new("src", out.get());
    gst_pad_set_query_function(ghost, answer_query);
    gst_pad_set_event_function(ghost, take_event);
    gst_element_add_pad(bin.get(), ghost);
    watch(out.get());

    mixer_pad_ = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(mixer_, "sink_%u"));
    prepare(mixer_pad_.get());
    is_running_ = is_ready_ = true;
    gst_bin_add(owner_, bin.get());
    gst_pad_link(ghost, mixer_pad_.get());
    gst_element_sync_state_with_parent(bin.get());
    const auto sink = pad_of(bin.get(), "sink");
    gst_pad_link(coded, sink.get());
    return true;
}

void Track::watch(GstPad *last) {
    gst_pad_add_probe(
        last, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Track *>(data);
            return guard(self->owner_, GST_PAD_PROBE_DROP, [&] {
                ++self->frames_;
                self->last_ = steady_time();
                auto frame = GstPtr<GstBuffer>::adopt(GST_PAD_PROBE_INFO_BUFFER(info));
                self->decoded(frame);
                GST_PAD_PROBE_INFO_DATA(info) = frame.release();
                return GST_PAD_PROBE_OK;
            });
        },
        this, nullptr);
}

void Track::remove() {
    if (!std::exchange(is_running_, false)) return;
    // Released, the pad lets the decoder's thread go, which may wait there.
    gst_element_release_request_pad(mixer_, mixer_pad_.get());
    gst_element_set_locked_state(bin_.get(), TRUE);
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    gst_bin_remove(owner_, bin_.get());
}

bool Track::is_full() const {
    guint64 time = 0;
    guint bytes = 0;
    g_object_get(queue_.get(), "current-level-time", &time, "current-level-bytes", &bytes, nullptr);
    return time >= most_waiting_time || bytes >= most_waiting_bytes;
}

bool Track::contains(GstObject *object) const {
    return gst_object_has_as_ancestor(object, GST_OBJECT(bin_.get()));
}

} // namespace penstock::room
