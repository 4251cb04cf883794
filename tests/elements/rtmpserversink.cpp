// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversink in a harness, with rtmp2src as its player.
#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

/// A sink on a port of its own. `location` empty: any port.
GstHarness *serve(const std::string &location = {}) {
    const auto element = make_element("rtmpserversink");
    // Before the harness starts it, so that it does not take the default port.
    g_object_set(element.get(), "location",
                 location.empty() ? "rtmp://127.0.0.1:0/live/test" : location.c_str(), nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    return h;
}

/// rtmp2src, and the timestamps of the media tags that it received.
class Player {
public:
    explicit Player(const std::string &location)
        : pipeline_(launch("rtmp2src location=" + location +
                           " ! fakesink name=out async=false sync=false signal-handoffs=true")) {
        g_signal_connect(child(pipeline_, "out").get(), "handoff",
                         G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
                             static_cast<Player *>(data)->take(buffer);
                         }),
                         this);
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Player() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    std::vector<flv::Tag> frames() {
        std::lock_guard lock(mutex_);
        return frames_;
    }
    bool gets(size_t count) {
        return eventually([&] { return frames().size() >= count; });
    }

private:
    void take(GstBuffer *buffer) {
        std::lock_guard lock(mutex_);
        std::vector<flv::Tag> tags;
        (void)normalizer_.push(bytes_of(buffer), tags);
        for (flv::Tag &tag : tags)
            if (tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame ||
                tag.kind == flv::TagKind::audio)
                frames_.push_back(std::move(tag));
    }
    std::mutex mutex_;
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> frames_;
    GstPtr<GstElement> pipeline_;
};

} // namespace

// A player that joins amid a GOP gets all of that GOP, although no new data is pushed.
GST_START_TEST(test_cached_gop) {
    GstHarness *h = serve();
    const std::string location = string_property(h->element, "bound-location");
    fail_unless(location.find(":0/") == std::string::npos, "%s", location.c_str());
    push(h, samples::video_config());
    push(h, samples::audio_config());
    push(h, samples::video_frame(0, true, 1));
    push(h, samples::video_frame(40, false, 2));
    push(h, samples::video_frame(80, true, 3));
    push(h, samples::audio_frame(90, 4));
    push(h, samples::video_frame(120, false, 5));
    {
        Player player(location);
        fail_unless(player.gets(3));
        const auto frames = player.frames();
        fail_unless(frames[0].kind == flv::TagKind::keyframe);
        fail_unless_equals_int(frames[0].bytes.view()[21], 3);
        fail_unless(frames[1].kind == flv::TagKind::audio);
        fail_unless_equals_int(frames[2].bytes.view()[21], 5);
        fail_unless_equals_int(stat(h->element, "peers"), 1);
        push(h, samples::video_frame(160, false, 6));
        fail_unless(player.gets(4));
    }
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    fail_unless_equals_uint64(stat(h->element, "peers-total"), 1);
    fail_unless_equals_uint64(stat(h->element, "buffers-in"), 8);
    fail_unless(stat(h->element, "bytes-out") > 0);
    gst_harness_teardown(h);
}
GST_END_TEST

// Flushes, new caps and a new configuration: the players stay and get the data that follows.
GST_START_TEST(test_flush_and_renegotiation) {
    GstHarness *h = serve();
    Player player(string_property(h->element, "bound-location"));
    push(h, samples::video_config());
    push(h, samples::video_frame(0, true));
    fail_unless(player.gets(1));
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    push(h, samples::video_frame(40, false));
    fail_unless(player.gets(2));
    gst_harness_set_src_caps_str(h, "video/x-flv, again=(boolean)true");
    push(h, samples::video_config(80));
    push(h, samples::video_frame(80, true));
    fail_unless(player.gets(3));
    fail_unless_equals_int(stat(h->element, "peers"), 1);
    gst_harness_teardown(h);
}
GST_END_TEST

// The mount outlives the element: a player stays while there is no producer and continues with the
// next one; so do its timestamps.
GST_START_TEST(test_player_outlives_producer) {
    GstHarness *keeper = serve(); // holds the port
    const std::string location = string_property(keeper->element, "bound-location") + "-2";
    GstHarness *first = serve(location);
    Player player(location);
    push(first, samples::video_config());
    push(first, samples::video_frame(5000, true));
    push(first, samples::video_frame(5040, false));
    fail_unless(player.gets(2));
    gst_harness_teardown(first);
    GstHarness *second = serve(location);
    fail_unless_equals_int(stat(second->element, "peers"), 1);
    push(second, samples::video_config());
    push(second, samples::video_frame(0, true));
    push(second, samples::video_frame(40, false));
    fail_unless(player.gets(4));
    const auto frames = player.frames();
    fail_unless(frames[2].kind == flv::TagKind::keyframe);
    for (size_t i = 1; i < frames.size(); ++i)
        fail_unless(frames[i].timestamp > frames[i - 1].timestamp, "%u after %u",
                    frames[i].timestamp, frames[i - 1].timestamp);
    gst_harness_teardown(second);
    gst_harness_teardown(keeper);
}
GST_END_TEST

GST_START_TEST(test_eos) {
    posts_eos(serve());
}
GST_END_TEST

GST_START_TEST(test_events_while_paused) {
    events_do_not_wait_while_paused("rtmpserversink", "rtmp://127.0.0.1:0/live/paused");
}
GST_END_TEST

// `sync` by default: off for live input, so that a network loop may push; on for other input. An
// explicit value wins.
GST_START_TEST(test_sync) {
    struct Case {
        const char *source, *sink;
        bool sync;
    };
    // Without a harness, which sets `sync` to false itself.
    for (const Case &c : {Case{"is-live=true", "", false},
                          {"is-live=false", "", true},
                          {"is-live=false", "sync=false", false}}) {
        auto pipeline =
            launch("appsrc name=a format=time caps=video/x-flv " + std::string(c.source) +
                   " ! rtmpserversink name=s " + c.sink + " location=rtmp://127.0.0.1:0/live/test");
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        auto buffer = buffer_of(samples::audio_config().bytes);
        GST_BUFFER_PTS(buffer.get()) = 0;
        GstFlowReturn flow = GST_FLOW_OK;
        g_signal_emit_by_name(child(pipeline, "a").get(), "push-buffer", buffer.get(), &flow);
        auto sink = child(pipeline, "s");
        fail_unless(eventually([&] { return stat(sink.get(), "buffers-in") == 1; }));
        gboolean sync = FALSE, nonblocking = FALSE;
        g_object_get(sink.get(), "sync", &sync, nullptr);
        fail_unless_equals_int(sync, c.sync);
        auto query = GstPtr<GstQuery>::adopt(gst_query_new_custom(
            GST_QUERY_CUSTOM, gst_structure_new_empty("penstock-nonblocking")));
        auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink.get(), "sink"));
        fail_unless(gst_pad_query(pad.get(), query.get()));
        gst_structure_get_boolean(gst_query_get_structure(query.get()), "nonblocking",
                                  &nonblocking);
        fail_unless_equals_int(nonblocking, !c.sync);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    }
}
GST_END_TEST

GST_START_TEST(test_refuses_what_is_no_flv) {
    GstHarness *h = serve();
    Bus bus(h->element);
    GstBuffer *garbage = gst_buffer_new_allocate(nullptr, 400, nullptr);
    gst_buffer_memset(garbage, 0, 0xee, 400);
    fail_unless_equals_int(gst_harness_push(h, garbage), GST_FLOW_ERROR);
    fail_unless(bus.wait(GST_MESSAGE_ERROR));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_stall_timeout_is_kept) {
    keeps_timeout("rtmpserversink", "stall-timeout");
}
GST_END_TEST

GST_START_TEST(test_bad_locations) {
    refuses_server_locations("rtmpserversink");
}
GST_END_TEST

// A name on a port has one producer; another name shares the port.
GST_START_TEST(test_shared_port) {
    GstHarness *h = serve();
    const std::string location = string_property(h->element, "bound-location");
    auto other = make_element("rtmpserversink");
    g_object_set(other.get(), "location", location.c_str(), nullptr);
    fail_unless_equals_int(gst_element_set_state(other.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(other.get(), GST_STATE_NULL);
    g_object_set(other.get(), "location", (location + "-2").c_str(), nullptr);
    fail_if(gst_element_set_state(other.get(), GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(other.get(), GST_STATE_NULL);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_states) {
    auto element = make_element("rtmpserversink");
    g_object_set(element.get(), "location", "rtmp://127.0.0.1:0/live/test", nullptr);
    for (int round = 0; round < 5; ++round)
        for (GstState state : {GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PAUSED,
                               GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_NULL})
            // State changes are never asynchronous, because the sink does not wait for data.
            fail_unless_equals_int(gst_element_set_state(element.get(), state),
                                   GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_string(string_property(element.get(), "bound-location").c_str(), "");
    ASSERT_OBJECT_REFCOUNT(element.get(), "rtmpserversink", 1);
}
GST_END_TEST

static Suite *rtmpserversink_suite() {
    Suite *s = suite_create("rtmpserversink");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_cached_gop);
    tcase_add_test(tc, test_flush_and_renegotiation);
    tcase_add_test(tc, test_player_outlives_producer);
    tcase_add_test(tc, test_eos);
    tcase_add_test(tc, test_events_while_paused);
    tcase_add_test(tc, test_sync);
    tcase_add_test(tc, test_refuses_what_is_no_flv);
    tcase_add_test(tc, test_stall_timeout_is_kept);
    tcase_add_test(tc, test_bad_locations);
    tcase_add_test(tc, test_shared_port);
    tcase_add_test(tc, test_states);
    return s;
}
GST_CHECK_MAIN(rtmpserversink)
