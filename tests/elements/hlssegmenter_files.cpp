// SPDX-License-Identifier: LGPL-2.1-or-later
// hlssegmenter writing files: a stream from start to EOS, flush, states, and a disk that fails or
// blocks.
#include "elements/hls_bench.hpp"
#include "unit/mp4_reader.hpp"

#include <condition_variable>
#include <mutex>

#include <sys/syscall.h>

/// Blocks writes into a directory.
struct BlockedDisk {
    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<bool> any{false};
    std::string directory;
    bool hanging = false;

    void block(const std::string &path) {
        std::lock_guard lock(mutex);
        directory = path;
        any = !path.empty();
        hanging = false;
        changed.notify_all();
    }
    void await_hang() {
        std::unique_lock lock(mutex);
        fail_unless(changed.wait_for(lock, 30s, [&] { return hanging; }));
    }
    void pass(int fd) {
        if (!any) return;
        char path[512];
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t size = readlink(link.c_str(), path, sizeof path);
        std::unique_lock lock(mutex);
        const auto held = [&] {
            return size > 0 && !directory.empty() &&
                   std::string_view(path, size_t(size)).starts_with(directory);
        };
        hanging = hanging || held();
        changed.notify_all();
        changed.wait(lock, [&] { return !held(); });
    }
};
static BlockedDisk blocked_disk;

// Replaces the C library's function, for the plugins too.
extern "C" ssize_t write(int fd, const void *data, size_t size) {
    blocked_disk.pass(fd);
    return syscall(SYS_write, fd, data, size);
}

GST_START_TEST(test_files) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    fail_unless_equals_int(bench.push(0, 5000), GST_FLOW_OK);
    fail_unless(bench.has_message(GST_MESSAGE_STREAM_START));
    bench.await("segments", 2);
    fail_unless_equals_int(place.read().segments.size(), 2);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
    fail_if(bench.has_message(GST_MESSAGE_EOS));
    fail_unless(gst_harness_push_event(bench.audio, gst_event_new_eos()));
    fail_unless(bench.has_message(GST_MESSAGE_EOS));
    const auto list = place.read();
    fail_unless(list.segments.size() == 3 && list.ended);
    fail_unless_equals_int64(list.segments[0].duration, 2 * sec);
    fail_unless_equals_int64(list.segments[2].duration, 1 * sec);
    const auto streams = place.streams();
    fail_unless_equals_int(streams[1].of(rig::video_pid).size(), 50);
    fail_unless(streams[1].of(rig::video_pid)[0].random_access);
    fail_unless_equals_uint64(bench.stat("segments"), 3);
    fail_unless_equals_uint64(bench.stat("buffers-in"), 125 + 250);
    fail_unless_equals_uint64(bench.stat("drops"), 0);
    fail_unless(bench.stat("bytes-out") > 188 * 250);
    fail_unless_equals_int(bench.push(5000, 5040), GST_FLOW_EOS);
}
GST_END_TEST

GST_START_TEST(test_renegotiation) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 4000);
    gst_harness_set_src_caps(bench.video, video_caps(0x1E));
    bench.push(4000, 6000);
    gst_harness_push_event(bench.video, gst_event_new_eos());
    const auto list = place.read();
    fail_unless(list.segments.size() == 3 && list.segments[2].discontinuity &&
                !list.segments[1].discontinuity);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 3000);
    for (GstHarness *harness : {bench.video, bench.audio}) {
        gst_harness_push_event(harness, gst_event_new_flush_start());
        bench.await("segments", 1);
    }
    fail_unless_equals_int(bench.push(3000, 3040), GST_FLOW_FLUSHING);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    // A seek's flush may reach the second pad when the first one already sends again.
    const guint32 seqnum = gst_util_seqnum_next();
    for (GstHarness *harness : {bench.video, bench.audio}) {
        GstEvent *stop = gst_event_new_flush_stop(TRUE);
        gst_event_set_seqnum(stop, seqnum);
        gst_harness_push_event(harness, stop);
        gst_harness_push_event(harness, gst_event_new_segment(&segment));
        if (harness == bench.video)
            gst_harness_push(harness, buffer_of_sample(rig::video_sample(0, 0, true)));
    }
    bench.push(40, 4000);
    for (GstHarness *harness : {bench.video, bench.audio})
        gst_harness_push_event(harness, gst_event_new_eos());
    const auto list = place.read();
    fail_unless(list.segments.size() == 3 && list.segments[1].discontinuity);
    fail_unless(bench.has_message(GST_MESSAGE_EOS));
}
GST_END_TEST

// Every return to READY finishes the last segment; the next run begins with a discontinuity.
GST_START_TEST(test_states) {
    Place place;
    Bench bench(place.location());
    g_object_set(bench.element, "playlist-length", 20, nullptr);
    bench.add_video();
    for (int i = 0; i < 5; ++i) {
        bench.state(GST_STATE_PLAYING);
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        if (i > 0) {
            gst_harness_push_event(bench.video, gst_event_new_stream_start("x"));
            gst_harness_set_src_caps(bench.video, video_caps());
            gst_harness_push_event(bench.video, gst_event_new_segment(&segment));
        }
        fail_unless_equals_int(bench.push(0, 3000), GST_FLOW_OK);
        bench.state(i % 2 ? GST_STATE_READY : GST_STATE_NULL);
        const auto list = place.read();
        fail_unless_equals_int(list.segments.size(), 2 * (i + 1));
        fail_unless(list.ended);
        fail_unless_equals_int(list.segments[size_t(2 * i)].discontinuity, i > 0);
    }
}
GST_END_TEST

// EOS in PAUSED is posted in PLAYING; an unlinked pad holds nothing up; GAP counts as progress.
GST_START_TEST(test_eos_and_gap) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PAUSED);
    GstHarness *audio = std::exchange(bench.audio, nullptr);
    gst_harness_push_event(audio, gst_event_new_gap(0, 5 * GST_SECOND));
    bench.push(0, 4100);
    bench.await("segments", 2); // nobody waits for audio
    gst_harness_teardown(audio);
    gst_harness_push_event(bench.video, gst_event_new_eos());
    fail_if(bench.has_message(GST_MESSAGE_EOS));
    fail_unless(place.read().ended);
    bench.state(GST_STATE_PLAYING);
    fail_unless(bench.has_message(GST_MESSAGE_EOS));
}
GST_END_TEST

GST_START_TEST(test_bad_buffers) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
    gst_buffer_memset(buffer, 0, 0xFF, 100);
    GST_BUFFER_PTS(buffer) = 0;
    fail_unless_equals_int(gst_harness_push(bench.video, buffer), GST_FLOW_OK);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    buffer = gst_buffer_new_allocate(nullptr, 100, nullptr); // no timestamp
    fail_unless_equals_int(gst_harness_push(bench.video, buffer), GST_FLOW_OK);
    fail_unless_equals_int(gst_harness_push(bench.video, gst_buffer_new()), GST_FLOW_OK);
    fail_unless_equals_uint64(bench.stat("drops"), 3);
    bench.push(0, 4100);
    bench.await("segments", 2);
    fail_if(bench.has_message(GST_MESSAGE_ERROR));
}
GST_END_TEST

// A package: its playlist is there when it is whole, and is not overwritten.
GST_START_TEST(test_vod) {
    Place place;
    const fs::path playlist = place.path / "index.m3u8";
    for (const bool has_end : {true, false}) {
        Bench bench(playlist.string()); // a location without a scheme
        g_object_set(bench.element, "vod", TRUE, "target-duration", guint64(1'000'000'000),
                     nullptr);
        bench.add_video();
        bench.add_audio();
        bench.state(GST_STATE_PLAYING);
        fail_unless_equals_int(bench.push(0, 5000), GST_FLOW_OK);
        bench.await("segments", 2);
        fail_if(fs::exists(playlist));
        if (has_end) {
            fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
            fail_unless(gst_harness_push_event(bench.audio, gst_event_new_eos()));
            fail_unless(bench.has_message(GST_MESSAGE_EOS));
            fail_if(bench.has_message(GST_MESSAGE_WARNING));
        } else {
            bench.state(GST_STATE_NULL);
            fail_unless(bench.has_message(GST_MESSAGE_WARNING));
        }
        const auto list = place.read();
        fail_unless(list.type == playlist::Type::vod && list.ended && list.independent_segments);
        fail_unless_equals_int(list.segments.size(), 3);
        fail_unless_equals_uint64(list.target_duration, 2);
        fail_if(list.segments[0].program_date_time);
        {
            Bench another(playlist.string());
            g_object_set(another.element, "vod", TRUE, nullptr);
            fail_unless(gst_element_set_state(another.element, GST_STATE_PLAYING) ==
                        GST_STATE_CHANGE_FAILURE);
        }
        fs::remove(playlist);
    }
    Bench served("http://127.0.0.1:0/live/a/index.m3u8");
    g_object_set(served.element, "vod", TRUE, nullptr);
    fail_unless(gst_element_set_state(served.element, GST_STATE_PLAYING) ==
                GST_STATE_CHANGE_FAILURE);
    // One file is for a package.
    Bench live(playlist.string());
    g_object_set(live.element, "single-file", TRUE, nullptr);
    fail_unless(gst_element_set_state(live.element, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
}
GST_END_TEST

// Several renditions, each one file.
GST_START_TEST(test_vod_single_files) {
    Place place;
    Bench bench((place.path / "index.m3u8").string());
    gst_util_set_object_arg(G_OBJECT(bench.element), "container", "cmaf");
    gst_util_set_object_arg(G_OBJECT(bench.element), "renditions", "separate");
    g_object_set(bench.element, "vod", TRUE, "single-file", TRUE, nullptr);
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    fail_unless_equals_int(bench.push(0, 5000), GST_FLOW_OK);
    gst_harness_push_event(bench.video, gst_event_new_eos());
    gst_harness_push_event(bench.audio, gst_event_new_eos());
    fail_unless(bench.has_message(GST_MESSAGE_EOS));
    fail_unless(fs::exists(place.path / "index.m3u8"));
    for (const char *name : {"video_0", "audio_0"}) {
        const fs::path folder = place.path / "index" / name;
        std::ostringstream text;
        text << std::ifstream(folder / "index.m3u8").rdbuf();
        playlist::MediaPlaylist list;
        fail_unless(playlist::parse(text.str(), list).is_ok());
        fail_unless_equals_int(list.segments.size(), 3);
        const auto &last = list.segments.back().range;
        fail_unless(last && last->offset + last->length == fs::file_size(folder / "index.mp4"));
        fail_unless_equals_int(std::distance(fs::directory_iterator(folder), {}), 2);
    }
}
GST_END_TEST

// A package with a hole is none: an error, and no playlist.
GST_START_TEST(test_vod_with_a_hole) {
    Place place;
    const fs::path inner = place.path / "inner";
    Bench bench((inner / "index.m3u8").string());
    g_object_set(bench.element, "vod", TRUE, nullptr);
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 2100);
    bench.await("segments", 1);
    fs::rename(inner, place.path / "moved");
    bench.push(2120, 4100);
    bench.await("lost-segments", 1);
    fs::rename(place.path / "moved", inner);
    bench.push(4120, 8100);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_eos()));
    fail_unless(bench.has_message(GST_MESSAGE_ERROR));
    fail_if(bench.has_message(GST_MESSAGE_EOS));
    fail_if(fs::exists(inner / "index.m3u8"));
}
GST_END_TEST

// A directory that becomes read-only: a warning for each segment, and the element continues.
GST_START_TEST(test_write_error) {
    Place place;
    const fs::path inner = place.path / "inner";
    Bench bench("file://" + (inner / "index.m3u8").string());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 2100);
    bench.await("segments", 1);
    fs::rename(inner, place.path / "moved");
    fail_unless_equals_int(bench.push(2120, 4100), GST_FLOW_OK);
    bench.await("lost-segments", 1);
    bench.push(4120, 4160);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fs::rename(place.path / "moved", inner);
    bench.push(4160, 8100);
    bench.await("segments", 3);
    std::ifstream in(inner / "index.m3u8");
    std::ostringstream text;
    text << in.rdbuf();
    playlist::MediaPlaylist list;
    fail_unless(playlist::parse(text.str(), list).is_ok());
    fail_unless_equals_int(list.segments.size(), 3);
    fail_unless(list.segments[1].discontinuity && !list.segments[2].discontinuity);
    fail_if(bench.has_message(GST_MESSAGE_ERROR));
}
GST_END_TEST

// A disk that blocks: the stream continues, statistics can be read, and a warning is posted.
GST_START_TEST(test_blocked_disk) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    blocked_disk.block(place.path.string());
    fail_unless_equals_int(bench.push(0, 2100), GST_FLOW_OK);
    blocked_disk.await_hang();
    fail_unless_equals_uint64(bench.stat("segments"), 0);
    fail_if(bench.has_message(GST_MESSAGE_WARNING));
    // One segment is being written, as many wait as are kept, two are lost.
    fail_unless_equals_int(bench.push(2120, 22'100), GST_FLOW_OK);
    fail_unless_equals_uint64(bench.stat("lost-segments"), 2);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    blocked_disk.block({});
    bench.await("segments", 9);
    bench.push(22'120, 24'100);
    bench.await("segments", 10);
    const auto list = place.read();
    fail_unless_equals_uint64(list.media_sequence + list.segments.size(), 10);
    for (size_t i = 0; i < list.segments.size(); ++i)
        fail_unless_equals_int(list.segments[i].discontinuity, i + 1 == list.segments.size());
    fail_if(bench.has_message(GST_MESSAGE_ERROR));
}
GST_END_TEST

// Data after EOS is refused, because an ENDLIST is never taken back.
GST_START_TEST(test_after_the_end) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 3000);
    gst_harness_push_event(bench.video, gst_event_new_eos());
    const auto ended = place.read();
    fail_unless(ended.ended && ended.segments.size() == 2);
    gst_harness_push_event(bench.video, gst_event_new_flush_start());
    gst_harness_push_event(bench.video, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(bench.video, gst_event_new_segment(&segment));
    bench.push(0, 2100);
    bench.await("lost-segments", 1);
    bench.push(2120, 2160);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_unless(place.read().ended && place.read().segments == ended.segments);
}
GST_END_TEST

// Real encoded video with B-frames: the playlist's durations are those of the segments.
GST_START_TEST(test_real_pipeline) {
    Place place;
    const std::string line =
        "videotestsrc num-buffers=150 ! "
        "video/x-raw,format=I420,width=320,height=240,framerate=25/1 "
        "! x264enc key-int-max=50 bframes=2 speed-preset=ultrafast ! h264parse ! hls.video_0 "
        "audiotestsrc num-buffers=280 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! "
        "audioconvert ! avenc_aac ! aacparse ! hls.audio_0 hlssegmenter name=hls sync=false "
        "location=" +
        place.location();
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
    fail_unless(pipeline && !error, "%s", error ? error->message : "");
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, 50 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);

    const auto list = place.read();
    const auto streams = place.streams();
    fail_unless(list.ended && list.segments.size() >= 3);
    int64_t sum = 0;
    std::optional<uint64_t> last_dts;
    for (size_t i = 0; i < streams.size(); ++i) {
        const auto video = streams[i].of(rig::video_pid);
        fail_unless(video.size() > 1 && video[0].random_access &&
                    !streams[i].of(rig::audio_pid).empty());
        for (const ts::Pes &pes : video) {
            fail_unless(!last_dts || pes.dts > *last_dts);
            last_dts = pes.dts;
        }
        if (i + 1 < streams.size()) {
            const auto next = streams[i + 1].of(rig::video_pid).at(0).pts;
            const int64_t real = int64_t(next - video[0].pts) * 100'000 / 9;
            fail_unless(std::abs(real - list.segments[i].duration) < ms);
        }
        fail_if(list.segments[i].discontinuity);
        sum += list.segments[i].duration;
    }
    fail_unless(std::abs(sum - 6 * sec) < 50 * ms);
}
GST_END_TEST

GST_START_TEST(test_cmaf_files) {
    Place place;
    Bench bench(place.location());
    gst_util_set_object_arg(G_OBJECT(bench.element), "container", "cmaf");
    g_object_set(bench.element, "playlist-length", 3, nullptr);
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    fail_unless_equals_int(bench.push(0, 4000), GST_FLOW_OK);
    gst_harness_set_src_caps(bench.video, video_caps(0x1E)); // another configuration
    fail_unless_equals_int(bench.push(4000, 14'000), GST_FLOW_OK);
    bench.await("segments", 6);
    const auto list = place.read();
    fail_unless_equals_int(list.segments.size(), 3);
    fail_unless(!list.segments[0].map.empty() && list.segments[1].map == list.segments[0].map);
    for (const auto &segment : list.segments) {
        const auto read = [&](const std::string &name) {
            std::ifstream in(place.path / name, std::ios::binary);
            std::ostringstream text;
            text << in.rdbuf();
            return text.str();
        };
        const std::string init = read(segment.map), media = read(segment.uri);
        const auto bytes = [](const std::string &text) {
            return ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size());
        };
        const mp4::Init tracks = mp4::read_init(bytes(init));
        fail_unless_equals_int(tracks.tracks.size(), 2);
        fail_unless_equals_int(tracks.track(1).config("avcC")[3], 0x1E);
        const auto fragments = mp4::read_segment(bytes(media));
        fail_unless_equals_int(fragments[0].tracks.at(1).size(), 50);
        fail_unless(fragments[0].tracks.at(1)[0].sync());
    }
    // The init segment of the first configuration is removed with the last segment that needed it.
    std::set<std::string> names;
    for (const auto &entry : fs::directory_iterator(place.path))
        if (entry.path().extension() == ".mp4") names.insert(entry.path().filename());
    fail_unless_equals_int(names.size(), 2);
    fail_unless_equals_int(bench.push(14'000, 22'000), GST_FLOW_OK);
    bench.await("segments", 10);
    names.clear();
    for (const auto &entry : fs::directory_iterator(place.path))
        if (entry.path().extension() == ".mp4") names.insert(entry.path().filename());
    fail_unless(names == std::set<std::string>{list.segments[0].map});
}
GST_END_TEST

static Suite *hlssegmenter_files_suite() {
    Suite *s = suite_create("hlssegmenter_files");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_files);
    tcase_add_test(tc, test_cmaf_files);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_eos_and_gap);
    tcase_add_test(tc, test_bad_buffers);
    tcase_add_test(tc, test_vod);
    tcase_add_test(tc, test_vod_single_files);
    tcase_add_test(tc, test_vod_with_a_hole);
    tcase_add_test(tc, test_write_error);
    tcase_add_test(tc, test_blocked_disk);
    tcase_add_test(tc, test_after_the_end);
    tcase_add_test(tc, test_real_pipeline);
    return s;
}
GST_CHECK_MAIN(hlssegmenter_files)
