// SPDX-License-Identifier: LGPL-2.1-or-later
// failover: events and queries of its inputs.
#include "elements/failover_rig.hpp"

using namespace failover_rig;

// The end comes with the last input's; a state change begins anew.
GST_START_TEST(test_end) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    for (size_t i = 0; i < 2; ++i) {
        const auto events = rig.events();
        fail_unless(std::find(events.begin(), events.end(), GST_EVENT_EOS) == events.end());
        gst_harness_push_event(rig.inputs[i], gst_event_new_eos());
    }
    const auto events = rig.events();
    fail_unless(std::find(events.begin(), events.end(), GST_EVENT_EOS) != events.end());
    fail_unless_equals_int(gst_element_set_state(rig.element, GST_STATE_READY),
                           GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state(rig.element, GST_STATE_PLAYING);
    fail_unless_equals_string(rig.active().c_str(), "");
}
GST_END_TEST

// An input that begins again after the end begins another stream, at a later time.
GST_START_TEST(test_after_the_end) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    for (GstHarness *input : rig.inputs)
        gst_harness_push_event(input, gst_event_new_eos());
    const std::vector<GstEventType> begun = {GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                             GST_EVENT_SEGMENT};
    std::vector<GstEventType> ended = begun;
    ended.push_back(GST_EVENT_EOS);
    fail_unless(rig.events() == ended);
    gst_harness_push_event(rig.inputs[1], gst_event_new_stream_start("again"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(rig.inputs[1], gst_event_new_segment(&segment));
    rig.frame(1, true, 40);
    fail_unless(rig.events() == begun);
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K");
    gst_harness_push_event(rig.inputs[1], gst_event_new_eos());
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_EOS}));
}
GST_END_TEST

// The last one that sends is released, while another has ended: that is the end.
GST_START_TEST(test_last_one_is_released) {
    Rig rig(1);
    rig.all_caps(avc_caps);
    auto second = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_1"));
    rig.frame(0, true, 0);
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    fail_unless(rig.events().empty());
    gst_element_release_request_pad(rig.element, second.get());
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_EOS}));
    second = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_1"));
    gst_element_release_request_pad(rig.element, second.get());
    fail_unless(rig.events().empty(), "it had nothing to end");
}
GST_END_TEST

// A flush of the one on air reaches downstream; that of another does not.
GST_START_TEST(test_flush) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    (void)rig.events();
    const auto flush = [&](size_t i) {
        gst_harness_push_event(rig.inputs[i], gst_event_new_flush_start());
        gst_harness_push_event(rig.inputs[i], gst_event_new_flush_stop(TRUE));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_harness_push_event(rig.inputs[i], gst_event_new_segment(&segment));
    };
    flush(1);
    fail_unless(rig.events().empty());
    flush(0);
    fail_unless(rig.events() ==
                std::vector<GstEventType>({GST_EVENT_FLUSH_START, GST_EVENT_FLUSH_STOP}));
    rig.frame(0, true, 40);
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_SEGMENT}));
    fail_unless_equals_string(rig.out().c_str(), "D0K D0K");
}
GST_END_TEST

// One that fails while it flushes: the other waits for the end of it, and does not cut it off.
GST_START_TEST(test_failure_amid_a_flush) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    gst_harness_push_event(
        rig.inputs[0], gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                            gst_structure_new_empty("penstock-publisher-gone")));
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_flush_start());
    rig.frame(1, true, 40);
    fail_unless_equals_string(rig.active().c_str(), "sink_0");
    gst_harness_push_event(rig.inputs[0], gst_event_new_flush_stop(TRUE));
    fail_unless(rig.events() ==
                std::vector<GstEventType>({GST_EVENT_FLUSH_START, GST_EVENT_FLUSH_STOP}));
    rig.frame(1, false, 80);
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_SEGMENT}));
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K 1b");
}
GST_END_TEST

// Enough for every input that knows its latency; possible whatever the others could bear.
GST_START_TEST(test_latency) {
    Rig rig(2);
    const auto ask = [&](gboolean &live, GstClockTime &min, GstClockTime &max) {
        const auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        const auto src = GstPtr<GstPad>::adopt(gst_element_get_static_pad(rig.element, "src"));
        const bool known = gst_pad_query(src.get(), query.get());
        gst_query_parse_latency(query.get(), &live, &min, &max);
        return known;
    };
    gboolean live;
    GstClockTime min, max;
    const auto refuse = [](GstPad *, GstObject *, GstQuery *) -> gboolean { return FALSE; };
    const auto slow = [](GstPad *, GstObject *, GstQuery *query) -> gboolean {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return FALSE;
        gst_query_set_latency(query, TRUE, 500 * GST_MSECOND, GST_CLOCK_TIME_NONE);
        return TRUE;
    };
    const auto strict = [](GstPad *, GstObject *, GstQuery *query) -> gboolean {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return FALSE;
        gst_query_set_latency(query, TRUE, 20 * GST_MSECOND, 100 * GST_MSECOND);
        return TRUE;
    };
    gst_pad_set_query_function(rig.inputs[0]->srcpad, refuse);
    gst_pad_set_query_function(rig.inputs[1]->srcpad, strict);
    fail_unless(ask(live, min, max));
    fail_unless(live);
    fail_unless_equals_uint64(min, 20 * GST_MSECOND);
    fail_unless_equals_uint64(max, 100 * GST_MSECOND);
    gst_pad_set_query_function(rig.inputs[0]->srcpad, slow);
    fail_unless(ask(live, min, max));
    fail_unless_equals_uint64(min, 500 * GST_MSECOND);
    fail_unless_equals_uint64(max, 500 * GST_MSECOND);
    gst_pad_set_query_function(rig.inputs[0]->srcpad, refuse);
    gst_pad_set_query_function(rig.inputs[1]->srcpad, refuse);
    fail_if(ask(live, min, max));
}
GST_END_TEST

// Tags of one that is not on air come when it is.
GST_START_TEST(test_tags) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    for (size_t i = 0; i < 2; ++i) {
        const std::string title = "title " + std::to_string(i);
        gst_harness_push_event(rig.inputs[i], gst_event_new_tag(gst_tag_list_new(
                                                  GST_TAG_TITLE, title.c_str(), nullptr)));
        gst_harness_push_event(
            rig.inputs[i],
            gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                                 gst_structure_new_empty(("own-" + std::to_string(i)).c_str())));
    }
    const auto told = [&] {
        std::string text;
        while (GstEvent *raw = gst_harness_try_pull_event(rig.inputs[0])) {
            const auto event = GstPtr<GstEvent>::adopt(raw);
            if (GST_EVENT_TYPE(raw) == GST_EVENT_TAG) {
                GstTagList *tags;
                gst_event_parse_tag(raw, &tags);
                gchar *title = nullptr;
                gst_tag_list_get_string(tags, GST_TAG_TITLE, &title);
                text += std::string(GOwned<>(title).get()) + ";";
            } else if (GST_EVENT_TYPE(raw) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
                text += std::string(gst_structure_get_name(gst_event_get_structure(raw))) + ";";
            }
        }
        return text;
    };
    rig.frame(0, true, 0);
    fail_unless_equals_string(told().c_str(), "title 0;own-0;");
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, true, 40);
    fail_unless_equals_string(told().c_str(), "title 1;own-1;");
    gst_harness_push_event(rig.inputs[1],
                           gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "new", nullptr)));
    fail_unless_equals_string(told().c_str(), "new;");
}
GST_END_TEST

static Suite *failover_events_suite() {
    Suite *s = suite_create("failover_events");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_end);
    tcase_add_test(tc, test_after_the_end);
    tcase_add_test(tc, test_last_one_is_released);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_failure_amid_a_flush);
    tcase_add_test(tc, test_latency);
    tcase_add_test(tc, test_tags);
    return s;
}
GST_CHECK_MAIN(failover_events)
