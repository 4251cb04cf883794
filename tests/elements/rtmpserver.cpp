// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversrc and rtmpserversink against each other and against rtmp2sink and rtmp2src.
#include "core/flv/tag.h"
#include "gst/bytes.h"
#include "gst/ptr.h"

#include "check.hpp"

using namespace penstock;

namespace {

/// Waits for a condition, at most ten seconds.
template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        never.wait_for(lock, std::chrono::milliseconds(10));
    }
    return true;
}

std::string string_property(GstElement *element, const char *name) {
    gchar *value = nullptr;
    g_object_get(element, name, &value, nullptr);
    GOwned<> owned(value);
    return value ? value : "";
}

guint64 stat(GstElement *element, const char *field) {
    GstStructure *s = nullptr;
    g_object_get(element, "stats", &s, nullptr);
    auto stats = GstPtr<GstStructure>::adopt(s);
    guint64 value = 0;
    guint small = 0;
    if (gst_structure_get_uint64(s, field, &value)) return value;
    fail_unless(gst_structure_get_uint(s, field, &small), "no field %s", field);
    return small;
}

GstPtr<GstBuffer> flv_buffer(flv::TagType type, uint32_t ms, std::vector<uint8_t> body) {
    return buffer_of(flv::make_tag(type, ms, body).bytes);
}

/// A sink that serves an audio-only stream under a harness, on a port of its own.
GstHarness *serving_harness() {
    GstHarness *h = gst_harness_new("rtmpserversink");
    gst_element_set_state(h->element, GST_STATE_NULL);
    g_object_set(h->element, "location", "rtmp://127.0.0.1:0/live/test", "sync", FALSE, nullptr);
    gst_harness_play(h);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    return h;
}

const std::vector<uint8_t> audio_config{0xaf, 0x00, 0x12, 0x10};
const std::vector<uint8_t> audio_frame{0xaf, 0x01, 1, 2, 3, 4};

} // namespace

static GstPtr<GstElement> make_element(const char *name) {
    GstElement *element = gst_element_factory_make(name, nullptr);
    return GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(element)));
}

GST_START_TEST(test_sink_serves_cached_gop_to_rtmp2src) {
    GstHarness *h = serving_harness();
    const std::string location = string_property(h->element, "bound-location");
    fail_unless(location.find(":0/") == std::string::npos, "%s", location.c_str());
    gst_harness_push(h, flv_buffer(flv::TagType::audio, 0, audio_config).release());
    gst_harness_push(h, flv_buffer(flv::TagType::audio, 0, audio_frame).release());

    const std::string line = "rtmp2src location=" + location + " ! fakesink name=out async=false";
    auto player = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), nullptr));
    gst_element_set_state(player.get(), GST_STATE_PLAYING);
    fail_unless(eventually([&] { return stat(h->element, "peers") == 1; }));
    // The configuration and the cached frame came without anything new being pushed.
    auto out = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(player.get()), "out"));
    fail_unless(eventually([&] {
        GstStructure *s = nullptr;
        g_object_get(out.get(), "stats", &s, nullptr);
        auto stats = GstPtr<GstStructure>::adopt(s);
        guint64 rendered = 0;
        gst_structure_get_uint64(s, "rendered", &rendered);
        return rendered >= 1;
    }));
    gst_element_set_state(player.get(), GST_STATE_NULL);
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    fail_unless_equals_uint64(stat(h->element, "peers-total"), 1);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_sink_refuses_what_is_no_flv) {
    GstHarness *h = serving_harness();
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    GstBuffer *garbage = gst_buffer_new_allocate(nullptr, 400, nullptr);
    gst_buffer_memset(garbage, 0, 0xee, 400);
    fail_unless_equals_int(gst_harness_push(h, garbage), GST_FLOW_ERROR);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
    fail_unless(message);
    gst_element_set_bus(h->element, nullptr);
    gst_object_unref(bus);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_bad_locations_are_refused_with_a_reason) {
    for (const char *element : {"rtmpserversrc", "rtmpserversink"})
        for (const char *bad : {"http://127.0.0.1:0/live/x", "rtmp://127.0.0.1:0/live/../x",
                                "rtmp://127.0.0.1:99999/live/x", "live/x", "rtmp://127.0.0.1:0"}) {
            auto e = make_element(element);
            auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
            gst_element_set_bus(e.get(), bus.get());
            g_object_set(e.get(), "location", bad, nullptr);
            fail_unless_equals_int(gst_element_set_state(e.get(), GST_STATE_PAUSED),
                                   GST_STATE_CHANGE_FAILURE);
            auto message =
                GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
            fail_unless(message, "%s said nothing about %s", element, bad);
            gst_element_set_state(e.get(), GST_STATE_NULL);
            gst_element_set_bus(e.get(), nullptr);
        }
}
GST_END_TEST

GST_START_TEST(test_port_in_use) {
    GstHarness *h = serving_harness();
    std::string location = string_property(h->element, "bound-location");
    auto other = make_element("rtmpserversink");
    // The same name on the same port: a stream has one producer.
    g_object_set(other.get(), "location", location.c_str(), nullptr);
    fail_unless_equals_int(gst_element_set_state(other.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(other.get(), GST_STATE_NULL);
    // Another name shares the port.
    g_object_set(other.get(), "location", (location + "-2").c_str(), nullptr);
    fail_if(gst_element_set_state(other.get(), GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(other.get(), GST_STATE_NULL);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_source_receives_publish_and_republish) {
    auto receiver = GstPtr<GstElement>::adopt(gst_parse_launch(
        "rtmpserversrc name=src location=rtmp://127.0.0.1:0/live/in ! fakesink name=out "
        "signal-handoffs=true async=false sync=false",
        nullptr));
    struct Seen {
        std::atomic<unsigned> buffers{0}, headers{0}, discont{0}, backwards{0};
        GstClockTime last = 0;
    } seen;
    auto out = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(receiver.get()), "out"));
    g_signal_connect(out.get(), "handoff",
                     G_CALLBACK(+[](GstElement *, GstBuffer *b, GstPad *, gpointer p) {
                         auto *s = static_cast<Seen *>(p);
                         if (GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_HEADER)) {
                             ++s->headers;
                             return;
                         }
                         if (GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DISCONT)) ++s->discont;
                         if (GST_BUFFER_PTS(b) < s->last) ++s->backwards;
                         s->last = GST_BUFFER_PTS(b);
                         ++s->buffers;
                     }),
                     &seen);
    fail_if(gst_element_set_state(receiver.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
    auto src = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(receiver.get()), "src"));
    const std::string location = string_property(src.get(), "bound-location");
    for (unsigned round = 1; round <= 2; ++round) {
        seen.buffers = 0;
        auto publisher = GstPtr<GstElement>::adopt(
            gst_parse_launch(("appsrc name=a format=time caps=video/x-flv ! rtmp2sink "
                              "async-connect=false location=" +
                              location)
                                 .c_str(),
                             nullptr));
        auto app = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(publisher.get()), "a"));
        gst_element_set_state(publisher.get(), GST_STATE_PLAYING);
        for (uint32_t ms = 0; ms < 400; ms += 20) {
            auto buffer = flv_buffer(flv::TagType::audio, ms, ms ? audio_frame : audio_config);
            GstFlowReturn flow = GST_FLOW_OK;
            g_signal_emit_by_name(app.get(), "push-buffer", buffer.get(), &flow);
        }
        fail_unless(eventually([&] { return seen.buffers >= 19; }), "round %u: %u buffers", round,
                    seen.buffers.load());
        fail_unless_equals_int(seen.discont, round);
        gst_element_set_state(publisher.get(), GST_STATE_NULL);
        fail_unless(eventually([&] { return stat(src.get(), "peers") == 0; }));
    }
    fail_unless(seen.headers >= 2, "no file header or configuration was flagged");
    fail_unless_equals_int(seen.backwards, 0);
    // EOS from the application ends it (gst-launch -e).
    gst_element_send_event(receiver.get(), gst_event_new_eos());
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(receiver.get()));
    auto eos = GstPtr<GstMessage>::adopt(
        gst_bus_timed_pop_filtered(bus.get(), 10 * GST_SECOND, GST_MESSAGE_EOS));
    fail_unless(eos);
    for (int again = 0; again < 3; ++again) {
        gst_element_set_state(receiver.get(), GST_STATE_READY);
        fail_if(gst_element_set_state(receiver.get(), GST_STATE_PLAYING) ==
                GST_STATE_CHANGE_FAILURE);
    }
    gst_element_set_state(receiver.get(), GST_STATE_NULL);
}
GST_END_TEST

static Suite *rtmpserver_suite() {
    Suite *s = suite_create("rtmpserver");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_sink_serves_cached_gop_to_rtmp2src);
    tcase_add_test(tc, test_sink_refuses_what_is_no_flv);
    tcase_add_test(tc, test_bad_locations_are_refused_with_a_reason);
    tcase_add_test(tc, test_port_in_use);
    tcase_add_test(tc, test_source_receives_publish_and_republish);
    return s;
}
GST_CHECK_MAIN(rtmpserver)
