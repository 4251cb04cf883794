// SPDX-License-Identifier: LGPL-2.1-or-later
// livefilesrc: pads, gapless loops of several formats, errors that say how to mend them.
#include "gst/ptr.h"

#include "check.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace penstock;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 30s;

std::string directory() {
    static const std::string path = [] {
        gchar *dir = g_dir_make_tmp("penstock-livefilesrc-XXXXXX", nullptr);
        const std::string text = dir;
        g_free(dir);
        return text;
    }();
    return path;
}

void run_to_eos(const std::string &launch) {
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
    fail_if(error, "%s", error ? error->message : "");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus, 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s",
                launch.c_str());
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

const std::string picture =
    "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! "
    "x264enc bframes=2 b-adapt=false key-int-max=25 ! h264parse ! queue ! mux. ";
/// 2.3 s, longer than the picture's 2 s.
const std::string sound =
    "audiotestsrc num-buffers=108 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=1 ! "
    "avenc_aac ! aacparse ! queue ! mux. ";

/// A file with B-frames and audio that is longer than the video; made once.
std::string movie(const std::string &kind) {
    const std::string path = directory() + "/movie." + kind;
    if (std::filesystem::exists(path)) return path;
    const std::string mux = kind == "mp4"   ? "mp4mux"
                            : kind == "mkv" ? "matroskamux"
                            : kind == "ts"  ? "mpegtsmux"
                                            : "flvmux";
    run_to_eos(picture + sound + mux + " name=mux ! filesink location=" + path);
    return path;
}

struct Seen {
    GstClockTime pts, dts; ///< running times
    bool discont, key;
};

/// livefilesrc with a sink at each pad, unsynchronized.
class Player {
public:
    explicit Player(const std::string &location, bool loop, bool audio = true, bool sync = false) {
        pipeline = gst_pipeline_new(nullptr);
        source = gst_element_factory_make("livefilesrc", nullptr);
        fail_unless(source != nullptr);
        g_object_set(source, "location", location.c_str(), "loop", gboolean(loop), nullptr);
        gst_bin_add(GST_BIN(pipeline), source);
        add_sink("video", sync);
        if (audio) add_sink("audio", sync);
        g_signal_connect(source, "pad-added",
                         G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer data) {
                             static_cast<Player *>(data)->link(pad);
                         }),
                         this);
        g_signal_connect(source, "no-more-pads", G_CALLBACK(+[](GstElement *, gpointer data) {
                             auto *self = static_cast<Player *>(data);
                             std::lock_guard lock(self->mutex);
                             self->complete = true;
                         }),
                         this);
        bus = gst_element_get_bus(pipeline);
    }
    ~Player() {
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(bus);
        // A state change that was still going on lets go by itself.
        const auto end = std::chrono::steady_clock::now() + patience;
        while (GST_OBJECT_REFCOUNT_VALUE(pipeline) > 1 && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        ASSERT_OBJECT_REFCOUNT(pipeline, "pipeline", 1);
        gst_object_unref(pipeline);
    }
    void play() { gst_element_set_state(pipeline, GST_STATE_PLAYING); }
    GstPtr<GstMessage> wait_message(GstMessageType types) {
        return GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, types));
    }
    bool wait_for(const std::string &name, size_t count) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, patience, [&] { return seen[name].size() >= count; });
    }
    std::string error_text() {
        auto message = wait_message(GST_MESSAGE_ERROR);
        if (!message) return "no error";
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        const std::string text = error->message;
        g_error_free(error);
        // One and no more.
        gst_element_set_state(pipeline, GST_STATE_NULL);
        fail_if(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
        return text;
    }
    guint64 stat(const char *name) {
        GstStructure *stats = nullptr;
        g_object_get(source, "stats", &stats, nullptr);
        guint64 value = 0;
        fail_unless(gst_structure_get_uint64(stats, name, &value));
        gst_structure_free(stats);
        return value;
    }

    GstElement *pipeline, *source;
    GstBus *bus;
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::vector<Seen>> seen;
    std::map<std::string, int> eos, flushes, pads;
    bool complete = false, data_before_complete = false;
    bool hold_gap = false, gap_held = false; ///< a GAP waits downstream while `hold_gap`
    size_t most = SIZE_MAX; ///< more of a stream than this waits for the end of the test

private:
    struct Sink {
        Player *player;
        std::string name;
    };
    void add_sink(const char *name, bool sync) {
        GstElement *sink = gst_element_factory_make("fakesink", name);
        g_object_set(sink, "sync", gboolean(sync), "async", TRUE, nullptr);
        gst_bin_add(GST_BIN(pipeline), sink);
        auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        gst_pad_add_probe(
            pad.get(),
            GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                            GST_PAD_PROBE_TYPE_EVENT_FLUSH),
            [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
                auto *s = static_cast<Sink *>(data);
                s->player->on_data(s->name, pad, info);
                return GST_PAD_PROBE_OK;
            },
            new Sink{this, name}, [](gpointer data) { delete static_cast<Sink *>(data); });
    }
    void link(GstPad *pad) {
        const GOwned<> name(gst_pad_get_name(pad));
        {
            std::lock_guard lock(mutex);
            ++pads[name.get()];
        }
        auto *sink = gst_bin_get_by_name(GST_BIN(pipeline), name.get());
        if (!sink) return;
        auto peer = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        gst_pad_link(pad, peer.get());
        gst_object_unref(sink);
    }
    void on_data(const std::string &name, GstPad *pad, GstPadProbeInfo *info) {
        std::unique_lock lock(mutex);
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
            GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
            auto event =
                GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
            const GstSegment *segment;
            gst_event_parse_segment(event.get(), &segment);
            const auto running = [&](GstClockTime time) {
                return GST_CLOCK_TIME_IS_VALID(time)
                           ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, time)
                           : GST_CLOCK_TIME_NONE;
            };
            data_before_complete |= !complete;
            seen[name].push_back({running(GST_BUFFER_PTS(buffer)), running(GST_BUFFER_DTS(buffer)),
                                  bool(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)),
                                  !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)});
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS) {
            ++eos[name];
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_FLUSH_START) {
            ++flushes[name];
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_GAP && hold_gap) {
            gap_held = true;
            changed.notify_all();
            changed.wait(lock, [&] { return !hold_gap; });
        }
        changed.notify_all();
    }
};

/// How many buffers one pass has, by playing the file once.
std::map<std::string, size_t> count_once(const std::string &path) {
    Player player(path, false);
    player.play();
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless_equals_int(player.eos["video"], 1);
    fail_unless_equals_int(player.eos["audio"], 1);
    return {{"video", player.seen["video"].size()}, {"audio", player.seen["audio"].size()}};
}

/// Four passes: nothing lost, no overlap, no end, no flush, A/V distance the same in each.
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
    // Every pass is as long as its longest stream.
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

// Sinks of a pipeline that is being stopped hold what comes, a GAP too, until the source is
// stopped.
GST_START_TEST(test_stops_while_a_gap_waits) {
    Player player(movie("mp4"), true);
    player.hold_gap = true;
    player.play();
    {
        std::unique_lock lock(player.mutex);
        fail_unless(player.changed.wait_for(lock, patience, [&] { return player.gap_held; }));
    }
    // The sound ends as well: this is when the file would begin again.
    fail_unless(player.wait_for("audio", 107));
    std::this_thread::sleep_for(300ms);
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

// Paced by its sinks, and only one of two pads linked.
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

// One stream is over seconds before the other, and what interleaves them waits for both.
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

// Stopped at any moment of a loop.
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
    // 1 s is left of this pass; then a whole one follows.
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

// A truncated file plays as far as it goes, or says what is wrong: never more than one error.
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

static Suite *livefilesrc_suite() {
    Suite *s = suite_create("livefilesrc");
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
    tcase_add_test(tc, test_file_uri_and_restart);
    tcase_add_test(tc, test_stop_while_looping);
    tcase_add_test(tc, test_seek);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_truncated);
    return s;
}

int main(int argc, char **argv) {
    gst_check_init(&argc, &argv);
    directory(); // here, so that every forked test finds the same files
    Suite *suite = livefilesrc_suite();
    const int failed = gst_check_run_suite(suite, "livefilesrc", __FILE__);
    std::filesystem::remove_all(directory());
    return failed;
}
