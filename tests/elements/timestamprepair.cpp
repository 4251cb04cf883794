// SPDX-License-Identifier: LGPL-2.1-or-later
// timestamprepair: buffers, events, queries, pads and states. tests/unit/timing_*.cpp has what
// becomes of timestamps.
#include "gst/nonblocking.h"
#include "gst/ptr.h"

#include "check.hpp"

using namespace penstock;

namespace {

constexpr const char *h264 = "video/x-h264,stream-format=byte-stream,alignment=au";
/// With an SPS that allows two reordered frames.
constexpr const char *h264_bframes =
    "video/x-h264,stream-format=avc,alignment=au,framerate=25/1,codec_data=(buffer)"
    "0164000cffe1001a6764000cacd941419f9f01100000030010000003"
    "0320f142996001000668ebe3cb22c0fdf8f800";
constexpr GstClockTime frame = 40 * GST_MSECOND, never = GST_CLOCK_TIME_NONE;

struct HarnessTeardown {
    void operator()(GstHarness *h) const { gst_harness_teardown(h); }
};
using Harness = std::unique_ptr<GstHarness, HarnessTeardown>;

Harness harness(const char *line, const char *caps) {
    Harness h(gst_harness_new_parse(line));
    gst_harness_set_live(h.get(), FALSE);
    gst_harness_set_src_caps_str(h.get(), caps);
    return h;
}

GstBuffer *buffer_at(GstClockTime dts, GstClockTime pts, GstClockTime duration = frame) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
    GST_BUFFER_DTS(buffer) = dts;
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return buffer;
}

/// Pushes a buffer and takes what comes out.
GstPtr<GstBuffer> pass(const Harness &h, GstClockTime dts, GstClockTime pts) {
    return GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(h.get(), buffer_at(dts, pts)));
}
GstClockTime dts_of(const Harness &h, GstClockTime time) {
    return GST_BUFFER_DTS(pass(h, time, time).get());
}

/// The last event of the type that came out, dropping those before.
GstPtr<GstEvent> last_event(const Harness &h, GstEventType type) {
    GstPtr<GstEvent> found;
    while (auto event = GstPtr<GstEvent>::adopt(gst_harness_try_pull_event(h.get())))
        if (GST_EVENT_TYPE(event.get()) == type) found = event;
    return found;
}

GstPtr<GstStructure> stats_of(GstElement *element) {
    GstStructure *stats = nullptr;
    g_object_get(element, "stats", &stats, nullptr);
    return GstPtr<GstStructure>::adopt(stats);
}
guint64 number(const GstStructure *s, const char *name) {
    guint64 value = 0;
    fail_unless(gst_structure_get_uint64(s, name, &value), "no field %s", name);
    return value;
}

/// Two streams of an element, video and audio.
struct Pair {
    explicit Pair(const char *properties = "") {
        element = GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(
            gst_parse_launch((std::string("timestamprepair ") + properties).c_str(), nullptr))));
        for (const char *name : {"sink_0", "sink_1"})
            pads.push_back(
                GstPtr<GstPad>::adopt(gst_element_request_pad_simple(element.get(), name)));
        video.reset(gst_harness_new_with_element(element.get(), "sink_0", "src_0"));
        audio.reset(gst_harness_new_with_element(element.get(), "sink_1", "src_1"));
        gst_harness_set_live(video.get(), FALSE);
        gst_harness_set_live(audio.get(), FALSE);
        gst_harness_set_src_caps_str(video.get(), h264);
        gst_harness_set_src_caps_str(audio.get(), "audio/mpeg,mpegversion=4");
    }
    GstPtr<GstElement> element;
    std::vector<GstPtr<GstPad>> pads;
    Harness video, audio;
};

} // namespace

// Healthy buffers are the very same, and so are caps.
GST_START_TEST(test_untouched) {
    auto h = harness("timestamprepair", h264);
    for (GstClockTime t = 0; t < GST_SECOND; t += frame) {
        GstBuffer *in = buffer_at(t, t + 2 * frame);
        gst_buffer_ref(in);
        GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
        fail_unless(out == in);
        gst_buffer_unref(out);
        gst_buffer_unref(in);
    }
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(h->sinkpad));
    const auto same = GstPtr<GstCaps>::adopt(gst_caps_from_string(h264));
    fail_unless(gst_caps_is_equal(caps.get(), same.get()));
    auto element = GstPtr<GstElement>::adopt(gst_harness_find_element(h.get(), "timestamprepair"));
    const auto stats = stats_of(element.get());
    fail_unless_equals_uint64(number(stats.get(), "repaired"), 0);
    fail_unless_equals_uint64(number(stats.get(), "buffers-out"), 25);
    // New caps in the middle of the stream.
    gst_harness_set_src_caps_str(h.get(), "video/x-h265,stream-format=byte-stream,alignment=au");
    fail_unless_equals_uint64(dts_of(h, GST_SECOND), GST_SECOND);
}
GST_END_TEST

// Both streams move by the same offset, whichever jumps first; a message says it, once.
GST_START_TEST(test_jump) {
    Pair pair("gap=close");
    auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(pair.element.get(), bus.get());
    for (GstClockTime t = 0; t < GST_SECOND; t += frame) {
        fail_unless_equals_uint64(dts_of(pair.video, 5 * GST_SECOND + t), 5 * GST_SECOND + t);
        pass(pair.audio, never, 5 * GST_SECOND + t);
    }
    const GstClockTime v = dts_of(pair.video, 0);
    const GstClockTime a = GST_BUFFER_PTS(pass(pair.audio, never, 10 * GST_MSECOND).get());
    fail_unless_equals_uint64(v, 6 * GST_SECOND);
    fail_unless_equals_uint64(a, v + 10 * GST_MSECOND);
    // Many more within the second.
    for (int i = 0; i < 40; ++i)
        pass(pair.video, GstClockTime(40 - i) * GST_SECOND, GstClockTime(40 - i) * GST_SECOND);
    const auto stats = stats_of(pair.element.get());
    fail_unless_equals_uint64(number(stats.get(), "jumps"), 41);
    const GValue *one = gst_structure_get_value(stats.get(), "sink_0");
    fail_unless(one && number(gst_value_get_structure(one), "jumps") == 41);
    int messages = 0;
    while (auto message =
               GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ELEMENT))) {
        const GstStructure *s = gst_message_get_structure(message.get());
        if (!gst_structure_has_name(s, "penstock-timestamps")) continue;
        fail_unless_equals_string(gst_structure_get_string(s, "trouble"), "jump");
        fail_unless_equals_string(gst_structure_get_string(s, "pad"), "sink_0");
        if (messages++ == 0)
            fail_unless_equals_string(
                gst_structure_get_string(s, "text"),
                "video timestamps jumped by -6000 ms: carried on without the jump");
    }
    // On a machine that takes seconds for it there may be some more.
    fail_unless(messages >= 1 && messages < 20, "%d messages", messages);
    gst_element_set_bus(pair.element.get(), nullptr);
}
GST_END_TEST

// gap=mark: a gap event, then a discontinuous buffer. gap=close: neither.
GST_START_TEST(test_hole) {
    for (const bool close : {false, true}) {
        auto h = harness(close ? "timestamprepair gap=close" : "timestamprepair", h264);
        pass(h, 0, 0);
        last_event(h, GST_EVENT_GAP);
        const auto out = pass(h, 5 * GST_SECOND, 5 * GST_SECOND);
        const auto gap = last_event(h, GST_EVENT_GAP);
        fail_unless(GST_BUFFER_IS_DISCONT(out.get()) == !close);
        fail_unless(bool(gap) == !close);
        fail_unless_equals_uint64(GST_BUFFER_DTS(out.get()), close ? frame : 5 * GST_SECOND);
        if (!gap) continue;
        GstClockTime from = 0, duration = 0;
        gst_event_parse_gap(gap.get(), &from, &duration);
        fail_unless_equals_uint64(from, frame);
        fail_unless_equals_uint64(duration, 5 * GST_SECOND - frame);
    }
}
GST_END_TEST

// Decoding times in front of the segment's start: it gets room, and running time stays.
GST_START_TEST(test_missing_dts) {
    auto h = harness("timestamprepair", h264_bframes);
    GstClockTime previous = 0;
    for (const unsigned shown : {0, 4, 2, 1, 3, 8, 6, 5, 7}) {
        const auto out = pass(h, never, shown * frame);
        fail_unless(GST_BUFFER_DTS(out.get()) > previous);
        fail_unless(GST_BUFFER_DTS(out.get()) <= GST_BUFFER_PTS(out.get()));
        previous = GST_BUFFER_DTS(out.get());
        const auto event =
            GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(h->sinkpad, GST_EVENT_SEGMENT, 0));
        const GstSegment *segment = nullptr;
        gst_event_parse_segment(event.get(), &segment);
        fail_unless_equals_uint64(
            gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(out.get())),
            shown * frame);
        fail_unless_equals_uint64(
            gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(out.get())),
            shown * frame);
    }
}
GST_END_TEST

// What is moved behind the segment's end is not cut off there.
GST_START_TEST(test_segment_end) {
    auto h = harness("timestamprepair", h264);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.stop = 10 * GST_SECOND;
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    pass(h, 10 * GST_SECOND - frame, 10 * GST_SECOND - frame);
    const auto out = pass(h, 0, 0);
    fail_unless_equals_uint64(GST_BUFFER_DTS(out.get()), 10 * GST_SECOND);
    const auto event = last_event(h, GST_EVENT_SEGMENT);
    const GstSegment *sent = nullptr;
    gst_event_parse_segment(event.get(), &sent);
    fail_unless_equals_uint64(sent->stop, never);
}
GST_END_TEST

// Streams without time, and containers, are refused with the reason.
GST_START_TEST(test_refused) {
    auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    const auto refuses = [&](const char *caps, GstFormat format, const char *words) {
        Harness h(gst_harness_new("timestamprepair"));
        gst_element_set_bus(h->element, bus.get());
        gst_harness_push_event(h.get(), gst_event_new_stream_start("x"));
        const auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(caps));
        gst_harness_push_event(h.get(), gst_event_new_caps(wanted.get()));
        GstSegment segment;
        gst_segment_init(&segment, format);
        gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
        fail_if(gst_harness_push(h.get(), buffer_at(0, 0)) == GST_FLOW_OK);
        auto message =
            GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
        fail_unless(message, "%s", caps);
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        fail_unless(strstr(error->message, words), "%s", error->message);
        g_error_free(error);
        gst_element_set_bus(h->element, nullptr);
        gst_bus_set_flushing(bus.get(), TRUE);
        gst_bus_set_flushing(bus.get(), FALSE);
    };
    refuses("video/x-flv", GST_FORMAT_TIME, "behind its demuxer");
    refuses("video/mpegts,systemstream=true", GST_FORMAT_TIME, "behind its demuxer");
    refuses("audio/mpeg", GST_FORMAT_BYTES, "put a demuxer or a parser in front");
}
GST_END_TEST

// After a flush or a restart the past is forgotten, for both streams once.
GST_START_TEST(test_flush_and_restart) {
    Pair pair;
    dts_of(pair.video, 3600 * GST_SECOND);
    pass(pair.audio, never, 3600 * GST_SECOND);
    GstEvent *stop = gst_event_new_flush_stop(TRUE);
    const guint32 seqnum = gst_event_get_seqnum(stop);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(pair.video.get(), gst_event_new_flush_start());
    gst_harness_push_event(pair.video.get(), stop);
    gst_harness_push_event(pair.video.get(), gst_event_new_segment(&segment));
    fail_unless_equals_uint64(dts_of(pair.video, GST_SECOND), GST_SECOND);
    stop = gst_event_new_flush_stop(TRUE);
    gst_event_set_seqnum(stop, seqnum);
    gst_harness_push_event(pair.audio.get(), gst_event_new_flush_start());
    gst_harness_push_event(pair.audio.get(), stop);
    gst_harness_push_event(pair.audio.get(), gst_event_new_segment(&segment));
    fail_unless_equals_uint64(GST_BUFFER_PTS(pass(pair.audio, never, GST_SECOND).get()),
                              GST_SECOND);
    fail_unless_equals_uint64(dts_of(pair.video, 0), GST_SECOND + frame);
    const auto stats = stats_of(pair.element.get());
    fail_unless_equals_uint64(number(stats.get(), "jumps"), 1);

    auto h = harness("timestamprepair", h264);
    dts_of(h, 3600 * GST_SECOND);
    gst_element_set_state(h->element, GST_STATE_READY);
    gst_element_set_state(h->element, GST_STATE_PLAYING);
    gst_harness_push_event(h.get(), gst_event_new_stream_start("y"));
    gst_harness_set_src_caps_str(h.get(), h264);
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    fail_unless_equals_uint64(dts_of(h, 0), 0);
}
GST_END_TEST

// Other rates than 1 pass as they are; so do EOS and headers without time.
GST_START_TEST(test_passes) {
    auto h = harness("timestamprepair", h264);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = -1;
    segment.stop = 10 * GST_SECOND;
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    for (const GstClockTime t : {9 * GST_SECOND, 4 * GST_SECOND})
        fail_unless_equals_uint64(dts_of(h, t), t);
    GstBuffer *header = buffer_at(never, never, never);
    GST_BUFFER_FLAG_SET(header, GST_BUFFER_FLAG_HEADER);
    auto out = GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(h.get(), header));
    fail_unless(!GST_BUFFER_PTS_IS_VALID(out.get()));
    gst_harness_push_event(h.get(), gst_event_new_eos());
    fail_unless(last_event(h, GST_EVENT_EOS));
}
GST_END_TEST

// Nothing is held back: the latency is upstream's. A push blocks only if one behind it does.
GST_START_TEST(test_queries) {
    auto h = harness("timestamprepair", h264);
    gst_harness_set_live(h.get(), TRUE);
    gst_harness_set_upstream_latency(h.get(), 70 * GST_MSECOND);
    fail_unless_equals_uint64(gst_harness_query_latency(h.get()), 70 * GST_MSECOND);
    const auto src = GstPtr<GstPad>::adopt(gst_element_get_static_pad(h->element, "sink"));
    auto query = GstPtr<GstQuery>::adopt(
        gst_query_new_custom(GST_QUERY_CUSTOM, gst_structure_new_empty("penstock-nonblocking")));
    fail_unless(gst_pad_query(src.get(), query.get()));
    gboolean yes = TRUE;
    fail_unless(
        gst_structure_get_boolean(gst_query_get_structure(query.get()), "nonblocking", &yes));
    fail_unless(!yes);
}
GST_END_TEST

// A rate that no camera has is not counted with.
GST_START_TEST(test_absurd_rates) {
    for (const char *rate : {"1/2147483647", "2147483647/1", "1/3601", "1001/1"}) {
        const std::string caps = std::string(h264) + ",framerate=" + rate;
        const Harness h = harness("timestamprepair", caps.c_str());
        GstClockTime last = dts_of(h, 0);
        fail_unless_equals_uint64(last, 0);
        for (unsigned i = 1; i < 50; ++i) { // the first half has times
            const GstClockTime at = dts_of(h, i < 25 ? i * frame : never);
            fail_unless(at > last && at - last <= GST_SECOND, "%s: %" GST_TIME_FORMAT, rate,
                        GST_TIME_ARGS(at));
            last = at;
        }
    }
}
GST_END_TEST

// Pads come and go in pairs, also while the others run.
GST_START_TEST(test_pads) {
    Pair pair;
    auto first_pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(pair.element.get(), "src_0"));
    fail_unless(first_pad);
    auto more =
        GstPtr<GstPad>::adopt(gst_element_request_pad_simple(pair.element.get(), "sink_%u"));
    fail_unless_equals_string(GST_PAD_NAME(more.get()), "sink_2");
    auto behind = GstPtr<GstPad>::adopt(gst_element_get_static_pad(pair.element.get(), "src_2"));
    fail_unless(behind && GST_PAD_IS_ACTIVE(behind.get()));
    dts_of(pair.video, 0);
    gst_element_release_request_pad(pair.element.get(), more.get());
    fail_if(gst_element_get_static_pad(pair.element.get(), "src_2"));
    fail_unless_equals_uint64(dts_of(pair.video, frame), frame);
}
GST_END_TEST

static Suite *timestamprepair_suite() {
    Suite *s = suite_create("timestamprepair");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_untouched);
    tcase_add_test(tc, test_jump);
    tcase_add_test(tc, test_hole);
    tcase_add_test(tc, test_missing_dts);
    tcase_add_test(tc, test_segment_end);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_flush_and_restart);
    tcase_add_test(tc, test_passes);
    tcase_add_test(tc, test_queries);
    tcase_add_test(tc, test_absurd_rates);
    tcase_add_test(tc, test_pads);
    return s;
}
GST_CHECK_MAIN(timestamprepair)
