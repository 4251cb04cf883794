// SPDX-License-Identifier: LGPL-2.1-or-later
// flvlivemux: its output, caps that change or can't be used, flushing, flow returns, pads and
// states.
#include "elements/flvlivemux_rig.hpp"

#include <gst/base/gstaggregator.h>

using namespace mux_test;

GST_START_TEST(test_contract) {
    Rig rig;
    rig.begin_both();
    fail_unless_equals_int(rig.push_video(0, true, 40 * GST_MSECOND), GST_FLOW_OK);
    rig.push_audio(0);
    rig.push_video(33333333, false, 33333333);
    rig.push_audio(23219954);
    rig.push_audio(46439909);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto outs = rig.outs();
    fail_unless_equals_int(outs.size(), 4 + 5);
    fail_unless_equals_int(rig.stream_headers(), 4);

    // File header, onMetaData, the two configurations, in this order and flagged.
    fail_if(outs[0].tag);
    fail_unless(outs[1].tag->kind == flv::TagKind::metadata);
    fail_unless(outs[2].tag->kind == flv::TagKind::config &&
                outs[2].tag->type == flv::TagType::video);
    fail_unless(outs[3].tag->kind == flv::TagKind::config &&
                outs[3].tag->type == flv::TagType::audio);
    for (size_t i = 0; i < outs.size(); ++i)
        fail_unless(outs[i].is(GST_BUFFER_FLAG_HEADER) == (i < 4));
    const Bytes wanted = video_config().bytes, got = outs[2].tag->bytes;
    fail_unless(std::equal(wanted.begin(), wanted.end(), got.begin(), got.end()));

    // Then a keyframe; it alone lacks DELTA_UNIT.
    fail_unless(outs[4].tag->kind == flv::TagKind::keyframe);
    for (size_t i = 4; i < outs.size(); ++i)
        fail_unless(outs[i].is(GST_BUFFER_FLAG_DELTA_UNIT) == (i != 4));
    const auto golden = from_hex("09 00000b 000000 00 000000 1701000028 0000000265aa 00000016");
    const Bytes key = outs[4].tag->bytes;
    fail_unless(std::equal(golden.begin(), golden.end(), key.begin(), key.end()));

    // Buffers have times to the nanosecond, tags to the millisecond, and neither goes back.
    const GstClockTime dts[] = {0, 0, 23219954, 33333333, 46439909};
    const uint32_t ms[] = {0, 0, 23, 33, 46};
    for (size_t i = 0; i < 5; ++i) {
        fail_unless_equals_uint64(GST_BUFFER_DTS(outs[4 + i].buffer.get()), dts[i]);
        fail_unless_equals_int(outs[4 + i].tag->timestamp, ms[i]);
    }
    fail_unless_equals_uint64(GST_BUFFER_PTS(outs[4].buffer.get()), 40 * GST_MSECOND);
    fail_unless_equals_int(rig.count(GST_EVENT_SEGMENT), 1);
}
GST_END_TEST

GST_START_TEST(test_one_medium) {
    Rig audio_only(false, true);
    audio_only.begin(audio_only.audio, aac_caps());
    audio_only.push_audio(0);
    audio_only.push_audio(23 * GST_MSECOND);
    audio_only.end(audio_only.audio);
    audio_only.wait_eos();
    fail_unless_equals_int(audio_only.stream_headers(), 3);
    for (const Out &out : audio_only.frames())
        fail_if(out.is(GST_BUFFER_FLAG_DELTA_UNIT));

    Rig video_only(true, false);
    video_only.begin(video_only.video, h264_caps());
    // A frame without a keyframe before it is of no use.
    video_only.push_video(0, false);
    video_only.push_video(40 * GST_MSECOND, true);
    video_only.end(video_only.video);
    video_only.wait_eos();
    fail_unless_equals_int(video_only.frames().size(), 1);
    fail_unless_equals_uint64(video_only.stat("drops"), 1);
}
GST_END_TEST

GST_START_TEST(test_renegotiation) {
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    rig.wait_frames(1);
    rig.forget();
    // The same codec_data changes nothing.
    gst_pad_push_event(rig.video, gst_event_new_caps(h264_caps().get()));
    rig.push_video(40 * GST_MSECOND, false);
    rig.wait_frames(1);
    fail_unless_equals_int(rig.count(GST_EVENT_CAPS), 0);
    const auto other = from_hex("6764001facb200a00b74200000030020000007 81e30649");
    gst_pad_push_event(rig.video, gst_event_new_caps(h264_caps(other).get()));
    rig.push_video(80 * GST_MSECOND, true);
    rig.wait_frames(2);
    fail_unless_equals_int(rig.count(GST_EVENT_CAPS), 1);
    const auto outs = rig.outs();
    const auto config = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::config;
    });
    fail_unless(config != outs.end() && config->is(GST_BUFFER_FLAG_HEADER));
    const Bytes wanted = video_config(80, other).bytes, got = config->tag->bytes;
    fail_unless(std::equal(wanted.begin(), wanted.end(), got.begin(), got.end()));
}
GST_END_TEST

GST_START_TEST(test_bad_caps) {
    Rig rig(true, false);
    auto caps =
        GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-h264,stream-format=avc,alignment=au"));
    rig.begin(rig.video, caps);
    rig.push_video(0, true);
    auto warning = GstPtr<GstMessage>::adopt(
        gst_bus_timed_pop_filtered(rig.bus, 10 * GST_SECOND, GST_MESSAGE_WARNING));
    fail_unless(bool(warning), "no warning");
    rig.end(rig.video);
    rig.wait_eos();
    fail_unless_equals_int(rig.outs().size(), 0);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig;
    rig.begin_both();
    rig.push_video(5 * GST_SECOND, true);
    rig.push_audio(5 * GST_SECOND);
    rig.wait_frames(1);
    GstEvent *start = gst_event_new_flush_start(), *stop = gst_event_new_flush_stop(TRUE);
    for (GstPad *pad : {rig.video, rig.audio})
        gst_pad_push_event(pad, gst_event_ref(start));
    fail_unless_equals_int(rig.push_video(6 * GST_SECOND, true), GST_FLOW_FLUSHING);
    for (GstPad *pad : {rig.video, rig.audio})
        gst_pad_push_event(pad, gst_event_ref(stop));
    gst_event_unref(start);
    gst_event_unref(stop);
    rig.forget();
    for (GstPad *pad : {rig.video, rig.audio})
        rig.begin_segment(pad);
    fail_unless_equals_int(rig.push_video(0, true), GST_FLOW_OK);
    fail_unless_equals_int(rig.push_audio(0), GST_FLOW_OK);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    // The output starts anew with headers, and time from zero.
    fail_unless_equals_int(rig.outs().size(), 4 + 2);
    fail_unless_equals_int(rig.frames()[0].tag->timestamp, 0);
}
GST_END_TEST

GST_START_TEST(test_flow) {
    Rig rig(true, false);
    rig.flow = GST_FLOW_ERROR;
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    GstFlowReturn flow = GST_FLOW_OK;
    for (unsigned i = 1; i < 1000 && flow == GST_FLOW_OK; ++i) {
        flow = rig.push_video(i * 40 * GST_MSECOND, false);
        rig.wait([&] { return true; });
    }
    fail_unless_equals_int(flow, GST_FLOW_ERROR);
}
GST_END_TEST

GST_START_TEST(test_pads_and_states) {
    Rig rig;
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(rig.element);
    fail_if(klass->request_new_pad(rig.element, gst_element_class_get_pad_template(klass, "video"),
                                   nullptr, nullptr),
            "a second video pad");
    for (int round = 0; round < 3; ++round) {
        rig.begin_both();
        rig.push_video(0, true);
        rig.push_audio(0);
        rig.wait_frames(1);
        gst_element_set_state(rig.element, GST_STATE_READY);
        rig.forget();
        gst_element_set_state(rig.element, GST_STATE_PLAYING);
        for (GstPad *pad : {rig.video, rig.audio}) {
            gst_pad_set_active(pad, FALSE);
            gst_pad_set_active(pad, TRUE);
        }
    }
    rig.release(rig.audio);
    rig.audio = rig.request("audio");
}
GST_END_TEST

// With wait-for-video nothing comes of audio alone; once there is video, audio of the last second
// does.
GST_START_TEST(test_wait_for_video) {
    for (const bool shows : {false, true}) {
        Rig rig;
        g_object_set(rig.element, "wait-for-video", TRUE, nullptr);
        rig.begin(rig.audio, aac_caps());
        for (unsigned i = 0; i < 150; ++i)
            fail_unless_equals_int(rig.push_audio(i * 20 * GST_MSECOND), GST_FLOW_OK);
        if (shows) {
            rig.begin(rig.video, h264_caps());
            rig.push_video(2500 * GST_MSECOND, true);
            rig.push_video(2540 * GST_MSECOND, false);
            rig.end(rig.video);
        }
        rig.end(rig.audio);
        rig.wait_eos();
        const auto frames = rig.frames();
        if (!shows) {
            fail_unless(rig.outs().empty(), "%zu buffers", rig.outs().size());
            continue;
        }
        const auto is_video = [](const Out &out) { return out.tag->type == flv::TagType::video; };
        fail_unless_equals_int(std::count_if(frames.begin(), frames.end(), is_video), 2);
        const auto audio = frames.size() - 2;
        fail_unless(audio >= 40 && audio <= 51, "%zu audio frames", audio);
    }
}
GST_END_TEST

namespace {

/// When GstAggregator would have a live stream go on; none: not before something comes.
GstClockTime next_time(const Rig &rig) {
    return GST_AGGREGATOR_GET_CLASS(rig.element)->get_next_time(GST_AGGREGATOR(rig.element));
}

} // namespace

// Of a live stream without video nothing is due either, with a pad for it or without: a time that
// is over would make the source pad's thread try without end. Video that comes late is taken.
GST_START_TEST(test_wait_for_video_live) {
    for (const bool released : {false, true}) {
        Rig rig(released, true, true);
        g_object_set(rig.element, "wait-for-video", TRUE, nullptr);
        if (released) {
            fail_if(GST_CLOCK_TIME_IS_VALID(next_time(rig)));
            rig.release(rig.video);
        }
        rig.begin(rig.audio, aac_caps());
        for (unsigned i = 0; i < 100; ++i) {
            fail_unless_equals_int(rig.push_audio(i * 20 * GST_MSECOND), GST_FLOW_OK);
            fail_if(GST_CLOCK_TIME_IS_VALID(next_time(rig)));
        }
        rig.video = rig.request("video");
        fail_if(GST_CLOCK_TIME_IS_VALID(next_time(rig)));
        rig.begin(rig.video, h264_caps());
        rig.push_video(1980 * GST_MSECOND, true);
        rig.wait_frames(2);
    }
}
GST_END_TEST

// One pad's video suffices: another one that has none holds nothing up.
GST_START_TEST(test_wait_for_one_video_live) {
    Rig rig(true, true, true);
    g_object_set(rig.element, "wait-for-video", TRUE, "stream-wait", guint64(0), nullptr);
    GstPad *silent = rig.request("video_1");
    gst_pad_push_event(silent, gst_event_new_stream_start("silent"));
    rig.begin_both();
    rig.push_video(0, true); // goes out when it is due, without audio
    rig.wait_frames(1);
    rig.release(silent);
}
GST_END_TEST

static Suite *flvlivemux_suite() {
    Suite *s = suite_create("flvlivemux");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_contract);
    tcase_add_test(tc, test_one_medium);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_bad_caps);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_flow);
    tcase_add_test(tc, test_pads_and_states);
    tcase_add_test(tc, test_wait_for_video);
    tcase_add_test(tc, test_wait_for_video_live);
    tcase_add_test(tc, test_wait_for_one_video_live);
    return s;
}
GST_CHECK_MAIN(flvlivemux)
