// SPDX-License-Identifier: LGPL-2.1-or-later
// livefilesrc: gapless loops of several formats.
#include "livefilesrc_rig.hpp"

namespace {

/// The number of buffers of one pass, found by playing the file once.
std::map<std::string, size_t> count_once(const std::string &path) {
    Player player(path, false);
    player.play();
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless_equals_int(player.eos["video"], 1);
    fail_unless_equals_int(player.eos["audio"], 1);
    return {{"video", player.seen["video"].size()}, {"audio", player.seen["audio"].size()}};
}

/// Four passes: nothing lost, no overlap, no end, no flush, the same distance of audio and video in
/// each.
/// `exact_dts`: flvmux and flvdemux do not keep DTS in order inside a file with B-frames.
void check_loop(const std::string &path, bool exact_dts = true) {
    auto count = count_once(path);
    fail_unless_equals_int(count["video"], 50);
    fail_unless(count["audio"] >= 107);
    Player player(path, true);
    player.play();
    fail_unless(player.wait_for("video", 4 * count["video"]));
    fail_unless(player.wait_for("audio", 4 * count["audio"]));
    gst_element_set_state(player.pipeline, GST_STATE_NULL);
    fail_if(player.data_before_complete);
    fail_unless(player.stat("loops") >= 3);

    std::map<std::string, std::vector<GstClockTime>> begins, ends;
    for (const std::string name : {"video", "audio"}) {
        fail_unless_equals_int(player.eos[name], 0);
        fail_unless_equals_int(player.flushes[name], 0);
        fail_unless_equals_int(player.pads[name], 1);
        const auto &seen = player.seen[name];
        GstClockTime newest_dts = 0, bound = 0;
        for (size_t pass = 0; pass < 4; ++pass) {
            GstClockTime begin = GST_CLOCK_TIME_NONE, end = 0;
            for (size_t i = 0; i < count[name]; ++i) {
                const Seen &s = seen[pass * count[name] + i];
                fail_unless(GST_CLOCK_TIME_IS_VALID(s.pts), "%s %zu", name.c_str(), i);
                begin = std::min(begin, s.pts);
                end = std::max(end, s.pts);
                if (pass > 0) fail_if(s.discont, "%s %zu of pass %zu", name.c_str(), i, pass);
                if (i == 0 && name == "video")
                    fail_unless(s.key, "pass %zu begins amid a GOP", pass);
                if (!GST_CLOCK_TIME_IS_VALID(s.dts)) continue;
                fail_unless(s.dts >= (exact_dts ? newest_dts : bound),
                            "%s DTS goes back in pass %zu", name.c_str(), pass);
                newest_dts = std::max(newest_dts, s.dts);
            }
            bound = newest_dts;
            if (pass > 0)
                fail_unless(begin > ends[name].back(), "%s overlaps in pass %zu", name.c_str(),
                            pass);
            begins[name].push_back(begin);
            ends[name].push_back(end);
        }
    }
    const auto skew = [&](size_t pass) {
        return GstClockTimeDiff(begins["video"][pass] - begins["audio"][pass]);
    };
    // Every pass lasts as long as its longest stream.
    const GstClockTime length = begins["audio"][1] - begins["audio"][0];
    fail_unless(length > 2200 * GST_MSECOND && length < 2450 * GST_MSECOND,
                "a pass takes %" GST_TIME_FORMAT, GST_TIME_ARGS(length));
    for (size_t pass = 1; pass < 4; ++pass) {
        fail_unless_equals_int64(skew(pass), skew(0));
        for (const char *name : {"video", "audio"})
            fail_unless_equals_uint64(begins[name][pass] - begins[name][0], pass * length);
    }
}

} // namespace

GST_START_TEST(test_loop_mp4) {
    check_loop(movie("mp4"));
}
GST_END_TEST
GST_START_TEST(test_loop_mkv) {
    check_loop(movie("mkv"));
}
GST_END_TEST
GST_START_TEST(test_loop_ts) {
    check_loop(movie("ts"));
}
GST_END_TEST
GST_START_TEST(test_loop_flv) {
    check_loop(movie("flv"), false);
}
GST_END_TEST

// While a pipeline is being stopped, its sinks hold incoming data, GAP events included, until the
// source is stopped.
GST_START_TEST(test_stops_while_a_gap_waits) {
    Player player(movie("mp4"), true);
    player.hold_gap = true;
    player.play();
    {
        std::unique_lock lock(player.mutex);
        fail_unless(player.changed.wait_for(lock, patience, [&] { return player.gap_held; }));
    }
    // The audio ends as well: now the file would start again.
    fail_unless(player.wait_for("audio", 107));
    std::this_thread::sleep_for(300ms); // no event tells that nothing happens
    const bool free = GST_STATE_TRYLOCK(player.source);
    if (free) GST_STATE_UNLOCK(player.source);
    {
        std::lock_guard lock(player.mutex);
        player.hold_gap = false;
        player.changed.notify_all();
    }
    fail_unless(free, "nobody can stop it");
    fail_unless(player.wait_for("audio", 2 * 107));
    gst_element_set_state(player.pipeline, GST_STATE_NULL);
}
GST_END_TEST

// Paced by the sink, with only one of two pads linked.
GST_START_TEST(test_loop_one_pad_linked) {
    Player player(movie("mp4"), true, false);
    player.play();
    fail_unless(player.wait_for("video", 160));
    gst_element_set_state(player.pipeline, GST_STATE_NULL);
    fail_unless_equals_int(player.eos["video"], 0);
    fail_unless_equals_int(player.pads["audio"], 1);
}
GST_END_TEST

GST_START_TEST(test_loop_video_only) {
    const std::string path = directory() + "/silent.mp4";
    run_to_eos(picture + "mp4mux name=mux ! filesink location=" + path);
    Player player(path, true, false);
    player.play();
    fail_unless(player.wait_for("video", 160));
    gst_element_set_state(player.pipeline, GST_STATE_NULL);
    fail_unless_equals_int(player.pads["audio"], 0);
    const auto &seen = player.seen["video"];
    fail_unless_equals_uint64(seen[50].pts - seen[0].pts, 2 * GST_SECOND);
    fail_unless_equals_uint64(seen[150].pts - seen[0].pts, 6 * GST_SECOND);
}
GST_END_TEST

// One stream ends seconds before the other, and the muxer waits for both.
void check_uneven(const std::string &kind) {
    const std::string path = directory() + "/uneven." + kind;
    const std::string long_sound =
        "audiotestsrc num-buffers=282 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=1 ! "
        "avenc_aac ! aacparse ! queue ! mux. ";
    run_to_eos(picture + long_sound + (kind == "flv" ? "flvmux" : "mp4mux") +
               " name=mux ! filesink location=" + path);
    GstElement *pipeline =
        gst_parse_launch(("livefilesrc loop=true name=src location=" + path +
                          " flvlivemux name=mux ! fakesink name=sink signal-handoffs=true "
                          "src.video ! mux.video src.audio ! mux.audio")
                             .c_str(),
                         nullptr);
    struct Passes {
        std::mutex mutex;
        std::condition_variable changed;
        guint64 loops = 0;
    } passes;
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "src");
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_object_set_data(G_OBJECT(sink), "source", source);
    g_signal_connect(
        sink, "handoff", G_CALLBACK(+[](GstElement *element, GstBuffer *, GstPad *, gpointer data) {
            GstStructure *stats = nullptr;
            g_object_get(g_object_get_data(G_OBJECT(element), "source"), "stats", &stats, nullptr);
            auto *seen = static_cast<Passes *>(data);
            std::lock_guard lock(seen->mutex);
            gst_structure_get_uint64(stats, "loops", &seen->loops);
            gst_structure_free(stats);
            seen->changed.notify_all();
        }),
        &passes);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    {
        std::unique_lock lock(passes.mutex);
        fail_unless(passes.changed.wait_for(lock, patience, [&] { return passes.loops >= 3; }),
                    "stuck in pass %d", int(passes.loops));
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(source);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
}
GST_START_TEST(test_loop_uneven) {
    check_uneven("mp4");
}
GST_END_TEST
GST_START_TEST(test_loop_uneven_reopened) {
    check_uneven("flv");
}
GST_END_TEST

GST_START_TEST(test_loop_ends_when_told) {
    Player player(movie("mp4"), true);
    player.play();
    fail_unless(player.wait_for("video", 60));
    g_object_set(player.source, "loop", FALSE, nullptr);
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless_equals_int(player.seen["video"].size() % 50, 0);
}
GST_END_TEST

// The pipeline is stopped at any moment of a loop.
GST_START_TEST(test_stop_while_looping) {
    for (const char *kind : {"mp4", "flv"}) {
        for (size_t count : {1, 49, 50, 51, 99, 100, 101, 120}) {
            Player player(movie(kind), true);
            player.play();
            fail_unless(player.wait_for("video", count));
        }
    }
}
GST_END_TEST

static Suite *livefilesrc_loop_suite() {
    Suite *s = suite_create("livefilesrc_loop");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_loop_mp4);
    tcase_add_test(tc, test_loop_mkv);
    tcase_add_test(tc, test_loop_ts);
    tcase_add_test(tc, test_loop_flv);
    tcase_add_test(tc, test_stops_while_a_gap_waits);
    tcase_add_test(tc, test_loop_one_pad_linked);
    tcase_add_test(tc, test_loop_video_only);
    tcase_add_test(tc, test_loop_uneven);
    tcase_add_test(tc, test_loop_uneven_reopened);
    tcase_add_test(tc, test_loop_ends_when_told);
    tcase_add_test(tc, test_stop_while_looping);
    return s;
}

int main(int argc, char **argv) {
    return run_with_files(argc, argv, "livefilesrc_loop", livefilesrc_loop_suite, __FILE__);
}
