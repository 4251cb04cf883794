// SPDX-License-Identifier: LGPL-2.1-or-later
// hlssegmenter: caps, events, flush, EOS, state changes, both kinds of location.
#include "core/net/http/hls/mount.h"
#include "core/net/stream/mounts.h"
#include "core/playlist/playlist.h"
#include "gst/nonblocking.h"
#include "unit/hls_rig.hpp"

#include "check.hpp"

using namespace penstock;
using rig::ms;
using rig::sec;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A directory that goes with the test.
struct Place {
    fs::path path;
    Place() {
        std::string name = (fs::temp_directory_path() / "penstock-hlsel-XXXXXX").string();
        fail_unless(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Place() { fs::remove_all(path); }
    std::string location() const { return "file://" + (path / "index.m3u8").string(); }
    playlist::MediaPlaylist read() const {
        std::ifstream in(path / "index.m3u8");
        std::ostringstream text;
        text << in.rdbuf();
        playlist::MediaPlaylist list;
        if (!playlist::parse(text.str(), list).is_ok()) return {};
        return list;
    }
    std::vector<ts::Stream> streams() const {
        std::vector<ts::Stream> list;
        for (const auto &segment : read().segments) {
            std::ifstream in(path / segment.uri, std::ios::binary);
            std::ostringstream text;
            text << in.rdbuf();
            const std::string bytes = text.str();
            list.push_back(
                ts::read({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}));
        }
        return list;
    }
};

static GstCaps *caps_with(const char *text, const std::vector<uint8_t> &codec_data) {
    GstCaps *caps = gst_caps_from_string(text);
    GstBuffer *buffer = gst_buffer_new_memdup(codec_data.data(), codec_data.size());
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, buffer, nullptr);
    gst_buffer_unref(buffer);
    return caps;
}
static GstCaps *video_caps(uint8_t level = 0x0D) {
    return caps_with("video/x-h264, stream-format=avc, alignment=au", rig::avc_record(level));
}
static GstCaps *audio_caps() {
    return caps_with("audio/mpeg, mpegversion=4, stream-format=raw",
                     codec::build_aac_config(2, 48000, 2));
}

static GstBuffer *buffer_of_sample(const hls::Sample &sample) {
    GstBuffer *buffer = gst_buffer_new_memdup(sample.data.data(), sample.data.size());
    GST_BUFFER_PTS(buffer) = GstClockTime(sample.pts);
    GST_BUFFER_DTS(buffer) = GstClockTime(sample.dts.value_or(sample.pts));
    GST_BUFFER_DURATION(buffer) = GstClockTime(sample.duration);
    if (!sample.keyframe) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    return buffer;
}

/// One element with up to two harnesses on its pads, and its bus.
struct Bench {
    GstElement *element;
    GstBus *bus = gst_bus_new();
    GstHarness *video = nullptr, *audio = nullptr;

    explicit Bench(const std::string &location, const char *sync_ = "false") : sync(sync_) {
        element = gst_element_factory_make("hlssegmenter", nullptr);
        fail_unless(element != nullptr);
        gst_object_ref_sink(element);
        gst_element_set_bus(element, bus);
        g_object_set(element, "location", location.c_str(), nullptr);
        gst_util_set_object_arg(G_OBJECT(element), "sync", sync.c_str());
    }
    ~Bench() {
        gst_element_set_state(element, GST_STATE_NULL);
        for (GstHarness *harness : {video, audio})
            if (harness) gst_harness_teardown(harness);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "hlssegmenter", 1);
        gst_object_unref(element);
    }
    std::string sync;
    /// The harness sets sync=false, and starts the element.
    void restore() {
        state(GST_STATE_NULL);
        gst_util_set_object_arg(G_OBJECT(element), "sync", sync.c_str());
    }
    void add_video(GstCaps *caps = video_caps()) {
        video = gst_harness_new_with_element(element, "video_0", nullptr);
        restore();
        state(GST_STATE_PAUSED);
        gst_harness_set_src_caps(video, caps);
    }
    void add_audio(GstCaps *caps = audio_caps()) {
        audio = gst_harness_new_with_element(element, "audio_0", nullptr);
        restore();
        state(GST_STATE_PAUSED);
        gst_harness_set_src_caps(audio, caps);
    }
    void state(GstState to) {
        fail_unless_equals_int(gst_element_set_state(element, to), GST_STATE_CHANGE_SUCCESS);
    }
    /// Pictures and sound of [from, to) ms.
    GstFlowReturn push(int from, int to, bool discont = false) {
        GstFlowReturn flow = GST_FLOW_OK;
        for (int t = from; t < to && flow == GST_FLOW_OK; t += 40) {
            if (video) {
                GstBuffer *buffer = buffer_of_sample(rig::video_sample(
                    t * ms, t * ms, t % 2000 == 0, static_cast<uint32_t>(t / 40)));
                if (discont && t == from) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
                flow = gst_harness_push(video, buffer);
            }
            for (int a = 0; audio && a < 40 && flow == GST_FLOW_OK; a += 20)
                flow = gst_harness_push(audio,
                                        buffer_of_sample(rig::audio_sample((t + a) * ms, 20 * ms)));
        }
        return flow;
    }
    bool has_message(GstMessageType type) {
        GstMessage *message = gst_bus_pop_filtered(bus, type);
        if (message) gst_message_unref(message);
        return message != nullptr;
    }
    guint64 stat(const char *name) const {
        GstStructure *stats = nullptr;
        g_object_get(element, "stats", &stats, nullptr);
        guint64 value = 0;
        fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
        gst_structure_free(stats);
        return value;
    }
    std::string url() const {
        GstStructure *stats = nullptr;
        g_object_get(element, "stats", &stats, nullptr);
        const std::string url = gst_structure_get_string(stats, "url");
        gst_structure_free(stats);
        return url;
    }
};

/// The mount at a URL; without a path if there is none.
static net::MountInfo mount_at(const std::string &url) {
    for (const net::MountInfo &mount : net::Mounts::instance().snapshot("hls"))
        if (url.ends_with(":" + std::to_string(mount.address.port) + "/" + mount.path))
            return mount;
    return {};
}

static constexpr const char *any_port = "http://127.0.0.1:0/live/x/index.m3u8";

GST_START_TEST(test_files) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    fail_unless_equals_int(bench.push(0, 5000), GST_FLOW_OK);
    fail_unless(bench.has_message(GST_MESSAGE_STREAM_START));
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

GST_START_TEST(test_pads) {
    Bench bench(any_port);
    GstPad *video = gst_element_request_pad_simple(bench.element, "video_%u");
    GstPad *audio = gst_element_request_pad_simple(bench.element, "audio_3");
    fail_unless(video && audio);
    fail_unless_equals_string(GST_PAD_NAME(video), "video_0");
    fail_unless_equals_string(GST_PAD_NAME(audio), "audio_3");
    fail_if(gst_element_request_pad_simple(bench.element, "video_%u"));
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_if(gst_element_request_pad_simple(bench.element, "audio_%u"));
    gst_element_release_request_pad(bench.element, video);
    gst_object_unref(video);
    video = gst_element_request_pad_simple(bench.element, "video_7"); // there is room again
    fail_unless(video != nullptr);
    for (GstPad *pad : {video, audio}) {
        gst_element_release_request_pad(bench.element, pad);
        ASSERT_OBJECT_REFCOUNT(pad, "pad", 1);
        gst_object_unref(pad);
    }
    fail_unless(GST_OBJECT_FLAG_IS_SET(bench.element, GST_ELEMENT_FLAG_SINK));
}
GST_END_TEST

GST_START_TEST(test_bad_settings) {
    for (const char *location : {"", "rtmp://x/y", "http://127.0.0.1:0/",
                                 "http://127.0.0.1:0/a.mp4", "http://127.0.0.1:99999/a.m3u8",
                                 "https://127.0.0.1:0/a.m3u8", "file:///proc/none/a.m3u8"}) {
        Bench bench(location);
        fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bench.has_message(GST_MESSAGE_ERROR), "no error for '%s'", location);
    }
    Bench bench(any_port);
    g_object_set(bench.element, "playlist-length", 0, nullptr);
    fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    // Mended, it works.
    g_object_set(bench.element, "playlist-length", 3, nullptr);
    bench.state(GST_STATE_PAUSED);
}
GST_END_TEST

GST_START_TEST(test_caps) {
    Bench bench(any_port);
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PLAYING);
    GstPad *pad = gst_element_get_static_pad(bench.element, "video_0");
    for (const char *text :
         {"video/x-h264, stream-format=avc, alignment=nal", "video/x-h265, stream-format=hvc1"}) {
        GstCaps *caps = gst_caps_from_string(text);
        fail_if(gst_pad_query_accept_caps(pad, caps), "%s was accepted", text);
        gst_caps_unref(caps);
    }
    gst_object_unref(pad);
    // Configuration that is missing or broken is refused with its reason.
    GstCaps *caps = gst_caps_from_string("video/x-h264, stream-format=avc, alignment=au");
    gst_harness_push_event(bench.video, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_unless_equals_int(bench.push(0, 40), GST_FLOW_NOT_NEGOTIATED);
    caps = caps_with("video/x-h264, stream-format=avc, alignment=au", {1, 2, 3});
    gst_harness_push_event(bench.video, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_unless_equals_int(bench.push(0, 40), GST_FLOW_NOT_NEGOTIATED);
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
        fail_unless_equals_int(bench.stat("segments"), 1);
    }
    fail_unless_equals_int(bench.push(3000, 3040), GST_FLOW_FLUSHING);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    // A seek's flush reaches the second pad when the first one already sends again.
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

// Every return to READY finishes the last segment; the next run goes on with a discontinuity.
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

GST_START_TEST(test_mount) {
    std::string url;
    {
        Bench bench(any_port);
        bench.add_video();
        bench.add_audio();
        bench.state(GST_STATE_PLAYING);
        url = bench.url();
        fail_unless(url.starts_with("http://127.0.0.1:") && url.ends_with("/live/x/index.m3u8"));
        bench.push(0, 4100);
        const net::MountInfo mount = mount_at(url);
        fail_unless(mount.live && mount.media.segments == 2);
        fail_unless(mount.media.codecs == "avc1.64000d,mp4a.40.2" && mount.media.width == 320);
        // The same URL is taken, and says so.
        Bench second(url);
        fail_unless_equals_int(gst_element_set_state(second.element, GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(second.has_message(GST_MESSAGE_ERROR));
    }
    // It outlives the element, and the next one continues it.
    const net::MountInfo left = mount_at(url);
    fail_unless(!left.path.empty() && !left.live);
    Bench bench(url);
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 4100);
    const net::MountInfo mount = mount_at(url);
    fail_unless(mount.live && mount.media.segments == left.media.segments + 2);
}
GST_END_TEST

// Not live: held to the clock; and no state change waits for that.
GST_START_TEST(test_pace) {
    Place place;
    Bench bench(place.location(), "auto");
    auto *clock = GST_TEST_CLOCK(gst_test_clock_new());
    gst_element_set_clock(bench.element, GST_CLOCK(clock));
    gst_element_set_base_time(bench.element, 0);
    bench.add_video();
    gst_harness_set_live(bench.video, FALSE);
    gst_element_set_clock(bench.element, GST_CLOCK(clock));
    gst_element_set_base_time(bench.element, 0);
    bench.state(GST_STATE_PLAYING);
    std::atomic<int> flow{GST_FLOW_CUSTOM_SUCCESS};
    std::thread streaming([&] { flow = bench.push(0, 400); });
    for (int t = 40; t <= 200; t += 40) {
        GstClockID id = nullptr;
        gst_test_clock_wait_for_next_pending_id(clock, &id);
        fail_unless_equals_uint64(gst_clock_id_get_time(id), guint64(t * ms));
        gst_clock_id_unref(id);
        gst_test_clock_set_time(clock, GstClockTime(t * ms));
        gst_test_clock_crank(clock);
    }
    fail_unless_equals_int(flow, GST_FLOW_CUSTOM_SUCCESS);
    bench.state(GST_STATE_PAUSED);
    bench.state(GST_STATE_PLAYING);
    gst_test_clock_wait_for_next_pending_id(clock, nullptr);
    fail_unless(gst_harness_push_event(bench.video, gst_event_new_flush_start()));
    streaming.join();
    fail_unless_equals_int(flow, GST_FLOW_FLUSHING);
    gst_harness_push_event(bench.video, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(bench.video, gst_event_new_segment(&segment));
    streaming = std::thread([&] { flow = bench.push(2000, 3000); });
    gst_test_clock_wait_for_next_pending_id(clock, nullptr);
    bench.state(GST_STATE_NULL);
    streaming.join();
    fail_unless_equals_int(flow, GST_FLOW_FLUSHING);
    gst_object_unref(clock);
}
GST_END_TEST

GST_START_TEST(test_queries) {
    for (bool live : {false, true}) {
        for (const char *sync : {"auto", "true", "false"}) {
            Bench bench(any_port, sync);
            bench.add_video();
            if (live) gst_harness_set_upstream_latency(bench.video, 70 * GST_MSECOND);
            gst_harness_set_live(bench.video, live);
            bench.state(GST_STATE_PAUSED);
            GstPad *pad = gst_element_get_static_pad(bench.element, "video_0");
            GstPad *peer = gst_pad_get_peer(pad);
            const bool never_waits =
                std::string(sync) == "false" || (std::string(sync) == "auto" && live);
            fail_unless_equals_int(peer_is_nonblocking(peer), never_waits);
            gst_object_unref(peer);
            gst_object_unref(pad);
            GstQuery *query = gst_query_new_latency();
            fail_unless(gst_element_query(bench.element, query));
            gboolean answer;
            GstClockTime min;
            gst_query_parse_latency(query, &answer, &min, nullptr);
            fail_unless_equals_int(answer, live);
            if (live) fail_unless_equals_uint64(min, 70 * GST_MSECOND);
            gst_query_unref(query);
        }
    }
    // Writing files is waiting for a disk.
    Place place;
    Bench bench(place.location(), "false");
    bench.add_video();
    GstPad *pad = gst_element_get_static_pad(bench.element, "video_0");
    GstPad *peer = gst_pad_get_peer(pad);
    fail_if(peer_is_nonblocking(peer));
    gst_object_unref(peer);
    gst_object_unref(pad);
}
GST_END_TEST

// EOS in PAUSED is told in PLAYING; a pad that is not linked holds nothing up; GAP is progress.
GST_START_TEST(test_eos_and_gap) {
    Place place;
    Bench bench(place.location());
    bench.add_video();
    bench.add_audio();
    bench.state(GST_STATE_PAUSED);
    GstHarness *audio = std::exchange(bench.audio, nullptr);
    gst_harness_push_event(audio, gst_event_new_gap(0, 5 * GST_SECOND));
    bench.push(0, 4100);
    fail_unless_equals_int(place.read().segments.size(), 2); // nobody waits for audio
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
    fail_unless_equals_int(place.read().segments.size(), 2);
    fail_if(bench.has_message(GST_MESSAGE_ERROR));
}
GST_END_TEST

// A directory that cannot be written any more: a warning each time, and it goes on.
GST_START_TEST(test_write_error) {
    Place place;
    const fs::path inner = place.path / "inner";
    Bench bench("file://" + (inner / "index.m3u8").string());
    bench.add_video();
    bench.state(GST_STATE_PLAYING);
    bench.push(0, 2100);
    fs::rename(inner, place.path / "moved");
    fail_unless_equals_int(bench.push(2120, 4100), GST_FLOW_OK);
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_unless_equals_uint64(bench.stat("lost-segments"), 1);
    fs::rename(place.path / "moved", inner);
    bench.push(4120, 8100);
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

// A real encode, B-frames and all: what the playlist says is what the segments hold.
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

static Suite *hlssegmenter_suite() {
    Suite *s = suite_create("hlssegmenter");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_files);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_bad_settings);
    tcase_add_test(tc, test_caps);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_mount);
    tcase_add_test(tc, test_pace);
    tcase_add_test(tc, test_queries);
    tcase_add_test(tc, test_eos_and_gap);
    tcase_add_test(tc, test_bad_buffers);
    tcase_add_test(tc, test_write_error);
    tcase_add_test(tc, test_real_pipeline);
    return s;
}
GST_CHECK_MAIN(hlssegmenter)
