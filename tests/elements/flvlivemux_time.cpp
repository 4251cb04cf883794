// SPDX-License-Identifier: LGPL-2.1-or-later
// flvlivemux: how it interleaves pads and when it stops waiting for one, and the timestamps of
// tags.
#include "elements/flvlivemux_rig.hpp"

using namespace mux_test;

// A pad that never gets caps delays the others by a second of media, or until it gets EOS.
GST_START_TEST(test_silent_pad) {
    Rig rig;
    rig.begin(rig.video, h264_caps());
    for (unsigned i = 0; i < 24; ++i)
        rig.push_video(i * 40 * GST_MSECOND, i == 0);
    fail_unless_equals_int(rig.frames().size(), 0);
    for (unsigned i = 24; i < 50; ++i)
        fail_unless_equals_int(rig.push_video(i * 40 * GST_MSECOND, false), GST_FLOW_OK);
    rig.wait_frames(50);
    fail_unless_equals_int(rig.stream_headers(), 3);

    // The stream comes after all: its configuration follows within the output.
    rig.forget();
    rig.begin(rig.audio, aac_caps());
    rig.push_audio(2000 * GST_MSECOND);
    rig.push_video(2000 * GST_MSECOND, true);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    fail_unless_equals_int(rig.stream_headers(), 4);
    const auto outs = rig.outs();
    const auto config = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::config && o.tag->type == flv::TagType::audio;
    });
    const auto frame = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::audio;
    });
    fail_unless(config < frame && frame != outs.end());
    fail_unless(config->is(GST_BUFFER_FLAG_HEADER));
}
GST_END_TEST

GST_START_TEST(test_silent_pad_at_eos) {
    Rig rig;
    rig.begin(rig.video, h264_caps());
    for (unsigned i = 0; i < 30; ++i)
        rig.push_video(i * 40 * GST_MSECOND, i == 0);
    rig.end(rig.video);
    rig.wait_eos();
    fail_unless_equals_int(rig.frames().size(), 30);

    // Both pads end without data: there is only an EOS.
    Rig empty;
    rig.forget();
    for (GstPad *pad : {empty.video, empty.audio}) {
        gst_pad_push_event(pad, gst_event_new_stream_start("x"));
        empty.end(pad);
    }
    empty.wait_eos();

    // Shorter than the wait: the output ends with the other pad's EOS.
    Rig brief;
    brief.begin(brief.video, h264_caps());
    brief.push_video(0, true);
    brief.end(brief.video);
    gst_pad_push_event(brief.audio, gst_event_new_stream_start("x"));
    brief.end(brief.audio);
    brief.wait_eos();
    fail_unless_equals_int(brief.frames().size(), 1);
}
GST_END_TEST

GST_START_TEST(test_unlinked_pad) {
    Rig rig;
    gst_pad_unlink(rig.audio, GstPtr<GstPad>::adopt(gst_pad_get_peer(rig.audio)).get());
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    rig.wait_frames(1);
}
GST_END_TEST

// A GAP says that no data comes before its end: the muxer does not wait for the pad up to there.
GST_START_TEST(test_gap) {
    Rig rig;
    rig.begin_both();
    rig.push_audio(0);
    rig.push_video(0, true);
    gst_pad_push_event(rig.audio, gst_event_new_gap(23 * GST_MSECOND, 100 * GST_MSECOND));
    for (unsigned i = 1; i < 6; ++i)
        rig.push_video(i * 40 * GST_MSECOND, false);
    // Frames up to 120 ms are sent; audio may still precede the frame at 160 ms.
    rig.wait_frames(5);
    gst_pad_push_event(rig.audio, gst_event_new_gap(123 * GST_MSECOND, GST_CLOCK_TIME_NONE));
    rig.push_audio(130 * GST_MSECOND);
    rig.end(rig.audio);
    rig.end(rig.video);
    rig.wait_eos();
    std::vector<uint32_t> times;
    for (const Out &out : rig.frames())
        times.push_back(out.tag->timestamp);
    const std::vector<uint32_t> expected{0, 0, 40, 80, 120, 130, 160, 200};
    fail_unless(times == expected);
}
GST_END_TEST

// With interleave=false a frame goes out though earlier ones of the other pad may come.
GST_START_TEST(test_no_interleave) {
    Rig rig;
    g_object_set(rig.element, "interleave", FALSE, nullptr);
    rig.begin_both();
    rig.push_video(0, true);
    for (unsigned i = 1; i < 4; ++i) {
        rig.push_video(i * 40 * GST_MSECOND, false);
        rig.wait_frames(i + 1);
    }
    rig.push_audio(0);
    rig.wait_frames(5);
    rig.push_video(160 * GST_MSECOND, false);
    rig.wait_frames(6);
    rig.push_audio(23 * GST_MSECOND);
    rig.wait_frames(7);
    std::vector<uint32_t> times;
    for (const Out &out : rig.frames())
        times.push_back(out.tag->timestamp);
    const std::vector<uint32_t> expected{0, 40, 80, 120, 0, 160, 23};
    fail_unless(times == expected);
    gboolean interleave = TRUE;
    g_object_get(rig.element, "interleave", &interleave, nullptr);
    fail_if(interleave);
}
GST_END_TEST

GST_START_TEST(test_one_thread) {
    // Both pads are fed from one thread, as by a demuxer without queues, in blocks of half a
    // second.
    Rig rig;
    rig.begin_both();
    unsigned video = 0, audio = 0;
    for (unsigned lump = 1; lump <= 20; ++lump) {
        for (; video * 40 < lump * 500; ++video)
            fail_unless_equals_int(rig.push_video(video * 40 * GST_MSECOND, video % 25 == 0),
                                   GST_FLOW_OK);
        for (; audio * 23 < lump * 500; ++audio)
            fail_unless_equals_int(rig.push_audio(audio * 23 * GST_MSECOND), GST_FLOW_OK);
    }
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames.size(), video + audio);
    uint32_t last = 0;
    for (const Out &out : frames) {
        fail_unless(out.tag->timestamp >= last, "%u after %u", out.tag->timestamp, last);
        last = out.tag->timestamp;
    }
}
GST_END_TEST

GST_START_TEST(test_negative_dts) {
    // As with x264enc: the segment begins after the first DTS.
    Rig rig;
    const GstClockTime base = 1000 * GST_SECOND;
    rig.begin(rig.video, h264_caps(), base);
    rig.begin(rig.audio, aac_caps());
    rig.push_video(base - 80 * GST_MSECOND, true, base);
    rig.push_video(base - 40 * GST_MSECOND, false, base + 120 * GST_MSECOND);
    rig.push_video(base, false, base + 40 * GST_MSECOND);
    rig.push_audio(0);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames.size(), 4);
    const uint32_t ms[] = {0, 40, 80, 80};
    for (size_t i = 0; i < 4; ++i)
        fail_unless_equals_int(frames[i].tag->timestamp, ms[i]);
    const auto header = flv::parse_body(flv::TagType::video, frames[0].tag->body());
    fail_unless_equals_int(header->composition_time, 80);
    // Audio is shifted with the video.
    fail_unless_equals_uint64(GST_BUFFER_PTS(frames[3].buffer.get()), 80 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST(test_wrap) {
    // 50 days of running time.
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    const GstClockTime wrap = (guint64(1) << 32) * GST_MSECOND;
    rig.push_video(wrap - 40 * GST_MSECOND, true);
    rig.push_video(wrap, false);
    rig.push_video(wrap + 40 * GST_MSECOND, false);
    rig.end(rig.video);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames[0].tag->timestamp, 0xFFFFFFFFu - 39);
    fail_unless_equals_int(frames[1].tag->timestamp, 0);
    fail_unless_equals_int(frames[2].tag->timestamp, 40);
}
GST_END_TEST

// An encoder that is behind delivers after the sound of the same time was sent: its pictures keep
// their times, or they would be shown before they are decoded.
GST_START_TEST(test_late_video_keeps_its_times) {
    Rig rig;
    rig.begin_both();
    rig.push_video(0, true);
    rig.push_audio(0);
    gst_pad_push_event(rig.video, gst_event_new_gap(40 * GST_MSECOND, 460 * GST_MSECOND));
    for (unsigned i = 1; i < 20; ++i)
        rig.push_audio(i * 23 * GST_MSECOND);
    rig.wait_frames(21);
    rig.push_video(300 * GST_MSECOND, false, 340 * GST_MSECOND);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto frames = rig.frames();
    const flv::Tag &last = *frames.back().tag;
    fail_unless(last.type == flv::TagType::video);
    fail_unless_equals_int(last.timestamp, 300);
    fail_unless_equals_int(flv::parse_body(last.type, last.body())->composition_time, 40);
}
GST_END_TEST

GST_START_TEST(test_times_never_go_back) {
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    rig.push_video(1000 * GST_MSECOND, true);
    rig.push_video(500 * GST_MSECOND, false);
    rig.push_video(GST_CLOCK_TIME_NONE, false);
    rig.push_video(1040 * GST_MSECOND, false);
    rig.end(rig.video);
    rig.wait_eos();
    const auto frames = rig.frames();
    const uint32_t ms[] = {1000, 1000, 1000, 1040};
    fail_unless_equals_int(frames.size(), 4);
    for (size_t i = 0; i < 4; ++i)
        fail_unless_equals_int(frames[i].tag->timestamp, ms[i]);
}
GST_END_TEST

// A thread that waits for room continues when the other pad is released, and when the element
// stops.
GST_START_TEST(test_release_while_waiting) {
    for (bool release : {true, false}) {
        Rig rig;
        rig.begin_both();
        std::atomic<GstFlowReturn> last = GST_FLOW_OK;
        std::thread thread([&] {
            for (unsigned i = 0; i < 100 && last == GST_FLOW_OK; ++i)
                last = rig.push_video(i * 40 * GST_MSECOND, i == 0);
        });
        if (release) {
            // Without the audio pad there is nothing to wait for.
            rig.release(rig.audio);
            thread.join();
            fail_unless_equals_int(last, GST_FLOW_OK);
            rig.wait_frames(99);
        } else {
            gst_element_set_state(rig.element, GST_STATE_READY);
            thread.join();
            fail_unless_equals_int(last, GST_FLOW_FLUSHING);
        }
    }
}
GST_END_TEST

static Suite *flvlivemux_time_suite() {
    Suite *s = suite_create("flvlivemux_time");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_silent_pad);
    tcase_add_test(tc, test_silent_pad_at_eos);
    tcase_add_test(tc, test_unlinked_pad);
    tcase_add_test(tc, test_gap);
    tcase_add_test(tc, test_no_interleave);
    tcase_add_test(tc, test_one_thread);
    tcase_add_test(tc, test_negative_dts);
    tcase_add_test(tc, test_wrap);
    tcase_add_test(tc, test_late_video_keeps_its_times);
    tcase_add_test(tc, test_times_never_go_back);
    tcase_add_test(tc, test_release_while_waiting);
    return s;
}
GST_CHECK_MAIN(flvlivemux_time)
