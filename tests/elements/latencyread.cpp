// SPDX-License-Identifier: LGPL-2.1-or-later
// latencyread: measurements of streams with known stamps; frames are not modified.
#include "core/latency/measurement.h"
#include "gst/ptr.h"
#include "latency_pictures.hpp"

#include <gst/video/video.h>

#include <algorithm>

#include "check.hpp"

using namespace penstock;
using namespace penstock::latency;

namespace {

constexpr int width = 640, height = 360;

/// A field of a structure; nullopt if it is missing.
template <class T>
std::optional<T> field(const GstStructure *s, const char *name) {
    const GValue *value = gst_structure_get_value(s, name);
    if (!value) return std::nullopt;
    if constexpr (std::is_same_v<T, std::string>)
        return g_value_get_string(value);
    else if (G_VALUE_HOLDS_UINT64(value))
        return T(g_value_get_uint64(value));
    else if (G_VALUE_HOLDS_INT64(value))
        return T(g_value_get_int64(value));
    else
        return T(g_value_get_uint(value));
}

struct Rig {
    GstHarness *h;
    GstElement *element;
    GstPtr<GstBus> bus = GstPtr<GstBus>::adopt(gst_bus_new());

    explicit Rig(const std::string &properties = "", const char *format = "GRAY8")
        : h(gst_harness_new_parse(("latencyread " + properties).c_str())),
          element(gst_harness_find_element(h, "latencyread")) {
        gst_element_set_bus(element, bus.get());
        gst_harness_set_src_caps(h, gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING,
                                                        format, "width", G_TYPE_INT, width,
                                                        "height", G_TYPE_INT, height, "framerate",
                                                        GST_TYPE_FRACTION, 30, 1, nullptr));
    }
    ~Rig() {
        gst_element_set_bus(element, nullptr);
        gst_object_unref(element);
        gst_harness_teardown(h);
    }
    Rig(const Rig &) = delete;

    void push(const test::Picture &picture) {
        GstBuffer *buffer = gst_buffer_new_memdup(picture.pixels.data(), picture.pixels.size());
        gst_buffer_unref(gst_harness_push_and_pull(h, buffer));
    }
    /// A frame that was stamped `age` microseconds ago.
    void push(uint32_t frame, int64_t age = 0, uint16_t source = 1) {
        test::Picture picture(width, height, 100);
        test::draw(picture, {g_get_real_time() - age, frame, source});
        push(picture);
    }
    void push_blank() { push(test::Picture(width, height, 100)); }

    GstPtr<GstStructure> stats() const {
        GstStructure *raw = nullptr;
        g_object_get(element, "stats", &raw, nullptr);
        return GstPtr<GstStructure>::adopt(raw);
    }
    uint64_t count(const char *name) const {
        const auto value = field<uint64_t>(stats().get(), name);
        fail_unless(value.has_value(), "%s", name);
        return *value;
    }
    GstPtr<GstMessage> message() const {
        return GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ELEMENT));
    }
};

} // namespace

GST_START_TEST(test_percentiles) {
    Rig rig;
    // Ages of 1 to 100 ms, in shuffled order.
    double slowest = 0; // milliseconds that the test itself took from drawing to reading
    for (int i = 0; i < 100; ++i) {
        const gint64 began = g_get_monotonic_time();
        rig.push(uint32_t(i), 1000 * (1 + (i * 37) % 100));
        slowest = std::max(slowest, double(g_get_monotonic_time() - began) / 1e3);
    }
    fail_unless_equals_uint64(rig.count("measured"), 100);
    const auto is_about = [&](const char *name, double ms) {
        const double got = double(rig.count(name)) / 1e6;
        fail_unless(got >= ms * 0.997 && got <= (ms + slowest) * 1.03, "%s: %g, not %g", name, got,
                    ms);
    };
    is_about("p50", 50);
    is_about("p95", 95);
    is_about("p99", 99);
    is_about("min", 1);
    is_about("max", 100);
    is_about("mean", 50.5);
    const double jitter = double(rig.count("jitter")) / 1e6;
    fail_unless(jitter > std::max(0.0, 30 - slowest) && jitter < 70 + slowest, "%g", jitter);
    const auto stats = rig.stats();
    fail_unless_equals_string(gst_structure_get_string(stats.get(), "verdict"), "ok");
    fail_unless_equals_uint64(*field<uint64_t>(stats.get(), "frame"), 99);
    fail_unless_equals_uint64(*field<uint64_t>(stats.get(), "source-id"), 1);
    fail_unless_equals_uint64(rig.count("buffers-out"), 100);
}
GST_END_TEST

GST_START_TEST(test_lost_repeated_unreadable) {
    Rig rig;
    rig.push_blank();
    for (const uint32_t frame : {10, 11, 13, 14})
        rig.push(frame);
    fail_unless_equals_uint64(rig.count("lost"), 1);
    // 15 and 16 arrived but could not be read; 17 did not arrive.
    rig.push_blank();
    rig.push_blank();
    rig.push(18);
    fail_unless_equals_uint64(rig.count("unreadable"), 3);
    fail_unless_equals_uint64(rig.count("lost"), 2);
    test::Picture picture(width, height, 100);
    test::draw(picture, {g_get_real_time(), 19, 1});
    for (int i = 0; i < 3; ++i)
        rig.push(picture);
    fail_unless_equals_uint64(rig.count("repeated"), 2);
    fail_unless_equals_uint64(rig.count("measured"), 6);
    fail_unless_equals_string(gst_structure_get_string(rig.stats().get(), "verdict"), "repeated");
    // The numbering starts anew.
    rig.push(0);
    rig.push(1);
    fail_unless_equals_uint64(rig.count("restarts"), 1);
    fail_unless_equals_uint64(rig.count("lost"), 2);
    fail_unless_equals_uint64(rig.count("frames"), 13);
    fail_unless_equals_uint64(rig.count("read"), 10);
}
GST_END_TEST

GST_START_TEST(test_frame_number_wraps) {
    Rig rig;
    for (const uint32_t frame : {UINT32_MAX - 1, UINT32_MAX, 0U, 1U, 3U})
        rig.push(frame);
    fail_unless_equals_uint64(rig.count("lost"), 1);
    fail_unless_equals_uint64(rig.count("restarts"), 0);
}
GST_END_TEST

// An implausible age is reported as a clock problem, not as a latency.
GST_START_TEST(test_clock) {
    Rig rig("interval=0");
    const auto verdict = [&](uint32_t frame, int64_t age) {
        rig.push(frame, age);
        auto message = rig.message();
        fail_unless(bool(message));
        const GstStructure *s = gst_message_get_structure(message.get());
        const std::string text = gst_structure_get_string(s, "verdict");
        if (text == "clock")
            for (const char *name : {"latency", "p50", "mean", "jitter"})
                fail_if(gst_structure_has_field(s, name), "%s", name);
        return text;
    };
    fail_unless(verdict(0, -2'000'000) == "clock"); // of the future
    fail_unless(verdict(1, 61'000'000) == "clock");
    fail_unless(verdict(2, 100'000) == "ok");
    fail_unless(verdict(3, -3'600'000'000) == "clock");
    fail_unless_equals_uint64(rig.count("clock"), 3);
    fail_unless_equals_uint64(rig.count("measured"), 1);
    // Both bounds are settings.
    g_object_set(rig.element, "tolerance", 3 * GST_SECOND, "max-latency", 65 * GST_SECOND, nullptr);
    fail_unless(verdict(4, -2'000'000) == "ok");
    fail_unless(verdict(5, 61'000'000) == "ok");
    fail_unless_equals_uint64(rig.count("min"), 0);
    fail_unless(rig.count("max") >= 61'000'000'000);
}
GST_END_TEST

// clock-offset is subtracted before anything is judged.
GST_START_TEST(test_clock_offset) {
    Rig rig("clock-offset=100000000000");
    rig.push(1, 100'250'000);
    fail_unless_equals_uint64(rig.count("clock"), 0);
    const uint64_t latency = rig.count("latency");
    fail_unless(latency >= 250'000'000 && latency < 10'000'000'000);
    rig.push(2, 250'000);
    fail_unless_equals_uint64(rig.count("clock"), 1);
    g_object_set(rig.element, "clock-offset", gint64(-100'000'000'000), nullptr);
    rig.push(3, -99'750'000);
    fail_unless_equals_uint64(rig.count("clock"), 1);
    fail_unless_equals_uint64(rig.count("measured"), 2);
}
GST_END_TEST

GST_START_TEST(test_messages) {
    Rig each("interval=0");
    for (uint32_t frame = 0; frame < 4; ++frame) {
        each.push(frame, 20'000);
        auto message = each.message();
        fail_unless(bool(message));
        const GstStructure *s = gst_message_get_structure(message.get());
        fail_unless_equals_string(gst_structure_get_name(s), "penstock-latency");
        fail_unless_equals_uint64(*field<uint64_t>(s, "frame"), frame);
        fail_unless_equals_uint64(*field<uint64_t>(s, "frames"), frame + 1);
        fail_unless(*field<uint64_t>(s, "latency") >= 20'000'000);
        fail_if(bool(each.message()));
    }
    each.push_blank();
    auto message = each.message();
    fail_unless_equals_string(
        gst_structure_get_string(gst_message_get_structure(message.get()), "verdict"),
        "unreadable");
    // One message per interval.
    Rig seldom("interval=100000000");
    const gint64 began = g_get_monotonic_time();
    gint64 taken = 0, messages = 0;
    for (uint32_t frame = 0; taken < 350'000; ++frame) {
        seldom.push(frame);
        messages += bool(seldom.message());
        taken = g_get_monotonic_time() - began;
    }
    fail_unless(messages >= 1 && messages <= taken / 100'000 + 1, "%" G_GINT64_FORMAT, messages);
}
GST_END_TEST

GST_START_TEST(test_source_id) {
    Rig rig("source-id=2");
    rig.push(1, 0, 1);
    fail_unless_equals_uint64(rig.count("unreadable"), 1);
    rig.push(7, 0, 2);
    fail_unless_equals_uint64(rig.count("read"), 1);
    // The property changes while the element runs.
    g_object_set(rig.element, "source-id", 1, nullptr);
    rig.push(8, 0, 1);
    fail_unless_equals_uint64(rig.count("read"), 2);
    fail_unless_equals_uint64(rig.count("lost"), 0);
}
GST_END_TEST

GST_START_TEST(test_passthrough) {
    Rig rig("", "I420");
    GstPtr<GstBuffer> buffer =
        GstPtr<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, width * height * 3 / 2, nullptr));
    gst_buffer_memset(buffer.get(), 0, 77, width * height * 3 / 2);
    // A shared buffer, which would have to be copied for writing.
    GstBuffer *in = GstPtr<GstBuffer>(buffer).release();
    auto out = GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(rig.h, in));
    fail_unless(out.get() == buffer.get());
}
GST_END_TEST

// From one element to the other, in each pair of formats through a converter.
GST_START_TEST(test_with_latencystamp) {
    for (const char *line :
         {"latencystamp ! latencyread",
          "latencystamp ! videoconvert ! video/x-raw,format=RGB ! "
          "latencyread",
          "videoconvert ! video/x-raw,format=BGRx ! latencystamp ! videoconvert ! "
          "video/x-raw,format=NV12 ! latencyread",
          "latencystamp ! videoscale ! video/x-raw,width=1920,height=1080 ! latencyread",
          "videoscale ! video/x-raw,width=1920,height=1080 ! latencystamp ! videoscale ! "
          "video/x-raw,width=640,height=360 ! latencyread"}) {
        GstHarness *h = gst_harness_new_parse(line);
        gst_harness_set_src_caps_str(h,
                                     "video/x-raw,format=I420,width=640,height=360,framerate=30/1");
        for (int i = 0; i < 5; ++i) {
            GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 640 * 360 * 3 / 2, nullptr);
            gst_buffer_memset(buffer, 0, guint8(60 + 10 * i), 640 * 360 * 3 / 2);
            GST_BUFFER_PTS(buffer) = GstClockTime(i) * 33'333'333;
            gst_buffer_unref(gst_harness_push_and_pull(h, buffer));
        }
        GstElement *read = gst_harness_find_element(h, "latencyread");
        GstStructure *stats = nullptr;
        g_object_get(read, "stats", &stats, nullptr);
        fail_unless_equals_uint64(*field<uint64_t>(stats, "read"), 5);
        fail_unless_equals_uint64(*field<uint64_t>(stats, "measured"), 5);
        fail_unless(*field<uint64_t>(stats, "max") < 30 * GST_SECOND);
        gst_structure_free(stats);
        gst_object_unref(read);
        gst_harness_teardown(h);
    }
}
GST_END_TEST

// After a stop and a start the statistics are reset.
GST_START_TEST(test_restart) {
    Rig rig;
    rig.push(5);
    fail_unless_equals_uint64(rig.count("frames"), 1);
    gst_element_set_state(rig.element, GST_STATE_READY);
    gst_element_set_state(rig.element, GST_STATE_PLAYING);
    fail_unless_equals_uint64(rig.count("frames"), 0);
    fail_if(gst_structure_has_field(rig.stats().get(), "p50"));
    fail_unless_equals_string(gst_structure_get_string(rig.stats().get(), "verdict"), "none");
}
GST_END_TEST

static Suite *latencyread_suite() {
    Suite *s = suite_create("latencyread");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_percentiles);
    tcase_add_test(tc, test_lost_repeated_unreadable);
    tcase_add_test(tc, test_frame_number_wraps);
    tcase_add_test(tc, test_clock);
    tcase_add_test(tc, test_clock_offset);
    tcase_add_test(tc, test_messages);
    tcase_add_test(tc, test_source_id);
    tcase_add_test(tc, test_passthrough);
    tcase_add_test(tc, test_with_latencystamp);
    tcase_add_test(tc, test_restart);
    return s;
}
GST_CHECK_MAIN(latencyread)
