// SPDX-License-Identifier: LGPL-2.1-or-later
// livefilesrc: locations, restarts, seeks, and errors that suggest a remedy.
#include "livefilesrc_rig.hpp"

#include "eventually.hpp"
#include "gst/longest_gop.h"

GST_START_TEST(test_file_uri_and_restart) {
    const std::string path = directory() + "/a movie.mp4";
    if (!std::filesystem::exists(path)) std::filesystem::copy_file(movie("mp4"), path);
    const GOwned<> uri(g_filename_to_uri(path.c_str(), nullptr, nullptr));
    Player player(uri.get(), false);
    for (int i = 1; i <= 3; ++i) {
        player.play();
        auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
        fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
        gst_element_set_state(player.pipeline, GST_STATE_NULL);
        fail_unless_equals_int(player.seen["video"].size(), 50 * i);
        fail_unless_equals_int(player.pads["video"], i);
        auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(player.source, "video"));
        fail_if(pad);
    }
}
GST_END_TEST

GST_START_TEST(test_seek) {
    Player player(movie("mp4"), true, true, true);
    player.play();
    fail_unless(player.wait_message(GST_MESSAGE_ASYNC_DONE));
    fail_unless(player.wait_for("video", 5));
    fail_unless(gst_element_seek_simple(player.pipeline, GST_FORMAT_TIME,
                                        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT),
                                        GST_SECOND));
    fail_unless(player.wait_message(GST_MESSAGE_ASYNC_DONE));
    fail_unless(player.flushes["video"] >= 1);
    // 1 s is left of this pass; a whole pass follows.
    fail_unless(player.wait_for("video", player.seen["video"].size() + 40));
    gst_element_set_state(player.pipeline, GST_STATE_NULL);
    fail_unless_equals_int(player.eos["video"], 0);
}
GST_END_TEST

static void expect_error(const std::string &location, std::initializer_list<const char *> words) {
    Player player(location, false);
    player.play();
    const std::string text = player.error_text();
    for (const char *word : words)
        fail_unless(text.find(word) != std::string::npos, "\"%s\" lacks \"%s\"", text.c_str(),
                    word);
}

GST_START_TEST(test_errors) {
    expect_error("", {"location"});
    expect_error("/nowhere/movie.mp4", {"/nowhere/movie.mp4", "no file", "location"});
    expect_error("http://127.0.0.1/movie.mp4", {"not a local file", "file://"});
    expect_error(directory(), {"not a regular file"});
    const std::string base = directory();
    std::ofstream(base + "/empty.mp4").flush();
    expect_error(base + "/empty.mp4", {"empty"});
    {
        std::ofstream text(base + "/text.mp4");
        for (int i = 0; i < 1000; ++i)
            text << "This is text and no film.\n";
    }
    expect_error(base + "/text.mp4", {"text.mp4", "choose another file"});
    {
        std::ofstream noise(base + "/noise.mp4", std::ios::binary);
        std::mt19937 random(1);
        for (int i = 0; i < 50000; ++i)
            noise.put(char(random()));
    }
    expect_error(base + "/noise.mp4", {"noise.mp4"});
    if (geteuid() != 0) { // root reads everything
        std::filesystem::copy_file(movie("mp4"), base + "/secret.mp4",
                                   std::filesystem::copy_options::overwrite_existing);
        chmod((base + "/secret.mp4").c_str(), 0);
        expect_error(base + "/secret.mp4", {"secret.mp4", "right to read"});
    }
}
GST_END_TEST

// A truncated file plays to its end, or gives a single error.
GST_START_TEST(test_truncated) {
    const std::string path = directory() + "/cut.ts";
    std::filesystem::copy_file(movie("ts"), path,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    Player player(path, false);
    player.play();
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless(player.seen["video"].size() > 10);
}
GST_END_TEST

// The longest time between keyframes, and from the last one to the end.
GST_START_TEST(test_longest_gop) {
    const auto film = [](const std::string &name, const std::string &encoder) {
        const std::string path = directory() + "/" + name;
        run_to_eos("videotestsrc num-buffers=200 ! "
                   "video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! x264enc "
                   "option-string=scenecut=0 " +
                   encoder + " ! h264parse ! mp4mux ! filesink location=" + path);
        return path;
    };
    const struct {
        std::string path;
        guint64 enough, least, most; ///< ms
    } cases[] = {
        {film("often.mp4", "key-int-max=25 bframes=2"), 60'000, 1000, 1000},
        {film("seldom.mp4", "key-int-max=75"), 60'000, 3000, 3000},
        {film("once.mp4", "key-int-max=1000"), 60'000, 7960, 7960},
        {film("once.mp4", "key-int-max=1000"), 2000, 2001, 7960}, // it needs no more to be read
    };
    for (const auto &c : cases) {
        Player player(c.path, false);
        player.play();
        fail_unless(player.wait_for("video", 1));
        const auto sink =
            GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(player.pipeline), "video"));
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink.get(), "sink"));
        const auto longest = upstream_longest_gop(pad.get(), c.enough * GST_MSECOND);
        fail_unless(longest.has_value());
        fail_unless(*longest >= c.least * GST_MSECOND && *longest <= c.most * GST_MSECOND,
                    "%s: %" G_GUINT64_FORMAT, c.path.c_str(), guint64(*longest));
    }
}
GST_END_TEST

// Audio goes no further than 5 s ahead of video that something downstream holds up, or what waits
// would be as much as the file has.
GST_START_TEST(test_held_up) {
    const std::string path = directory() + "/long.mp4";
    run_to_eos("videotestsrc num-buffers=600 ! "
               "video/x-raw,format=I420,width=64,height=64,framerate=10/1 ! x264enc ! h264parse ! "
               "queue max-size-time=0 ! mux. audiotestsrc num-buffers=600 samplesperbuffer=800 ! "
               "audio/x-raw,rate=8000,channels=1 ! avenc_aac ! aacparse ! queue max-size-time=0 ! "
               "mp4mux name=mux ! filesink location=" +
               path);
    Player player(path, false);
    std::unique_lock lock(player.mutex);
    player.hold_at["video"] = 20;
    lock.unlock();
    player.play();
    fail_unless(player.wait_for("video", 20));
    fail_unless(player.wait_for("audio", 20));
    const auto reached = [&] {
        std::lock_guard guarded(player.mutex);
        return player.seen["audio"].back().pts;
    };
    fail_unless(penstock_test::eventually([&] { return reached() > 6 * GST_SECOND; }));
    penstock_test::settled(reached);
    fail_unless(reached() < 15 * GST_SECOND, "%" GST_TIME_FORMAT, GST_TIME_ARGS(reached()));
    lock.lock();
    player.hold_at.clear();
    player.changed.notify_all();
    lock.unlock();
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless_equals_int(player.seen["video"].size(), 600);
}
GST_END_TEST

static Suite *livefilesrc_suite() {
    Suite *s = suite_create("livefilesrc");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_file_uri_and_restart);
    tcase_add_test(tc, test_seek);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_truncated);
    tcase_add_test(tc, test_longest_gop);
    tcase_add_test(tc, test_held_up);
    return s;
}

int main(int argc, char **argv) {
    return run_with_files(argc, argv, "livefilesrc", livefilesrc_suite, __FILE__);
}
