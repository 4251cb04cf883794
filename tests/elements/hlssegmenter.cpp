// SPDX-License-Identifier: LGPL-2.1-or-later
// hlssegmenter: pads, caps, queries, pacing, and a location on the process's HTTP server.
#include "core/net/stream/mounts.h"
#include "elements/hls_bench.hpp"

/// The mount at a URL; without a path if there is none.
static net::MountInfo mount_at(const std::string &url) {
    for (const net::MountInfo &mount : net::Mounts::instance().snapshot("hls"))
        if (url.ends_with(":" + std::to_string(mount.address.port) + "/" + mount.path))
            return mount;
    return {};
}

GST_START_TEST(test_pads) {
    Bench bench(any_port);
    GstPad *video = gst_element_request_pad_simple(bench.element, "video_%u");
    GstPad *audio = gst_element_request_pad_simple(bench.element, "audio_3");
    fail_unless(video && audio);
    fail_unless_equals_string(GST_PAD_NAME(video), "video_0");
    fail_unless_equals_string(GST_PAD_NAME(audio), "audio_3");
    // Once it has started with one of each, there is no place for another.
    bench.state(GST_STATE_PAUSED);
    fail_if(gst_element_request_pad_simple(bench.element, "video_%u"));
    fail_unless(bench.has_message(GST_MESSAGE_WARNING));
    fail_if(gst_element_request_pad_simple(bench.element, "audio_%u"));
    gst_element_release_request_pad(bench.element, video);
    gst_object_unref(video);
    video = gst_element_request_pad_simple(bench.element, "video_7"); // there is room again
    fail_unless(video != nullptr);
    bench.state(GST_STATE_NULL);
    GstPad *other = gst_element_request_pad_simple(bench.element, "video_%u");
    fail_unless(other != nullptr);
    fail_unless_equals_string(GST_PAD_NAME(other), "video_0");
    gst_element_release_request_pad(bench.element, other);
    gst_object_unref(other);
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
    // With a valid value the element starts.
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
    // Missing or broken configuration is refused with its reason.
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
        // The URL is in use: the error says so.
        Bench second(url);
        fail_unless_equals_int(gst_element_set_state(second.element, GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(second.has_message(GST_MESSAGE_ERROR));
    }
    // The mount outlives the element, and the next element continues it.
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

// Input that is not live is paced by the clock; state changes do not wait for it.
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
    // Writing files may wait for a disk, so the element is not nonblocking.
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

/// Whether the pad takes these caps.
static bool takes(GstPad *pad, const char *text) {
    GstCaps *caps = gst_caps_from_string(text);
    const bool accepted = gst_pad_query_accept_caps(pad, caps);
    GstCaps *allowed = gst_pad_query_caps(pad, caps);
    // Both queries have to agree.
    fail_unless_equals_int(!gst_caps_is_empty(allowed), accepted);
    gst_caps_unref(allowed);
    gst_caps_unref(caps);
    return accepted;
}

GST_START_TEST(test_container_caps) {
    constexpr const char *avc = "video/x-h264, stream-format=avc, alignment=au";
    constexpr const char *bytestream = "video/x-h264, stream-format=byte-stream, alignment=au";
    constexpr const char *aac = "audio/mpeg, mpegversion=4, stream-format=raw";
    constexpr const char *mp3 = "audio/mpeg, mpegversion=1, layer=3, parsed=true";
    Bench bench(any_port);
    for (const bool cmaf : {false, true, false}) {
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", cmaf ? "cmaf" : "ts");
        GstPad *video = gst_element_request_pad_simple(bench.element, "video_%u");
        GstPad *audio = gst_element_request_pad_simple(bench.element, "audio_%u");
        fail_unless(takes(video, avc) && takes(audio, aac));
        fail_unless_equals_int(takes(video, bytestream), !cmaf);
        fail_unless_equals_int(takes(audio, mp3), !cmaf);
        for (const char *text :
             {"video/x-h265, stream-format=hvc1, alignment=au",
              "video/x-av1, stream-format=obu-stream, alignment=tu", "video/x-vp9"})
            fail_unless_equals_int(takes(video, text), cmaf);
        for (const char *text :
             {"audio/x-opus, channel-mapping-family=0", "audio/x-ac3, framed=true",
              "audio/x-eac3, framed=true", "audio/x-flac, framed=true"})
            fail_unless_equals_int(takes(audio, text), cmaf);
        fail_if(takes(video, "video/x-vp8") || takes(audio, "audio/x-vorbis"));
        for (GstPad *pad : {video, audio}) {
            gst_element_release_request_pad(bench.element, pad);
            gst_object_unref(pad);
        }
    }
}
GST_END_TEST

// A URL keeps its container as long as it is served.
GST_START_TEST(test_container_of_a_mount) {
    std::string url;
    const auto serve = [&](const char *container, bool works) {
        Bench bench(url.empty() ? any_port : url);
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", container);
        fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                               works ? GST_STATE_CHANGE_SUCCESS : GST_STATE_CHANGE_FAILURE);
        fail_unless_equals_int(bench.has_message(GST_MESSAGE_ERROR), !works);
        if (!works) return;
        url = bench.url();
        bench.add_video();
        bench.state(GST_STATE_PLAYING);
        fail_unless_equals_int(bench.push(0, 5000), GST_FLOW_OK);
        fail_unless(bench.stat("segments") >= 2);
    };
    Bench keeper("http://127.0.0.1:0/live/keeper/index.m3u8"); // the port stays in use
    keeper.state(GST_STATE_PAUSED);
    const std::string base = keeper.url();
    url = base.substr(0, base.find("/live")) + "/live/x/index.m3u8";
    serve("cmaf", true);
    serve("ts", false);
    serve("cmaf", true);
}
GST_END_TEST

// Parts are of CMAF over HTTP, the stream is live with the first of them, and a URL that has parts
// goes on with parts.
GST_START_TEST(test_parts) {
    Place place;
    for (const bool file : {false, true}) {
        Bench bench(file ? place.location() : any_port);
        if (file) gst_util_set_object_arg(G_OBJECT(bench.element), "container", "cmaf");
        g_object_set(bench.element, "part-duration", guint64(200 * ms), nullptr);
        fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bench.has_message(GST_MESSAGE_ERROR));
    }
    {
        Bench bench(any_port);
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", "cmaf");
        g_object_set(bench.element, "part-duration", guint64(49 * ms), nullptr); // too short
        fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bench.has_message(GST_MESSAGE_ERROR));
    }
    std::string url;
    const auto serve = [&](guint64 part, bool works) {
        Bench bench(url);
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", "cmaf");
        g_object_set(bench.element, "part-duration", part, nullptr);
        guint64 read = 1;
        g_object_get(bench.element, "part-duration", &read, nullptr);
        fail_unless_equals_uint64(read, part);
        fail_unless_equals_int(gst_element_set_state(bench.element, GST_STATE_PAUSED),
                               works ? GST_STATE_CHANGE_SUCCESS : GST_STATE_CHANGE_FAILURE);
        fail_unless_equals_int(bench.has_message(GST_MESSAGE_ERROR), !works);
        if (!works) return;
        bench.add_video();
        bench.add_audio();
        bench.state(GST_STATE_PLAYING);
        fail_unless_equals_int(bench.push(0, 320), GST_FLOW_OK);
        fail_unless(mount_at(url).live);
        fail_unless_equals_int(bench.push(320, 5000), GST_FLOW_OK);
        fail_unless_equals_uint64(bench.stat("waiting"), 0);
        fail_unless(bench.stat("segments") >= 2 && bench.stat("buffers-out") == 2);
    };
    Bench keeper("http://127.0.0.1:0/live/keeper/index.m3u8"); // the port stays in use
    keeper.state(GST_STATE_PAUSED);
    const std::string base = keeper.url();
    url = base.substr(0, base.find("/live")) + "/live/x/index.m3u8";
    serve(200 * ms, true);
    serve(0, false);
    serve(100 * ms, true);
}
GST_END_TEST

static Suite *hlssegmenter_suite() {
    Suite *s = suite_create("hlssegmenter");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_bad_settings);
    tcase_add_test(tc, test_container_caps);
    tcase_add_test(tc, test_container_of_a_mount);
    tcase_add_test(tc, test_parts);
    tcase_add_test(tc, test_caps);
    tcase_add_test(tc, test_mount);
    tcase_add_test(tc, test_pace);
    tcase_add_test(tc, test_queries);
    return s;
}
GST_CHECK_MAIN(hlssegmenter)
