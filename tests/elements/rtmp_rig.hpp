// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of rtmpserversrc and rtmpserversink.
#pragma once

#include "core/flv/normalizer.h"
#include "core/flv/tag.h"
#include "gst/bytes.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "elements/stats.hpp"
#include "eventually.hpp"
#include "flv_samples.hpp"

namespace rtmp_rig {

using namespace penstock;
using penstock_test::eventually;
using penstock_test::stat;

inline std::string string_property(GstElement *element, const char *name) {
    gchar *value = nullptr;
    g_object_get(element, name, &value, nullptr);
    GOwned<> owned(value);
    return value ? value : "";
}

inline GstPtr<GstElement> make_element(const char *name) {
    GstElement *element = gst_element_factory_make(name, nullptr);
    fail_unless(element != nullptr, "no element %s", name);
    return GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(element)));
}

inline GstPtr<GstElement> launch(const std::string &line) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    fail_if(error, "%s", error ? error->message : "");
    return pipeline;
}

inline GstPtr<GstElement> child(const GstPtr<GstElement> &bin, const char *name) {
    return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin.get()), name));
}

/// Collects what the element posts on a private bus.
class Bus {
public:
    explicit Bus(GstElement *element)
        : element_(element), bus_(GstPtr<GstBus>::adopt(gst_bus_new())) {
        gst_element_set_bus(element, bus_.get());
    }
    ~Bus() { gst_element_set_bus(element_, nullptr); }
    GstPtr<GstMessage> wait(GstMessageType types) {
        return GstPtr<GstMessage>::adopt(
            gst_bus_timed_pop_filtered(bus_.get(), 10 * GST_SECOND, types));
    }

private:
    GstElement *element_;
    GstPtr<GstBus> bus_;
};

/// Checks a property with a time limit in nanoseconds: default 30 s, 0 allowed, values are kept.
inline void keeps_timeout(const char *name, const char *property) {
    const auto element = make_element(name);
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), property);
    fail_unless(spec && G_IS_PARAM_SPEC_UINT64(spec), "%s has no %s", name, property);
    fail_unless_equals_uint64(G_PARAM_SPEC_UINT64(spec)->minimum, 0);
    fail_unless_equals_uint64(G_PARAM_SPEC_UINT64(spec)->default_value, 30 * GST_SECOND);
    for (const guint64 wanted : {guint64(0), guint64(250 * GST_MSECOND)}) {
        guint64 kept = 1;
        g_object_set(element.get(), property, wanted, nullptr);
        g_object_get(element.get(), property, &kept, nullptr);
        fail_unless_equals_uint64(kept, wanted);
    }
}

inline void refuses_locations(const char *name, std::initializer_list<const char *> locations) {
    for (const char *bad : locations) {
        auto element = make_element(name);
        Bus bus(element.get());
        g_object_set(element.get(), "location", bad, nullptr);
        fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bus.wait(GST_MESSAGE_ERROR), "%s said nothing about '%s'", name, bad);
        gst_element_set_state(element.get(), GST_STATE_NULL);
    }
}

inline void refuses_server_locations(const char *name) {
    refuses_locations(name, {"http://127.0.0.1:0/live/x", "rtmp://127.0.0.1:0/live/../x",
                             "rtmp://127.0.0.1:99999/live/x", "live/x", "rtmp://127.0.0.1:0",
                             "rtmps://127.0.0.1:0/live/x"});
}

inline void refuses_client_locations(const char *name) {
    refuses_locations(name, {"", "http://127.0.0.1/live/x", "rtmp://127.0.0.1", "live/x"});
}

/// Pushes a tag as a buffer with its timestamp.
inline void push(GstHarness *h, const flv::Tag &tag) {
    auto buffer = buffer_of(tag.bytes);
    GST_BUFFER_PTS(buffer.get()) = tag.timestamp * GST_MSECOND;
    fail_unless_equals_int(gst_harness_push(h, buffer.release()), GST_FLOW_OK);
}

/// EOS after an audio frame is posted on the bus. Takes the harness.
inline void posts_eos(GstHarness *h) {
    Bus bus(h->element);
    push(h, samples::audio_config());
    push(h, samples::audio_frame(0));
    gst_harness_push_event(h, gst_event_new_eos());
    fail_unless(bus.wait(GST_MESSAGE_EOS));
    gst_harness_teardown(h);
}

/// A network loop may push while its pipeline is paused: EOS and GAP must not wait in the sink for
/// PLAYING.
inline void events_do_not_wait_while_paused(const char *name, const char *location) {
    const auto sink = make_element(name);
    Bus bus(sink.get());
    g_object_set(sink.get(), "location", location, "sync", FALSE, nullptr);
    fail_unless_equals_int(gst_element_set_state(sink.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_SUCCESS);
    const auto pad =
        GstPtr<GstPad>::adopt(GST_PAD(gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC))));
    const auto peer = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink.get(), "sink"));
    gst_pad_set_active(pad.get(), TRUE);
    fail_unless(gst_pad_link(pad.get(), peer.get()) == GST_PAD_LINK_OK);
    std::atomic<bool> done = false;
    std::thread loop([&] {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        const auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
        gst_pad_push_event(pad.get(), gst_event_new_stream_start("a"));
        gst_pad_push_event(pad.get(), gst_event_new_caps(caps.get()));
        gst_pad_push_event(pad.get(), gst_event_new_segment(&segment));
        gst_pad_push_event(pad.get(), gst_event_new_gap(0, GST_SECOND));
        gst_pad_push_event(pad.get(), gst_event_new_eos());
        done = true;
    });
    const bool in_time = eventually([&] { return done.load(); });
    if (in_time) gst_element_set_state(sink.get(), GST_STATE_PLAYING);
    const auto message = in_time ? bus.wait(GST_MESSAGE_EOS) : GstPtr<GstMessage>();
    gst_element_set_state(sink.get(), GST_STATE_NULL); // wakes a waiting thread
    loop.join();
    fail_unless(in_time, "%s makes a network loop wait until it plays", name);
    fail_unless(message, "%s says nothing of EOS when it plays", name);
    gst_pad_unlink(pad.get(), peer.get());
    gst_pad_set_active(pad.get(), FALSE);
}

} // namespace rtmp_rig
