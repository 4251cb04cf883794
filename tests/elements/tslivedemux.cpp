// SPDX-License-Identifier: LGPL-2.1-or-later
// tslivedemux: the program as FLV, pads for its streams, times, changes, queries, flushing, ends.
#include "elements/tslivedemux_rig.hpp"

using namespace tsdemux_test;

// The contract of video/x-flv: headers in the caps and in front, then frames from a keyframe on.
GST_START_TEST(test_flv) {
    Bench rig;
    rig.sender.tables(both);
    rig.sender.video(picture(false, 99), 890'000); // no keyframe
    rig.media(0, 7);
    const Output &out = rig["src"];
    const auto caps = out.caps();
    const GValue *headers =
        gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), "streamheader");
    fail_unless(headers && gst_value_array_get_size(headers) == 3);
    const GstEventType order[] = {GST_EVENT_STREAM_START, GST_EVENT_CAPS};
    for (size_t i = 0; i < std::size(order); ++i)
        fail_unless_equals_int(GST_EVENT_TYPE(out.events.at(i).get()), order[i]);
    for (size_t i = 0; i < 3; ++i)
        fail_unless(has(out.buffers[i].get(), GST_BUFFER_FLAG_HEADER));
    const auto frames = out.frames();
    unsigned keyframes = 0;
    for (GstBuffer *buffer : frames) {
        keyframes += !has(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        fail_unless_equals_int(has(buffer, GST_BUFFER_FLAG_DISCONT), buffer == frames[0]);
        fail_unless(GST_BUFFER_PTS(buffer) >= GST_SECOND - 200 * GST_MSECOND);
    }
    fail_unless_equals_int(keyframes, 2);
    // All but the last picture, which has not ended.
    fail_unless_equals_int(rig["video_0"].frames().size(), 6);
    rig.eos();
    fail_unless_equals_int(rig["video_0"].frames().size(), 7);
    for (const auto &[name, output] : rig.outputs)
        fail_unless_equals_int(output->count(GST_EVENT_EOS), 1);
}
GST_END_TEST

GST_START_TEST(test_pads) {
    Bench rig;
    std::vector<PmtStream> streams = both;
    streams.push_back({0x06, 0x102, {0x05, 4, 'K', 'L', 'V', 'A'}});
    rig.sender.tables(streams);
    rig.sender.video(key(1), 900'000, {});
    rig.sender.audio(adts(1), 900'000);
    rig.sender.video(picture(false, 2), 900'000 + frame);
    rig.sender.payload(0x102, Sender::pes(0xBD, Vector(50, 7), 900'000 + frame, {}, true));
    rig.push(5 * GST_SECOND);
    fail_unless(rig["video_0"].has_caps("video/x-h264, stream-format=byte-stream, alignment=au, "
                                        "width=320, height=180"));
    fail_unless(rig["audio_0"].has_caps("audio/mpeg, mpegversion=4, stream-format=raw, rate=44100, "
                                        "channels=2"));
    fail_unless(rig["data_0"].has_caps("meta/x-klv, parsed=true"));
    fail_unless_equals_int(rig.no_more_pads, 1);
    guint groups[2] = {0, 1};
    gst_event_parse_group_id(rig["video_0"].events.at(0).get(), &groups[0]);
    gst_event_parse_group_id(rig["audio_0"].events.at(0).get(), &groups[1]);
    fail_unless_equals_int(groups[0], groups[1]);
    GstTagList *tags = nullptr;
    gst_event_parse_tag(rig["audio_0"].events.at(3).get(), &tags);
    gchar *language = nullptr;
    fail_unless(gst_tag_list_get_string(tags, GST_TAG_LANGUAGE_CODE, &language));
    fail_unless_equals_string(language, "deu");
    g_free(language);
    // The units as they were sent, without ADTS headers.
    fail_unless_equals_int(gst_buffer_get_size(rig["video_0"].buffers[0].get()), key(1).size());
    fail_unless_equals_int(gst_buffer_get_size(rig["audio_0"].buffers[0].get()), 4);
    fail_unless_equals_int(gst_buffer_get_size(rig["data_0"].buffers[0].get()), 50);
    const auto first_time = GST_BUFFER_PTS(rig["video_0"].buffers[0].get());
    fail_unless(GST_BUFFER_PTS(rig["data_0"].buffers[0].get()) == first_time + 40 * GST_MSECOND);
    fail_unless_equals_int(rig.stat("program"), 1);
    fail_unless_equals_int(rig.stat("packet-size"), 188);
}
GST_END_TEST

// Live, the time is that of the arrival, whatever the sender's is; a file begins near 0.
GST_START_TEST(test_time) {
    for (const uint64_t begin : {uint64_t(0), (uint64_t(1) << 33) - 10 * frame}) {
        Bench rig;
        rig.media(0, 30, begin);
        const auto video = rig["video_0"].times();
        for (size_t i = 1; i < video.size(); ++i)
            fail_unless(video[i] - video[i - 1] == 40 * GST_MSECOND, "picture %zu", i);
        fail_unless(std::abs(GST_CLOCK_DIFF(GST_SECOND, video[0])) <
                    50 * GstClockTimeDiff(GST_MSECOND));
    }
    Bench file(false);
    file.sender.tables(both);
    for (int i = 0; i < 5; ++i)
        file.sender.video(i == 0 ? key(0) : picture(false, 1), 900'000 + uint64_t(i) * frame, {},
                          {false, 891'000 + uint64_t(i) * frame});
    file.push();
    file.eos();
    const auto times = file["video_0"].times();
    fail_unless_equals_int(times.size(), 5);
    fail_unless(times[0] == 100 * GST_MSECOND && times[4] == 260 * GST_MSECOND);
}
GST_END_TEST

// A picture that misses a packet is left out; the one behind it is marked; counters tell.
GST_START_TEST(test_lost) {
    Bench rig;
    rig.media(0, 3);
    const size_t before = rig["video_0"].buffers.size();
    rig.sender.video(picture(false, 3, 1000), 900'000 + 3 * frame);
    rig.sender.bytes.erase(rig.sender.bytes.begin() + 188, rig.sender.bytes.begin() + 376);
    rig.push();
    rig.media(4, 3);
    const auto frames = rig["video_0"].frames();
    fail_unless_equals_int(frames.size(), before + 1 + 2);
    for (size_t i = 1; i < frames.size(); ++i)
        fail_unless_equals_int(has(frames[i], GST_BUFFER_FLAG_DISCONT), i == before + 1);
    fail_unless_equals_int(rig.stat("lost-packets"), 1);
    fail_unless_equals_int(rig.stat("damaged-units"), 1);
}
GST_END_TEST

// The streams of the program change: pads come and go.
GST_START_TEST(test_program_changes) {
    Bench rig;
    rig.media(0, 7);
    const std::vector<PmtStream> next{{0x1B, 0x100}, {0x03, 0x105}};
    rig.sender.pmt(0x1000, 1, next, 1);
    Vector mp3 = samples::from_hex("fffbb4c4");
    mp3.resize(576);
    for (int i = 7; i < 12; ++i) {
        rig.sender.video(i == 7 ? key(7) : picture(false, uint8_t(i)),
                         900'000 + uint64_t(i) * frame);
        rig.sender.audio(mp3, 900'000 + uint64_t(i) * frame, 0x105);
    }
    rig.push();
    fail_unless(rig.removed == std::vector<std::string>{"audio_0"});
    fail_unless_equals_int(rig["audio_0"].count(GST_EVENT_EOS), 1);
    fail_unless(rig["audio_1"].has_caps("audio/mpeg, mpegversion=1, layer=3, rate=48000"));
    fail_unless_equals_int(rig["video_0"].count(GST_EVENT_STREAM_START), 1);
    fail_unless_equals_int(rig.no_more_pads, 2);
    // FLV goes on with other headers.
    fail_unless(rig["src"].count(GST_EVENT_CAPS) >= 2);
}
GST_END_TEST

GST_START_TEST(test_program_number) {
    Bench rig(true, 2);
    const auto send = [&](int i) {
        rig.sender.pat({{1, 0x1000}, {2, 0x1001}});
        rig.sender.pmt(0x1000, 1, {{0x1B, 0x100}});
        rig.sender.pmt(0x1001, 2, {{0x1B, 0x110}});
        for (const uint16_t pid : {0x100, 0x110})
            rig.sender.payload(pid,
                               Sender::pes(0xE0, key(uint8_t(i), pid - 200), 900'000 + i * frame));
        rig.push();
    };
    for (int i = 0; i < 3; ++i)
        send(i);
    fail_unless_equals_int(rig.stat("program"), 2);
    const size_t size = key(0, 0x110 - 200).size();
    fail_unless_equals_int(gst_buffer_get_size(rig["video_0"].buffers.at(0).get()), size);
    g_object_set(rig.element, "program-number", 1, nullptr);
    for (int i = 3; i < 6; ++i)
        send(i);
    fail_unless_equals_int(rig.stat("program"), 1);
    fail_unless_equals_int(gst_buffer_get_size(rig["video_1"].buffers.at(0).get()), size - 16);
    fail_unless(rig.removed == std::vector<std::string>{"video_0"});
}
GST_END_TEST

// What FLV has no place for is on its own pad, and said once.
GST_START_TEST(test_no_place) {
    Bench rig;
    rig.sender.tables({{0x1B, 0x100}, {0x03, 0x101}});
    Vector mp2 = samples::from_hex("fffda404");
    mp2.resize(576);
    rig.sender.video(key(1), 900'000);
    for (uint64_t i = 0; i < 3; ++i)
        rig.sender.audio(mp2, 900'000 + i * 2160);
    rig.push();
    fail_unless(rig["audio_0"].has_caps("audio/mpeg, mpegversion=1, layer=2"));
    fail_unless_equals_int(rig["audio_0"].buffers.size(), 3);
    fail_unless(rig.has_message(GST_MESSAGE_WARNING) && !rig.has_message(GST_MESSAGE_WARNING));
}
GST_END_TEST

GST_START_TEST(test_queries) {
    Bench rig;
    rig.media(0, 3);
    auto flv = GstPtr<GstPad>::adopt(gst_element_get_static_pad(rig.element, "src"));
    const auto minimum = [&] {
        auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        fail_unless(gst_pad_query(flv.get(), query.get()));
        gboolean live = FALSE;
        GstClockTime min = 0;
        gst_query_parse_latency(query.get(), &live, &min, nullptr);
        fail_unless(live);
        return min;
    };
    fail_unless(minimum() >= 10 * GST_MSECOND && minimum() <= 110 * GST_MSECOND);
    // Audio comes half a second behind its time: whoever syncs has to wait.
    rig.sender.audio(adts(1), 900'000 + 3 * frame);
    rig.push(GST_SECOND + 620 * GST_MSECOND);
    fail_unless(minimum() >= 500 * GST_MSECOND && minimum() < 700 * GST_MSECOND);
    fail_unless(rig.has_message(GST_MESSAGE_LATENCY));

    auto seeking = GstPtr<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
    gboolean seekable = TRUE;
    fail_unless(gst_pad_query(flv.get(), seeking.get()));
    gst_query_parse_seeking(seeking.get(), nullptr, &seekable, nullptr, nullptr);
    fail_if(seekable);
    // It never blocks if nothing behind it does.
    fail_if(peer_is_nonblocking(rig.src));
    for (auto &[name, output] : rig.outputs)
        output->nonblocking = true;
    fail_unless(peer_is_nonblocking(rig.src));
    rig["audio_0"].nonblocking = false;
    fail_if(peer_is_nonblocking(rig.src));
}
GST_END_TEST

// After a flush: a segment, headers, and a keyframe.
GST_START_TEST(test_flush) {
    Bench rig;
    rig.media(0, 7);
    for (auto &[name, output] : rig.outputs) {
        output->buffers.clear();
        output->events.clear();
    }
    gst_pad_push_event(rig.src, gst_event_new_flush_start());
    gst_pad_push_event(rig.src, gst_event_new_flush_stop(TRUE));
    for (auto &[name, output] : rig.outputs)
        fail_unless(output->count(GST_EVENT_FLUSH_START) == 1 &&
                    output->count(GST_EVENT_FLUSH_STOP) == 1);
    rig.segment();
    rig.media(7, 9);
    for (auto &[name, output] : rig.outputs) {
        fail_unless_equals_int(output->count(GST_EVENT_SEGMENT), 1);
        fail_unless(!output->buffers.empty(), "%s", name.c_str());
    }
    const Output &flv = rig["src"];
    fail_unless(has(flv.buffers.at(0).get(), GST_BUFFER_FLAG_HEADER));
    const auto frames = flv.frames();
    fail_unless(has(frames[0], GST_BUFFER_FLAG_DISCONT));
    for (GstBuffer *buffer : frames)
        if (!has(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) return;
    fail("no keyframe");
}
GST_END_TEST

// Nothing usable is an error at the end; everything can be used again afterwards.
GST_START_TEST(test_ends) {
    Bench rig;
    rig.sender.bytes.assign(2000, 0x11);
    fail_unless_equals_int(rig.push(), GST_FLOW_OK);
    rig.eos();
    fail_unless(rig.has_message(GST_MESSAGE_ERROR));
    fail_unless_equals_int(rig["src"].count(GST_EVENT_EOS), 1);

    fail_unless_equals_int(gst_element_set_state(rig.element, GST_STATE_READY),
                           GST_STATE_CHANGE_SUCCESS);
    gst_pad_set_active(rig.src, FALSE);
    gst_pad_set_active(rig["src"].pad, FALSE);
    gst_pad_set_active(rig.src, TRUE);
    gst_pad_set_active(rig["src"].pad, TRUE);
    rig.start();
    rig.media(0, 7);
    fail_unless_equals_int(rig["video_0"].frames().size(), 6);
    fail_unless_equals_int(rig.stat("skipped-bytes"), 0);
}
GST_END_TEST

// What stock elements and ours write, out again: the same number of frames.
GST_START_TEST(test_muxers) {
    const std::string media = "videotestsrc num-buffers=50 ! "
                              "video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! "
                              "x264enc bframes=2 b-adapt=false key-int-max=25 "
                              "speed-preset=ultrafast ! h264parse ! queue ! "
                              "mux.%s audiotestsrc num-buffers=86 samplesperbuffer=1024 ! "
                              "audio/x-raw,rate=44100,channels=2 "
                              "! avenc_aac ! aacparse ! queue ! mux.%s ";
    for (const auto &[mux, video, audio] :
         {std::tuple("mpegtsmux", "", ""), std::tuple("mpegtsmux alignment=7", "", ""),
          std::tuple("mpegtsmux m2ts-mode=true", "", ""),
          std::tuple("tslivemux", "video", "audio")}) {
        GOwned<> line(g_strdup_printf((media + "%s name=mux ! tslivedemux ! flvlivedemux name=d "
                                               "d.video ! fakesink name=v async=false d.audio ! "
                                               "fakesink name=a async=false")
                                          .c_str(),
                                      video, audio, mux));
        GError *error = nullptr;
        auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.get(), &error));
        fail_if(error, "%s", error ? error->message : "");
        unsigned counts[2] = {};
        for (const auto &[name, count] : {std::pair("v", &counts[0]), std::pair("a", &counts[1])}) {
            auto sink =
                GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
            g_object_set(sink.get(), "signal-handoffs", TRUE, nullptr);
            g_signal_connect_swapped(sink.get(), "handoff", G_CALLBACK(+[](unsigned *n) { ++*n; }),
                                     count);
        }
        auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
        fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s", mux);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        fail_unless_equals_int(counts[0], 50);
        // Those before the first picture are left out.
        fail_unless(counts[1] >= 70, "%s: %u", mux, counts[1]);
    }
}
GST_END_TEST

static Suite *tslivedemux_suite() {
    Suite *s = suite_create("tslivedemux");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_time);
    tcase_add_test(tc, test_lost);
    tcase_add_test(tc, test_program_changes);
    tcase_add_test(tc, test_program_number);
    tcase_add_test(tc, test_no_place);
    tcase_add_test(tc, test_queries);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_ends);
    tcase_add_test(tc, test_muxers);
    return s;
}
GST_CHECK_MAIN(tslivedemux)
