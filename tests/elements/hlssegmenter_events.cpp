// SPDX-License-Identifier: LGPL-2.1-or-later
// Splice events and date ranges of an hlssegmenter: in the playlist, at the segments' borders, and
// upstream, where an encoder makes keyframes.
#include "elements/hls_bench.hpp"
#include "unit/hls_conformance.hpp"
#include "unit/scte35_rig.hpp"

#include <gst/video/video-event.h>

namespace {

GstEvent *splice_event(const Bytes &section, GstClockTime time, bool as_text = false) {
    GstStructure *s = gst_structure_new_empty("penstock-scte35");
    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_structure_set(s, "running-time", G_TYPE_UINT64, guint64(time), nullptr);
    if (as_text) {
        gchar *text = g_base64_encode(section.data(), section.size());
        gst_structure_set(s, "data", G_TYPE_STRING, text, nullptr);
        g_free(text);
    } else {
        GBytes *bytes = g_bytes_new(section.data(), section.size());
        gst_structure_set(s, "data", G_TYPE_BYTES, bytes, nullptr);
        g_bytes_unref(bytes);
    }
    return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s);
}

std::string text_of(const Place &place) {
    std::ifstream in(place.path / "index.m3u8");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The running times of the keyframes that were asked for upstream.
std::vector<GstClockTime> wanted_keyframes(GstHarness *harness) {
    std::vector<GstClockTime> times;
    while (GstEvent *event = gst_harness_try_pull_upstream_event(harness)) {
        GstClockTime time = GST_CLOCK_TIME_NONE;
        if (gst_video_event_is_force_key_unit(event) &&
            gst_video_event_parse_upstream_force_key_unit(event, &time, nullptr, nullptr))
            times.push_back(time);
        gst_event_unref(event);
    }
    return times;
}

} // namespace

GST_START_TEST(test_splices) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    for (GstHarness *harness : {bench.video, bench.audio})
        gst_harness_set_live(harness, FALSE); // it is faster than the clock, and dates go on
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 2000);
    using rig::Insert;
    fail_unless(gst_harness_push_event(
        bench.video,
        splice_event(rig::section_of(Insert{.event = 8, .time = 1, .duration = 900'000}),
                     4 * GST_SECOND)));
    // tsdemux sends an event on each of its pads.
    GstEvent *again = splice_event(rig::section_of(Insert{.event = 8, .is_out = false, .time = 2}),
                                   8 * GST_SECOND, true);
    for (GstHarness *harness : {bench.video, bench.audio})
        fail_unless(gst_harness_push_event(harness, gst_event_ref(again)));
    gst_event_unref(again);
    const std::vector<GstClockTime> expected{4 * GST_SECOND, 8 * GST_SECOND};
    fail_unless(wanted_keyframes(bench.video) == expected);
    bench.push(2000, 9000);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
    fail_unless(gst_harness_push_event(bench.audio, gst_event_new_eos()));
    const std::string text = text_of(place);
    conformance::Checker checker;
    checker.see(text);
    fail_unless(checker.problems.empty(), "%s\n%s", checker.text().c_str(), text.c_str());
    const auto list = conformance::read(text);
    fail_unless(list.ranges.size() == 2, "%s", text.c_str());
    fail_unless(list.ranges[0].at("PLANNED-DURATION") == "10.000000" &&
                    list.ranges[1].at("DURATION") == "4.000000",
                "%s", text.c_str());
    // The segment that begins at 4 s has the date of the splice.
    fail_unless(list.segments.at(2).date == list.ranges[0].at("START-DATE"), "%s", text.c_str());
    fail_unless(list.segments.at(4).date == list.ranges[1].at("END-DATE"), "%s", text.c_str());
    fail_unless(!bench.has_message(GST_MESSAGE_WARNING));
}
GST_END_TEST

// A break that has begun is not undone.
GST_START_TEST(test_cancelled_too_late) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    gst_harness_set_live(bench.video, FALSE);
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 1000);
    using rig::Insert;
    const auto send = [&](const Insert &insert, GstClockTime time) {
        fail_unless(
            gst_harness_push_event(bench.video, splice_event(rig::section_of(insert), time)));
    };
    send({.event = 8, .time = 1}, 2 * GST_SECOND);
    send({.event = 9, .time = 2}, 30 * GST_SECOND);
    bench.push(1000, 7000);
    send({.event = 8, .is_cancelled = true}, GST_CLOCK_TIME_NONE);
    send({.event = 9, .is_cancelled = true}, GST_CLOCK_TIME_NONE);
    // A gap is the occasion for segments, and finds none.
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_gap(7 * GST_SECOND, 0)));
    bench.push(7000, 11'000);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
    const std::string text = text_of(place);
    const auto list = conformance::read(text);
    fail_unless(list.ranges.size() == 1, "%s", text.c_str());
    fail_unless(list.segments.at(1).date == list.ranges[0].at("START-DATE"), "%s", text.c_str());
}
GST_END_TEST

GST_START_TEST(test_sent_to_the_element) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 3000);
    const auto send = [&](gboolean end, guint64 time) {
        GstStructure *s =
            gst_structure_new("penstock-date-range", "id", G_TYPE_STRING, "goal", "class",
                              G_TYPE_STRING, "org.example.sport", "running-time", G_TYPE_UINT64,
                              time, "end", G_TYPE_BOOLEAN, end, nullptr);
        if (!end) gst_structure_set(s, "X-TEAM", G_TYPE_STRING, "red", nullptr);
        return gst_element_send_event(bench.element,
                                      gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s));
    };
    fail_unless(send(FALSE, 3 * GST_SECOND));
    fail_unless(send(TRUE, 5 * GST_SECOND));
    fail_unless(!bench.has_message(GST_MESSAGE_WARNING));
    // Broken ones are said to be.
    const Bytes broken = Bytes::copy_of(std::string_view("\xFC\x30\x11"));
    gst_element_send_event(bench.element, splice_event(broken, GST_CLOCK_TIME_NONE));
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    bench.push(3000, 9000);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
    const auto list = conformance::read(text_of(place));
    fail_unless(list.ranges.size() == 2 && list.ranges[0].at("X-TEAM") == "red" &&
                list.ranges[1].at("DURATION") == "2.000000");
}
GST_END_TEST

static Suite *hlssegmenter_events_suite() {
    Suite *s = suite_create("hlssegmenter_events");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_splices);
    tcase_add_test(tc, test_cancelled_too_late);
    tcase_add_test(tc, test_sent_to_the_element);
    return s;
}
GST_CHECK_MAIN(hlssegmenter_events)
