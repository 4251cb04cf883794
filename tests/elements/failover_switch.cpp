// SPDX-License-Identifier: LGPL-2.1-or-later
// failover in a harness: who is on air, and that what comes out is one stream.
#include "elements/failover_rig.hpp"

using namespace failover_rig;

// An encoded stream: the backup is held back, follows with a keyframe, and gives way with one.
GST_START_TEST(test_frames) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 1000);
    rig.frame(1, true, 1000);
    rig.frame(0, false, 1040);
    rig.frame(1, false, 1040);
    fail_unless_equals_string(rig.out().c_str(), "D0K 0b");
    fail_unless_equals_string(rig.active().c_str(), "sink_0");
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    fail_unless_equals_string(rig.active().c_str(), "");
    // Of its running GOP the beginning is older than what was shown.
    rig.frame(1, false, 1080);
    fail_unless_equals_string(rig.out().c_str(), "");
    rig.frame(1, true, 1020); // late, as an encoder's are
    rig.frame(1, false, 1060);
    const auto buffers = rig.pull();
    fail_unless_equals_int(int(buffers.size()), 2);
    fail_unless(GST_BUFFER_IS_DISCONT(buffers[0].get()));
    fail_unless_equals_uint64(GST_BUFFER_DTS(buffers[0].get()), 1041 * GST_MSECOND);
    fail_unless_equals_uint64(GST_BUFFER_DTS(buffers[1].get()), 1081 * GST_MSECOND);
    // The primary begins again.
    gst_harness_push_event(rig.inputs[0], gst_event_new_stream_start("again"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(rig.inputs[0], gst_event_new_segment(&segment));
    rig.frame(0, false, 2000);
    rig.frame(1, false, 2000);
    rig.frame(0, true, 2040);
    rig.frame(1, false, 2040);
    fail_unless_equals_string(rig.out().c_str(), "1b D0K");
    // One stream all the time: each event once.
    fail_unless(rig.events() == std::vector<GstEventType>(
                                    {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT}));
    for (const char *pad : {"sink_0", "sink_1", "sink_0"}) {
        const auto message = rig.message(GST_MESSAGE_ELEMENT);
        fail_unless(message && gst_message_has_name(message.get(), "penstock-failover"));
        fail_unless_equals_string(
            gst_structure_get_string(gst_message_get_structure(message.get()), "pad"), pad);
    }
}
GST_END_TEST

// Another configuration comes with its caps, the same one without.
GST_START_TEST(test_caps) {
    Rig rig(2);
    rig.caps(0, avc_caps);
    rig.caps(1, other_avc_caps);
    rig.frame(0, true, 0);
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, true, 40);
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K");
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_CAPS}));
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(rig.inputs[0]->sinkpad));
    int width = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "width", &width);
    fail_unless_equals_int(width, 640);
}
GST_END_TEST

// One that stays silent: what was held back since is shown from its keyframe on. No clock is waited
// for: the other sends until it is on air.
GST_START_TEST(test_silence) {
    Rig rig(2, 300 * GST_MSECOND);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    rig.frame(1, false, 10);
    rig.frame(1, true, 20);
    const auto deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    guint64 ms = 30;
    while (rig.active() != "sink_1") {
        fail_unless(g_get_monotonic_time() < deadline, "it never took over");
        rig.frame(1, false, ms += 10);
        g_usleep(5'000);
    }
    const std::string out = rig.out();
    fail_unless(out.starts_with("D0K D1K 1b 1b"), "%s", out.c_str());
    fail_unless_equals_int(int(rig.last / GST_MSECOND), int(ms));
}
GST_END_TEST

// FLV: configuration again at each change, the file's header once, and nobody's tags mixed.
GST_START_TEST(test_flv) {
    Rig rig(2);
    rig.all_caps("video/x-flv");
    for (size_t i = 0; i < 2; ++i) {
        rig.tag(i, samples::video_config(0, i == 0 ? samples::sps : samples::other_sps), 0);
        rig.tag(i, samples::audio_config(), 0);
    }
    rig.tag(0, samples::video_frame(0, true), 5000);
    for (uint32_t ms = 0; ms <= 80; ms += 40)
        rig.tag(1, samples::video_frame(770'000 + ms, ms == 0), 5000 + ms);
    rig.tag(0, samples::audio_frame(90), 5090);
    auto begun = rig.pull();
    // File header, both configurations, two frames.
    fail_unless_equals_int(int(begun.size()), 5);
    fail_unless_equals_int(text_of(begun[0].get())[0], 'F');
    for (int i = 0; i < 3; ++i)
        fail_unless(GST_BUFFER_FLAG_IS_SET(begun[i].get(), GST_BUFFER_FLAG_HEADER));
    fail_unless(GST_BUFFER_IS_DISCONT(begun[3].get()));
    fail_unless_equals_uint64(GST_BUFFER_PTS(begun[4].get()), 5090 * GST_MSECOND);
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.tag(1, samples::audio_frame(770'100), 5100);
    rig.tag(1, samples::video_frame(770'120, false), 5120);
    // Both configurations; the running GOP, whose beginning is older than what was shown, folded
    // into milliseconds; what came since.
    const auto next = rig.pull();
    fail_unless_equals_int(int(next.size()), 7);
    for (int i = 0; i < 2; ++i) {
        const KnownTag *known = known_tag(next[i].get());
        fail_unless(GST_BUFFER_FLAG_IS_SET(next[i].get(), GST_BUFFER_FLAG_HEADER));
        fail_unless(known && known->tag.kind == flv::TagKind::config);
    }
    for (uint32_t i = 0; i < 3; ++i) {
        const KnownTag *known = known_tag(next[2 + i].get());
        fail_unless(known);
        fail_unless_equals_int(int(known->tag.kind),
                               int(i == 0 ? flv::TagKind::keyframe : flv::TagKind::frame));
        fail_unless_equals_int(GST_BUFFER_IS_DISCONT(next[2 + i].get()), i == 0);
        fail_unless_equals_int(int(known->tag.timestamp), int(770'078 + i));
        fail_unless_equals_uint64(GST_BUFFER_PTS(next[2 + i].get()), (5091 + i) * GST_MSECOND);
    }
    fail_unless_equals_uint64(GST_BUFFER_PTS(next[6].get()), (5120 + 13) * GST_MSECOND);
    // A new configuration of the one on air passes.
    rig.tag(1, samples::video_config(0, samples::sps), 5080);
    fail_unless_equals_int(int(rig.pull().size()), 1);
}
GST_END_TEST

// A slate without audio is none for a stream that has it: said in advance, and not used.
GST_START_TEST(test_other_tracks) {
    Rig rig(2);
    rig.all_caps("video/x-flv");
    rig.tag(0, samples::video_config(), 0);
    rig.tag(0, samples::audio_config(), 0);
    rig.tag(1, samples::video_config(), 0);
    rig.tag(0, samples::video_frame(0, true), 0);
    rig.tag(0, samples::audio_frame(0), 0);
    for (uint32_t ms = 0; ms < 200; ms += 40)
        rig.tag(1, samples::video_frame(ms, true), ms);
    const auto warning = rig.message(GST_MESSAGE_WARNING);
    fail_unless(warning);
    GError *error = nullptr;
    gst_message_parse_warning(warning.get(), &error, nullptr);
    fail_unless(
        g_str_has_prefix(error->message, "sink_1 has avc1 alone, the stream has avc1 with mp4a"),
        "%s", error->message);
    g_error_free(error);
    (void)rig.pull();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.tag(1, samples::audio_config(), 200);
    rig.tag(1, samples::audio_frame(200), 200);
    rig.tag(1, samples::video_frame(240, true), 240);
    fail_unless(rig.active() == "sink_1", "with audio it is one");
    fail_if(rig.message(GST_MESSAGE_WARNING), "it is said once");
}
GST_END_TEST

// An encoder upstream is asked for the keyframe, once.
GST_START_TEST(test_asks_for_a_keyframe) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    const auto asked = [&] {
        int count = 0;
        while (GstEvent *event = gst_harness_try_pull_upstream_event(rig.inputs[1])) {
            count += gst_event_has_name(event, "GstForceKeyUnit");
            gst_event_unref(event);
        }
        return count;
    };
    rig.frame(0, true, 0);
    rig.frame(1, true, 0);
    rig.frame(1, false, 40);
    rig.frame(0, false, 40);
    fail_unless_equals_int(asked(), 0);
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, false, 80);
    rig.frame(1, false, 120);
    fail_unless_equals_int(asked(), 1);
    rig.frame(1, true, 160);
    rig.frame(1, false, 200);
    fail_unless_equals_int(asked(), 0);
}
GST_END_TEST

// A source that goes on without its publisher says so: nobody waits for the timeout.
GST_START_TEST(test_publisher_gone) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    rig.frame(1, true, 0);
    gst_harness_push_event(
        rig.inputs[0], gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                            gst_structure_new_empty("penstock-publisher-gone")));
    rig.frame(1, true, 40);
    rig.frame(0, true, 80); // and it is back
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K D0K");
}
GST_END_TEST

GST_START_TEST(test_pads) {
    Rig rig(2);
    fail_if(gst_element_request_pad_simple(rig.element, "sink_16"), "too many");
    auto any = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_%u"));
    fail_unless(any);
    fail_unless_equals_string(GST_PAD_NAME(any.get()), "sink_2");
    gst_element_release_request_pad(rig.element, any.get());
    // One that goes while it is on air.
    auto third = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_2"));
    fail_unless(third);
    gst_element_release_request_pad(rig.element, third.get());
    for (const char *property : {"timeout", "return-after"}) {
        guint64 kept = 0;
        g_object_set(rig.element, property, guint64(7 * GST_SECOND), nullptr);
        g_object_get(rig.element, property, &kept, nullptr);
        fail_unless_equals_uint64(kept, 7 * GST_SECOND);
    }
    GstStructure *stats = nullptr;
    g_object_get(rig.element, "stats", &stats, nullptr);
    const auto owned = GstPtr<GstStructure>::adopt(stats);
    gint active = 0;
    fail_unless(gst_structure_get_int(stats, "active", &active));
    fail_unless_equals_int(active, -1);
}
GST_END_TEST

// Threads push at the same time, and one of them is stuck downstream: the other is not.
GST_START_TEST(test_threads) {
    Rig rig(2, 100 * GST_MSECOND);
    rig.all_caps(avc_caps);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 2; ++i)
        threads.emplace_back([&, i] {
            for (guint64 n = 0; n < 2'000; ++n)
                rig.frame(i, n % 10 == 0, n);
        });
    for (std::thread &thread : threads)
        thread.join();
    // Time went on, and each keyframe that begins something is marked.
    std::string before;
    for (const auto &buffer : rig.pull()) {
        const std::string text = text_of(buffer.get());
        if (!before.empty() && before[0] != text[0])
            fail_unless(text[1] == 'K' && GST_BUFFER_IS_DISCONT(buffer.get()));
        before = text;
    }
}
GST_END_TEST

static Suite *failover_switch_suite() {
    Suite *s = suite_create("failover_switch");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_frames);
    tcase_add_test(tc, test_caps);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_other_tracks);
    tcase_add_test(tc, test_asks_for_a_keyframe);
    tcase_add_test(tc, test_publisher_gone);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_threads);
    return s;
}
GST_CHECK_MAIN(failover_switch)
