// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversrc in a harness, with rtmp2sink as its publisher.
#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

constexpr const char *any_port = "rtmp://127.0.0.1:0/live/in";

/// rtmp2sink, fed tag by tag.
class Publisher {
public:
    explicit Publisher(const std::string &location)
        : pipeline_(launch("appsrc name=a format=time caps=video/x-flv ! rtmp2sink "
                           "async-connect=false location=" +
                           location)),
          app_(child(pipeline_, "a")) {
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Publisher() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    void push(const flv::Tag &tag) {
        auto buffer = buffer_of(tag.bytes);
        GstFlowReturn flow = GST_FLOW_OK;
        g_signal_emit_by_name(app_.get(), "push-buffer", buffer.get(), &flow);
    }
    bool is_refused() {
        push(samples::audio_config()); // it tells with its first buffer
        auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
        return bool(GstPtr<GstMessage>::adopt(
            gst_bus_timed_pop_filtered(bus.get(), 10 * GST_SECOND, GST_MESSAGE_ERROR)));
    }

private:
    GstPtr<GstElement> pipeline_, app_;
};

/// The element that plays under a harness.
class Receiver {
public:
    explicit Receiver(const char *on_unpublish = "wait", const char *key = "", guint queue = 0,
                      guint64 silence = 30 * GST_SECOND) {
        const auto element = make_element("rtmpserversrc");
        // Before the harness starts it, so that it does not take the default port.
        g_object_set(element.get(), "location", any_port, "publish-key", key, "silence-timeout",
                     silence, nullptr);
        gst_util_set_object_arg(G_OBJECT(element.get()), "on-unpublish", on_unpublish);
        if (queue) g_object_set(element.get(), "queue-max-bytes", queue, nullptr);
        h = gst_harness_new_with_element(element.get(), nullptr, "src");
        gst_harness_use_systemclock(h);
        gst_harness_play(h);
        location = string_property(h->element, "bound-location");
    }
    ~Receiver() { gst_harness_teardown(h); }
    GstPtr<GstBuffer> pull() { return GstPtr<GstBuffer>::adopt(gst_harness_pull(h)); }
    /// The next buffer that is no header.
    GstPtr<GstBuffer> pull_frame() {
        auto buffer = pull();
        while (buffer && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER))
            buffer = pull();
        return buffer;
    }
    guint stream_headers() {
        auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(h->sinkpad));
        fail_unless(caps &&
                    gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "video/x-flv"));
        const GValue *value =
            gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), "streamheader");
        fail_unless(value != nullptr);
        return gst_value_array_get_size(value);
    }
    GstHarness *h;
    std::string location;
};

bool has(const GstPtr<GstBuffer> &buffer, GstBufferFlags flag) {
    return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag);
}

} // namespace

// The contract of video/x-flv: order of events, header buffers first, flags, increasing time.
GST_START_TEST(test_contract) {
    Receiver r;
    Publisher publisher(r.location);
    publisher.push(samples::metadata());
    publisher.push(samples::video_config());
    publisher.push(samples::audio_config());
    publisher.push(samples::video_frame(7000, true));
    publisher.push(samples::audio_frame(7010));
    publisher.push(samples::video_frame(7040, false));
    // File header, metadata and two configurations.
    for (int i = 0; i < 4; ++i)
        fail_unless(has(r.pull(), GST_BUFFER_FLAG_HEADER));
    fail_unless_equals_int(r.stream_headers(), 4);
    const auto key = r.pull(), sound = r.pull(), delta = r.pull();
    fail_if(has(key, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless(has(key, GST_BUFFER_FLAG_DISCONT));
    fail_unless(has(sound, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_if(has(sound, GST_BUFFER_FLAG_DISCONT));
    fail_unless(has(delta, GST_BUFFER_FLAG_DELTA_UNIT));
    // The running time at the first tag, then the publisher's own steps.
    fail_unless_equals_uint64(GST_BUFFER_PTS(sound.get()) - GST_BUFFER_PTS(key.get()),
                              10 * GST_MSECOND);
    fail_unless_equals_uint64(GST_BUFFER_PTS(delta.get()) - GST_BUFFER_PTS(key.get()),
                              40 * GST_MSECOND);
    for (GstEventType type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT}) {
        auto event = GstPtr<GstEvent>::adopt(gst_harness_pull_event(r.h));
        fail_unless(event && GST_EVENT_TYPE(event.get()) == type);
    }
    fail_unless_equals_int(stat(r.h->element, "peers"), 1);
    fail_unless_equals_uint64(stat(r.h->element, "buffers-in"), 6);
    fail_unless_equals_uint64(stat(r.h->element, "buffers-out"), 7);
}
GST_END_TEST

// A new configuration amid the stream: new caps, and the configuration precedes the frame.
GST_START_TEST(test_renegotiation) {
    Receiver r;
    Publisher publisher(r.location);
    publisher.push(samples::audio_config(0, 0x1210));
    publisher.push(samples::audio_frame(0));
    (void)r.pull_frame();
    auto before = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(r.h->sinkpad));
    publisher.push(samples::audio_config(20, 0x1190));
    publisher.push(samples::audio_frame(20));
    const auto config = r.pull();
    fail_unless(has(config, GST_BUFFER_FLAG_HEADER));
    fail_unless_equals_int(bytes_of(config.get()).view()[13], 0x11);
    fail_if(has(r.pull(), GST_BUFFER_FLAG_HEADER));
    auto after = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(r.h->sinkpad));
    fail_if(gst_caps_is_equal(before.get(), after.get()));
}
GST_END_TEST

// The publisher leaves and comes back with timestamps that start anew: one stream, with DISCONT at
// the seam.
GST_START_TEST(test_republish) {
    Receiver r;
    Bus bus(r.h->element);
    GstClockTime last = 0;
    for (int round = 0; round < 3; ++round) {
        {
            Publisher publisher(r.location);
            publisher.push(samples::audio_config());
            for (uint32_t ms = 0; ms < 200; ms += 20)
                publisher.push(samples::audio_frame(ms));
            for (int i = 0; i < 10; ++i) {
                const auto frame = r.pull_frame();
                fail_unless_equals_int(has(frame, GST_BUFFER_FLAG_DISCONT), i == 0);
                fail_unless(GST_BUFFER_PTS(frame.get()) >= last);
                last = GST_BUFFER_PTS(frame.get());
            }
        }
        fail_unless(eventually([&] { return stat(r.h->element, "peers") == 0; }));
        for (const bool expected : {true, false}) {
            const auto message = bus.wait(GST_MESSAGE_ELEMENT);
            fail_unless(message && gst_message_has_name(message.get(), "penstock-publish-state"));
            gboolean publishing = 2;
            gst_structure_get_boolean(gst_message_get_structure(message.get()), "publishing",
                                      &publishing);
            fail_unless_equals_int(publishing, expected);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_eos) {
    const auto ends = [](Receiver &r) {
        return eventually([&] {
            auto event = GstPtr<GstEvent>::adopt(gst_harness_try_pull_event(r.h));
            return event && GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS;
        });
    };
    {
        Receiver r("eos");
        {
            Publisher publisher(r.location);
            publisher.push(samples::audio_config());
            publisher.push(samples::audio_frame(0));
            (void)r.pull_frame();
        }
        fail_unless(ends(r), "no end when the publisher went");
    }
    // The application's own EOS, as from gst-launch-1.0 -e, also before any publisher has come.
    Receiver r;
    gst_element_send_event(r.h->element, gst_event_new_eos());
    fail_unless(ends(r), "no end when told");
}
GST_END_TEST

GST_START_TEST(test_publish_key) {
    Receiver r("wait", "SECRET");
    fail_unless(string_property(r.h->element, "publish-key").find("SECRET") == std::string::npos);
    fail_unless(Publisher(r.location).is_refused());
    fail_unless(Publisher(r.location + "?key=WRONG").is_refused());
    Publisher publisher(r.location + "?key=SECRET");
    publisher.push(samples::audio_config());
    publisher.push(samples::audio_frame(0));
    fail_unless(r.pull_frame());
}
GST_END_TEST

GST_START_TEST(test_silence_timeout) {
    keeps_timeout("rtmpserversrc", "silence-timeout");
    Receiver r("wait", "", 0, 300 * GST_MSECOND);
    Bus bus(r.h->element);
    Publisher silent(r.location);
    silent.push(samples::audio_config());
    silent.push(samples::audio_frame(0));
    fail_unless(r.pull_frame());
    for (const char *field : {"peer", "reason"}) {
        const auto message = bus.wait(GST_MESSAGE_ELEMENT);
        fail_unless(message);
        const char *text =
            gst_structure_get_string(gst_message_get_structure(message.get()), field);
        fail_unless(text, "no %s", field);
        if (g_str_equal(field, "reason"))
            fail_unless_equals_string(text, "closed: sent no media for 0.3 s");
    }
    Publisher next(r.location);
    next.push(samples::audio_config());
    next.push(samples::audio_frame(0));
    fail_unless(r.pull_frame());
}
GST_END_TEST

GST_START_TEST(test_one_publisher) {
    Receiver r;
    Publisher first(r.location);
    first.push(samples::audio_config());
    first.push(samples::audio_frame(0));
    fail_unless(r.pull_frame());
    fail_unless(Publisher(r.location).is_refused());
    first.push(samples::audio_frame(20));
    fail_unless(r.pull_frame());
}
GST_END_TEST

GST_START_TEST(test_queries_and_events) {
    Receiver r;
    auto latency = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    fail_unless(gst_pad_peer_query(r.h->sinkpad, latency.get()));
    gboolean live = FALSE;
    gst_query_parse_latency(latency.get(), &live, nullptr, nullptr);
    fail_unless(live);
    auto seeking = GstPtr<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
    fail_unless(gst_pad_peer_query(r.h->sinkpad, seeking.get()));
    gboolean seekable = TRUE;
    gst_query_parse_seeking(seeking.get(), nullptr, &seekable, nullptr, nullptr);
    fail_if(seekable);
    fail_if(gst_pad_push_event(r.h->sinkpad,
                               gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                                  GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0)));
}
GST_END_TEST

// In PAUSED no data flows; data that arrives meanwhile is not lost.
GST_START_TEST(test_pause) {
    Receiver r;
    Publisher publisher(r.location);
    publisher.push(samples::audio_config());
    publisher.push(samples::audio_frame(0, 1));
    (void)r.pull_frame();
    fail_unless_equals_int(gst_element_set_state(r.h->element, GST_STATE_PAUSED),
                           GST_STATE_CHANGE_NO_PREROLL);
    const guint64 out = stat(r.h->element, "buffers-out");
    publisher.push(samples::audio_frame(20, 2));
    fail_unless(eventually([&] { return stat(r.h->element, "buffers-in") == 3; }));
    fail_unless_equals_uint64(stat(r.h->element, "buffers-out"), out);
    gst_element_set_state(r.h->element, GST_STATE_PLAYING);
    fail_unless_equals_int(bytes_of(r.pull_frame().get()).view()[14], 2);
}
GST_END_TEST

// Downstream blocks: the publisher waits, and held data is bounded. Afterwards everything arrives.
GST_START_TEST(test_stuck_downstream) {
    constexpr guint limit = 64 << 10, frames = 400, size = 4000;
    Receiver r("wait", "", limit);
    gst_harness_set_blocking_push_mode(r.h);
    const gulong block = gst_pad_add_probe(
        r.h->sinkpad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    Publisher publisher(r.location);
    publisher.push(samples::audio_config());
    std::vector<uint8_t> body(size, 0x55);
    body[0] = 0xaf;
    body[1] = 1;
    for (uint32_t i = 0; i < frames; ++i)
        publisher.push(flv::make_tag(flv::TagType::audio, i, body));
    fail_unless(eventually([&] { return stat(r.h->element, "bytes-in") > limit; }));
    const guint64 held = penstock_test::settled([&] { return stat(r.h->element, "bytes-in"); });
    // One more read of the socket may be held as well.
    fail_unless(held < limit + (128 << 10), "%d bytes are held", int(held));
    gst_pad_remove_probe(r.h->sinkpad, block);
    for (uint32_t i = 0; i < frames; ++i)
        fail_unless(r.pull_frame(), "frame %u", i);
}
GST_END_TEST

GST_START_TEST(test_flow_error) {
    auto pipeline = launch("rtmpserversrc name=src location=" + std::string(any_port) +
                           " ! identity error-after=2 ! fakesink async=false");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto src = child(pipeline, "src");
    Publisher publisher(string_property(src.get(), "bound-location"));
    publisher.push(samples::audio_config());
    for (uint32_t ms = 0; ms < 100; ms += 20)
        publisher.push(samples::audio_frame(ms));
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    fail_unless(GstPtr<GstMessage>::adopt(
        gst_bus_timed_pop_filtered(bus.get(), 10 * GST_SECOND, GST_MESSAGE_ERROR)));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_bad_locations) {
    refuses_server_locations("rtmpserversrc");
}
GST_END_TEST

GST_START_TEST(test_states) {
    auto element = make_element("rtmpserversrc");
    g_object_set(element.get(), "location", any_port, nullptr);
    for (int round = 0; round < 5; ++round)
        for (GstState state : {GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PAUSED,
                               GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_NULL})
            fail_if(gst_element_set_state(element.get(), state) == GST_STATE_CHANGE_FAILURE);
    fail_unless_equals_string(string_property(element.get(), "bound-location").c_str(), "");
    ASSERT_OBJECT_REFCOUNT(element.get(), "rtmpserversrc", 1);
}
GST_END_TEST

static Suite *rtmpserversrc_suite() {
    Suite *s = suite_create("rtmpserversrc");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_contract);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_eos);
    tcase_add_test(tc, test_publish_key);
    tcase_add_test(tc, test_silence_timeout);
    tcase_add_test(tc, test_one_publisher);
    tcase_add_test(tc, test_queries_and_events);
    tcase_add_test(tc, test_pause);
    tcase_add_test(tc, test_stuck_downstream);
    tcase_add_test(tc, test_flow_error);
    tcase_add_test(tc, test_bad_locations);
    tcase_add_test(tc, test_states);
    return s;
}
GST_CHECK_MAIN(rtmpserversrc)
