// SPDX-License-Identifier: LGPL-2.1-or-later
// flvlivedemux: pads, caps and events, timestamps and their jumps, broken input, queries, flushing
// and states.
#include "elements/flvlivedemux_rig.hpp"

using namespace demux_test;

GST_START_TEST(test_caps_and_events) {
    Rig rig;
    rig.push(metadata());
    rig.push(video_config());
    fail_unless(rig.video.pad && !rig.audio.pad && !rig.no_more_pads);
    rig.push(audio_config());
    // Configuration of further tracks may follow.
    fail_unless(rig.audio.pad && !rig.no_more_pads);
    rig.push(video_frame(0, true));
    fail_unless_equals_int(rig.no_more_pads, 1);
    rig.push(audio_frame(0));

    const auto video = rig.video.caps(), audio = rig.audio.caps();
    const GstStructure *s = gst_caps_get_structure(video.get(), 0);
    fail_unless(gst_structure_has_name(s, "video/x-h264"));
    fail_unless_equals_string(gst_structure_get_string(s, "stream-format"), "avc");
    fail_unless_equals_string(gst_structure_get_string(s, "profile"), "high");
    fail_unless_equals_int(int_of(video, "width"), 320);
    fail_unless_equals_int(int_of(video, "height"), 180);
    fail_unless_equals_int(int_of(audio, "rate"), 44100);
    fail_unless_equals_int(int_of(audio, "channels"), 2);
    fail_unless_equals_int(int_of(audio, "mpegversion"), 4);

    // The order that GStreamer requires, each event once.
    const GstEventType order[] = {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT};
    for (size_t i = 0; i < 3; ++i)
        fail_unless_equals_int(GST_EVENT_TYPE(rig.video.events.at(i).get()), order[i]);
    guint groups[2] = {0, 1};
    gst_event_parse_group_id(rig.video.events[0].get(), &groups[0]);
    gst_event_parse_group_id(rig.audio.events[0].get(), &groups[1]);
    fail_unless_equals_int(groups[0], groups[1]);
    fail_unless(rig.video.count(GST_EVENT_TAG) >= 1);

    // The frame as it was sent: a length of four bytes, a slice of two.
    fail_unless_equals_int(rig.video.buffers.size(), 1);
    GstMapInfo map;
    gst_buffer_map(rig.video.buffers[0].get(), &map, GST_MAP_READ);
    fail_unless(std::equal(map.data, map.data + map.size, from_hex("000000026500").begin()));
    gst_buffer_unmap(rig.video.buffers[0].get(), &map);
    fail_unless(has(rig.video.buffers[0], GST_BUFFER_FLAG_DISCONT));
    fail_if(has(rig.video.buffers[0], GST_BUFFER_FLAG_DELTA_UNIT));

    // The same configuration again changes nothing; another one gives new caps on the same pad.
    rig.push(video_config(40));
    fail_unless_equals_int(rig.video.count(GST_EVENT_CAPS), 1);
    rig.push(video_config(40, from_hex("6764001facb200a00b7420000003002000000781e3064901")));
    fail_unless_equals_int(rig.video.count(GST_EVENT_CAPS), 2);
    rig.push(video_frame(40, true));
    fail_unless_equals_int(int_of(rig.video.caps(), "width"), 1280);

    gst_pad_push_event(rig.src, gst_event_new_eos());
    fail_unless_equals_int(rig.video.count(GST_EVENT_EOS), 1);
    fail_unless_equals_int(rig.audio.count(GST_EVENT_EOS), 1);
    fail_unless_equals_int(rig.stat("buffers-out"), 3);
    fail_unless_equals_int(rig.messages(GST_MESSAGE_ERROR), 0);
}
GST_END_TEST

GST_START_TEST(test_any_bytes) {
    // Bytes of a file, in pieces, with a file header in front.
    Rig rig(GST_FORMAT_BYTES);
    const flv::Tag tags[] = {video_config(), audio_config(), video_frame(1000, true, 1, 80),
                             audio_frame(1000), video_frame(1040, false, 2)};
    std::vector<uint8_t> stream = joined({flv::file_header(true, true)});
    for (const auto &tag : tags)
        stream.insert(stream.end(), tag.bytes.begin(), tag.bytes.end());
    for (size_t at = 0; at < stream.size(); at += 7)
        fail_unless_equals_int(
            rig.push(ByteView(stream).subspan(at, std::min<size_t>(7, stream.size() - at))),
            GST_FLOW_OK);
    fail_unless_equals_int(rig.video.buffers.size(), 2);
    fail_unless_equals_int(rig.audio.buffers.size(), 1);
    // The first tag is at the start of the segment; B-frames keep their composition time.
    check_time(GST_BUFFER_DTS(rig.video.buffers[0].get()), 0);
    check_time(GST_BUFFER_PTS(rig.video.buffers[0].get()), 80);
    check_time(GST_BUFFER_DTS(rig.video.buffers[1].get()), 40);
    fail_unless(has(rig.video.buffers[1], GST_BUFFER_FLAG_DELTA_UNIT));
}
GST_END_TEST

GST_START_TEST(test_buffer_times) {
    Rig rig;
    rig.configure();
    // A buffer with only a PTS: it is the DTS of the tag.
    rig.push(video_frame(500, true, 0, 40).bytes, 7 * GST_SECOND);
    check_time(GST_BUFFER_DTS(rig.video.buffers[0].get()), 7000);
    check_time(GST_BUFFER_PTS(rig.video.buffers[0].get()), 7040);
    // Both times, to the nanosecond, are kept.
    rig.push(video_frame(533, false, 0, 33).bytes, 7066666667, 7033333333);
    fail_unless_equals_uint64(GST_BUFFER_DTS(rig.video.buffers[1].get()), 7033333333);
    fail_unless_equals_uint64(GST_BUFFER_PTS(rig.video.buffers[1].get()), 7066666667);
}
GST_END_TEST

// A decoder must not get a frame after the time of its display: with offsets below 0 frames are
// decoded earlier, and are displayed when the publisher says, beside the audio.
GST_START_TEST(test_negative_composition) {
    for (const bool timed : {true, false}) {
        Rig rig(timed ? GST_FORMAT_TIME : GST_FORMAT_BYTES);
        rig.configure();
        const int offsets[] = {0, 80, -40, -40, 0, 80, -40, -40, 0, -25};
        for (unsigned i = 0; i < std::size(offsets); ++i) {
            const flv::Tag video = video_frame(i * 40, i == 0, uint8_t(i), offsets[i]);
            const flv::Tag audio = audio_frame(i * 40, uint8_t(i));
            const GstClockTime time = (1000 + i * 40) * GST_MSECOND;
            rig.push(video.bytes, timed ? time : GST_CLOCK_TIME_NONE);
            rig.push(audio.bytes, timed ? time : GST_CLOCK_TIME_NONE);
        }
        const int began = timed ? 1000 : 0;
        GstClockTime last = 0;
        for (unsigned i = 0; i < std::size(offsets); ++i) {
            const GstBuffer *frame = rig.video.buffers.at(i).get();
            check_time(GST_BUFFER_PTS(frame), began + int(i) * 40 + offsets[i]);
            fail_unless(GST_BUFFER_DTS(frame) <= GST_BUFFER_PTS(frame), "frame %u", i);
            fail_unless(GST_BUFFER_DTS(frame) >= last, "frame %u", i);
            last = GST_BUFFER_DTS(frame);
            if (i >= 2) check_time(last, began + int(i) * 40 - 40);
        }
        check_time(GST_BUFFER_PTS(rig.audio.buffers.at(0).get()), began);
    }
}
GST_END_TEST

// The first frame of a stream is displayed at its beginning; the audio keeps its distance.
GST_START_TEST(test_negative_composition_first) {
    Rig rig(GST_FORMAT_BYTES);
    rig.configure();
    rig.push(video_frame(5000, true, 0, -60));
    rig.push(audio_frame(5000));
    rig.push(video_frame(5040, false, 1, -60));
    for (unsigned i = 0; i < 2; ++i) {
        check_time(GST_BUFFER_DTS(rig.video.buffers.at(i).get()), i * 40);
        check_time(GST_BUFFER_PTS(rig.video.buffers.at(i).get()), i * 40);
    }
    check_time(GST_BUFFER_PTS(rig.audio.buffers.at(0).get()), 60);
    // An offset that cannot be meant moves no other frame; a jump of time ends what was before.
    rig.push(video_frame(5080, false, 2, -20'000));
    check_time(GST_BUFFER_PTS(rig.video.buffers.at(2).get()), 80);
    rig.push(video_frame(3'600'000, true, 3));
    rig.push(video_frame(3'600'040, false, 4));
    const auto decoded = [&](unsigned i) { return GST_BUFFER_DTS(rig.video.buffers.at(i).get()); };
    fail_unless(decoded(3) >= decoded(2));
    check_time(GST_BUFFER_PTS(rig.video.buffers.at(4).get()) - decoded(4), 0);
}
GST_END_TEST

GST_START_TEST(test_audio_clock) {
    Rig rig;
    rig.configure();
    // Timestamps in milliseconds become sample counts: 1024 samples at 44100 Hz.
    for (unsigned i = 0; i < 100; ++i)
        rig.push(audio_frame(i * 1024 * 1000 / 44100, uint8_t(i)));
    fail_unless_equals_int(rig.audio.buffers.size(), 100);
    for (unsigned i = 0; i < 100; ++i) {
        const GstClockTime wanted = guint64(i) * 1024 * GST_SECOND / 44100;
        fail_unless_equals_uint64(GST_BUFFER_PTS(rig.audio.buffers[i].get()), wanted);
        fail_unless(has(rig.audio.buffers[i], GST_BUFFER_FLAG_DISCONT) == (i == 0));
    }
    // A tenth of a second is lost: the timestamp replaces the count.
    rig.push(audio_frame(2322 + 100));
    check_time(GST_BUFFER_PTS(rig.audio.buffers.back().get()), 2422);
    fail_unless(has(rig.audio.buffers.back(), GST_BUFFER_FLAG_DISCONT));
}
GST_END_TEST

// Clocks of 32 bits, of 31 (encoders that mask the top byte) and of 24.
GST_START_TEST(test_wrap) {
    for (const unsigned bits : {32u, 31u, 24u}) {
        Rig rig;
        rig.configure();
        const auto mask = uint32_t((uint64_t(1) << bits) - 1);
        // Each wraps twice; in between nothing is further apart than frames may be.
        unsigned count = 0;
        for (unsigned lap = 0; lap < 2; ++lap)
            for (unsigned i = 0; i < 10; ++i, ++count) {
                rig.push(video_frame((mask - 99 + i * 40) & mask, count == 0, uint8_t(i)));
                rig.push(audio_frame((mask - 99 + i * 40) & mask, uint8_t(i)));
                if (i < 9) continue;
                for (uint32_t t = 260; lap == 0 && t < mask - 99; t += bits == 24 ? 50'000 : mask)
                    rig.push(video_frame(t, false));
                if (bits != 24) lap = 1; // too many for a test
            }
        uint64_t wanted = 0;
        size_t checked = 0;
        for (const auto &buffer : rig.video.buffers) {
            const GstClockTime time = GST_BUFFER_DTS(buffer.get());
            fail_unless(time >= wanted && time - wanted <= 60 * GST_SECOND);
            fail_unless(has(buffer, GST_BUFFER_FLAG_DISCONT) == (checked++ == 0));
            wanted = time;
        }
        for (unsigned i = 0; i < 10; ++i)
            check_time(GST_BUFFER_DTS(rig.video.buffers.at(i).get()), i * 40);
        if (bits == 24) check_time(wanted, double(uint64_t(1) << 24) + 360);
        fail_unless_equals_uint64(rig.stat("discontinuities"), 0);
    }
}
GST_END_TEST

GST_START_TEST(test_jumps) {
    Rig rig;
    rig.configure();
    rig.push(video_frame(10000, true));
    rig.push(audio_frame(10000));
    rig.push(video_frame(10040, false));
    // A jump back to zero: both tracks follow together, and time continues.
    rig.push(video_frame(0, true));
    rig.push(audio_frame(20));
    rig.push(video_frame(40, false));
    check_time(GST_BUFFER_DTS(rig.video.buffers[2].get()), 40);
    fail_unless(has(rig.video.buffers[2], GST_BUFFER_FLAG_DISCONT));
    check_time(GST_BUFFER_PTS(rig.audio.buffers[1].get()), 60);
    fail_unless(has(rig.audio.buffers[1], GST_BUFFER_FLAG_DISCONT));
    check_time(GST_BUFFER_DTS(rig.video.buffers[3].get()), 80);
    fail_if(has(rig.video.buffers[3], GST_BUFFER_FLAG_DISCONT));
    // A jump of an hour ahead.
    rig.push(video_frame(3600000, true));
    check_time(GST_BUFFER_DTS(rig.video.buffers[4].get()), 80);
    fail_unless(has(rig.video.buffers[4], GST_BUFFER_FLAG_DISCONT));
    // A small step back: time stands still.
    rig.push(video_frame(3599900, false));
    check_time(GST_BUFFER_DTS(rig.video.buffers[5].get()), 80);
    fail_if(has(rig.video.buffers[5], GST_BUFFER_FLAG_DISCONT));
    fail_unless_equals_int(rig.messages(GST_MESSAGE_ERROR), 0);
}
GST_END_TEST

// Frames that are far apart are no discontinuity: buffer times confirm it, and a file's timestamps
// are trusted.
GST_START_TEST(test_slow_frames) {
    for (const bool timed : {true, false}) {
        Rig rig(timed ? GST_FORMAT_TIME : GST_FORMAT_BYTES);
        rig.configure();
        const uint32_t times[] = {0, 5000, 17'000, 57'000};
        for (const uint32_t ms : times) {
            const flv::Tag tag = video_frame(ms, true, uint8_t(ms / 1000));
            if (timed)
                rig.push(tag.bytes, (ms + 100) * GST_MSECOND);
            else
                rig.push(tag.bytes.view());
        }
        for (size_t i = 0; i < 4; ++i) {
            check_time(GST_BUFFER_DTS(rig.video.buffers.at(i).get()), times[i] + timed * 100);
            fail_unless(has(rig.video.buffers[i], GST_BUFFER_FLAG_DISCONT) == (i == 0));
        }
        fail_unless_equals_uint64(rig.stat("discontinuities"), 0);
    }
    // A gap that the timestamps do not confirm is a discontinuity.
    Rig rig;
    rig.configure();
    rig.push(video_frame(0, true).bytes, 0);
    rig.push(video_frame(40, true, 1).bytes, 7 * GST_SECOND);
    fail_unless(has(rig.video.buffers.at(1), GST_BUFFER_FLAG_DISCONT));
}
GST_END_TEST

GST_START_TEST(test_one_medium) {
    for (bool video : {true, false}) {
        Rig rig;
        rig.push(video ? video_config() : audio_config());
        for (uint32_t ms = 0; ms <= 1000; ms += 20) {
            fail_unless_equals_int(rig.no_more_pads, 0);
            rig.push(video ? video_frame(ms, ms == 0) : audio_frame(ms));
        }
        fail_unless_equals_int(rig.no_more_pads, 1);
        fail_unless(bool(rig.video.pad) == video && bool(rig.audio.pad) != video);
        // The other track comes late.
        rig.push(video ? audio_config() : video_config());
        rig.push(video ? audio_frame(1040) : video_frame(1040, true));
        auto &late = video ? rig.audio : rig.video;
        fail_unless_equals_int(late.buffers.size(), 1);
        check_time(GST_BUFFER_PTS(late.buffers[0].get()), 1040);
    }
}
GST_END_TEST

GST_START_TEST(test_broken_data) {
    Rig rig;
    rig.configure();
    rig.push(video_frame(0, true));
    const auto garbage = from_hex("deadbeefdeadbeef");
    fail_unless_equals_int(rig.push(garbage), GST_FLOW_OK);
    fail_unless_equals_int(rig.push(garbage), GST_FLOW_OK);
    fail_unless_equals_int(rig.messages(GST_MESSAGE_WARNING), 1);
    fail_unless_equals_int(rig.push(video_frame(40, true)), GST_FLOW_OK);
    fail_unless(has(rig.video.buffers.back(), GST_BUFFER_FLAG_DISCONT));
    fail_unless_equals_int(rig.messages(GST_MESSAGE_ERROR), 0);

    Rig never;
    fail_unless_equals_int(never.push(garbage), GST_FLOW_ERROR);
    fail_unless_equals_int(never.messages(GST_MESSAGE_ERROR), 1);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig;
    rig.configure();
    rig.push(video_frame(5000, true));
    rig.push(video_frame(5040, false).bytes.sub(0, 9));
    gst_pad_push_event(rig.src, gst_event_new_flush_start());
    fail_unless_equals_int(rig.push(video_frame(5040, false)), GST_FLOW_FLUSHING);
    gst_pad_push_event(rig.src, gst_event_new_flush_stop(TRUE));
    fail_unless_equals_int(rig.video.count(GST_EVENT_FLUSH_START), 1);
    fail_unless_equals_int(rig.audio.count(GST_EVENT_FLUSH_STOP), 1);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(rig.src, gst_event_new_segment(&segment));
    fail_unless_equals_int(rig.push(video_frame(9000, true)), GST_FLOW_OK);
    check_time(GST_BUFFER_DTS(rig.video.buffers.back().get()), 0);
    fail_unless(has(rig.video.buffers.back(), GST_BUFFER_FLAG_DISCONT));
    fail_unless_equals_int(rig.video.count(GST_EVENT_SEGMENT), 2);
}
GST_END_TEST

GST_START_TEST(test_queries) {
    Rig rig;
    fail_if(peer_is_nonblocking(rig.src), "no pads: nobody knows who will be there");
    rig.configure();
    rig.video.nonblocking = rig.audio.nonblocking = true;
    fail_unless(peer_is_nonblocking(rig.src));
    rig.audio.nonblocking = false;
    fail_if(peer_is_nonblocking(rig.src));

    auto seeking = GstPtr<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
    fail_unless(gst_pad_peer_query(rig.video.pad, seeking.get()));
    gboolean seekable = TRUE;
    gst_query_parse_seeking(seeking.get(), nullptr, &seekable, nullptr, nullptr);
    fail_if(seekable);
    fail_if(gst_pad_push_event(rig.video.pad,
                               gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_NONE,
                                                  GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1)));
}
GST_END_TEST

GST_START_TEST(test_flow) {
    Rig rig;
    rig.configure();
    // GST_FLOW_EOS from one pad does not stop the element; from both it does.
    rig.video.flow = GST_FLOW_EOS;
    fail_unless_equals_int(rig.push(video_frame(0, true)), GST_FLOW_OK);
    rig.audio.flow = GST_FLOW_EOS;
    fail_unless_equals_int(rig.push(audio_frame(0)), GST_FLOW_EOS);
    rig.audio.flow = GST_FLOW_ERROR;
    fail_unless_equals_int(rig.push(audio_frame(20)), GST_FLOW_ERROR);
}
GST_END_TEST

GST_START_TEST(test_stream_header) {
    // Linked in mid-stream, after an element that does not repeat its headers.
    Rig rig;
    GValue array = G_VALUE_INIT, value = G_VALUE_INIT;
    gst_value_array_init(&array, 3);
    g_value_init(&value, GST_TYPE_BUFFER);
    for (const Bytes &bytes :
         {flv::file_header(true, true), video_config().bytes, audio_config().bytes}) {
        auto buffer = GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
        gst_value_set_buffer(&value, buffer.get());
        gst_value_array_append_value(&array, &value);
    }
    g_value_unset(&value);
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    gst_pad_push_event(rig.src, gst_event_new_caps(caps.get()));
    fail_unless(rig.video.pad && rig.audio.pad);
    rig.push(video_frame(0, true));
    fail_unless_equals_int(rig.video.buffers.size(), 1);
}
GST_END_TEST

GST_START_TEST(test_states) {
    Rig rig;
    for (int round = 0; round < 3; ++round) {
        rig.configure();
        rig.push(video_frame(0, true));
        fail_unless_equals_int(GST_ELEMENT(rig.element)->numsrcpads, 2);
        gst_element_set_state(rig.element, GST_STATE_READY);
        fail_unless_equals_int(GST_ELEMENT(rig.element)->numsrcpads, 0);
        // Messages about links hold references to their pads.
        rig.messages(GST_MESSAGE_ANY);
        for (Rig::Output *output : {&rig.video, &rig.audio}) {
            gst_pad_set_active(output->pad, FALSE);
            ASSERT_OBJECT_REFCOUNT(output->pad, "peer", 1);
            gst_object_unref(output->pad);
            *output = {};
        }
        gst_element_set_state(rig.element, GST_STATE_PLAYING);
        gst_pad_set_active(rig.src, FALSE);
        gst_pad_set_active(rig.src, TRUE);
        rig.begin(GST_FORMAT_TIME);
    }
}
GST_END_TEST

static Suite *flvlivedemux_suite() {
    Suite *s = suite_create("flvlivedemux");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_caps_and_events);
    tcase_add_test(tc, test_any_bytes);
    tcase_add_test(tc, test_buffer_times);
    tcase_add_test(tc, test_negative_composition);
    tcase_add_test(tc, test_negative_composition_first);
    tcase_add_test(tc, test_audio_clock);
    tcase_add_test(tc, test_wrap);
    tcase_add_test(tc, test_jumps);
    tcase_add_test(tc, test_slow_frames);
    tcase_add_test(tc, test_one_medium);
    tcase_add_test(tc, test_broken_data);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_queries);
    tcase_add_test(tc, test_flow);
    tcase_add_test(tc, test_stream_header);
    tcase_add_test(tc, test_states);
    return s;
}
GST_CHECK_MAIN(flvlivedemux)
