// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmppullsrc in a harness, with rtmpserversink as the server that it plays from.
#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

/// rtmpserversink, fed tag by tag.
class Server {
public:
    explicit Server(const std::string &location) {
        const auto element = make_element("rtmpserversink");
        g_object_set(element.get(), "location", location.c_str(), "sync", FALSE, nullptr);
        h = gst_harness_new_with_element(element.get(), "sink", nullptr);
        gst_harness_set_src_caps_str(h, "video/x-flv");
        gst_harness_play(h);
        this->location = string_property(h->element, "bound-location");
    }
    ~Server() { gst_harness_teardown(h); }
    void push(const flv::Tag &tag) {
        fail_unless_equals_int(gst_harness_push(h, buffer_of(tag.bytes).release()), GST_FLOW_OK);
    }
    void push_gop(uint32_t time, uint8_t mark) {
        push(samples::metadata());
        push(samples::video_config());
        push(samples::audio_config());
        push(samples::video_frame(time, true, mark));
        push(samples::audio_frame(time + 10, mark));
        push(samples::video_frame(time + 40, false, mark));
    }
    GstHarness *h;
    std::string location;
};

class Pull {
public:
    explicit Pull(const std::string &location, const char *key = "") {
        const auto element = make_element("rtmppullsrc");
        g_object_set(element.get(), "location", location.c_str(), "key", key, "reconnect-delay",
                     guint64(20 * GST_MSECOND), "reconnect-max-delay", guint64(40 * GST_MSECOND),
                     nullptr);
        h = gst_harness_new_with_element(element.get(), nullptr, "src");
        bus.emplace(h->element);
        gst_harness_use_systemclock(h);
        gst_harness_play(h);
    }
    ~Pull() {
        bus.reset();
        gst_harness_teardown(h);
    }
    GstPtr<GstBuffer> pull() { return GstPtr<GstBuffer>::adopt(gst_harness_pull(h)); }
    GstPtr<GstBuffer> pull_frame() {
        auto buffer = pull();
        while (buffer && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER))
            buffer = pull();
        return buffer;
    }
    GstPtr<GstMessage> wait_for(const std::string &state) {
        for (;;) {
            auto message = bus->wait(GST_MESSAGE_ELEMENT);
            fail_unless(message, "it never is %s", state.c_str());
            const GstStructure *s = gst_message_get_structure(message.get());
            if (gst_structure_has_name(s, "penstock-pull-state") &&
                state == gst_structure_get_string(s, "state"))
                return message;
        }
    }
    GstHarness *h;
    std::optional<Bus> bus;
};

bool has(const GstPtr<GstBuffer> &buffer, GstBufferFlags flag) {
    return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag);
}

} // namespace

// The contract of video/x-flv: order of events, header buffers first, flags.
GST_START_TEST(test_contract) {
    Server server("rtmp://127.0.0.1:0/live/out");
    server.push_gop(5000, 1);
    Pull pull(server.location);
    for (int i = 0; i < 4; ++i)
        fail_unless(has(pull.pull(), GST_BUFFER_FLAG_HEADER));
    const auto key = pull.pull(), sound = pull.pull(), delta = pull.pull();
    fail_if(has(key, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless(has(key, GST_BUFFER_FLAG_DISCONT));
    fail_unless(has(sound, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless(has(delta, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless_equals_uint64(GST_BUFFER_PTS(delta.get()) - GST_BUFFER_PTS(key.get()),
                              40 * GST_MSECOND);
    for (GstEventType type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT}) {
        auto event = GstPtr<GstEvent>::adopt(gst_harness_pull_event(pull.h));
        fail_unless(event && GST_EVENT_TYPE(event.get()) == type);
    }
    fail_unless_equals_int(stat(pull.h->element, "peers"), 1);
    fail_unless_equals_uint64(stat(pull.h->element, "connections"), 1);
}
GST_END_TEST

// `name` as a property of its own, and a server that starts later.
GST_START_TEST(test_waits_for_server) {
    std::string location;
    {
        Server server("rtmp://127.0.0.1:0/live/out");
        location = server.location;
    }
    Pull pull(location.substr(0, location.rfind('/')), "out");
    pull.wait_for("waiting");
    Server server(location);
    server.push_gop(0, 1);
    pull.wait_for("live");
    fail_if(has(pull.pull_frame(), GST_BUFFER_FLAG_DELTA_UNIT));
}
GST_END_TEST

// The server stops and starts again: DISCONT, a keyframe, and time that does not go back.
GST_START_TEST(test_reconnects) {
    std::optional<Server> server(std::in_place, "rtmp://127.0.0.1:0/live/out");
    const std::string location = server->location;
    server->push_gop(90'000, 1);
    Pull pull(location);
    GstClockTime last = 0;
    for (int i = 0; i < 3; ++i)
        last = GST_BUFFER_PTS(pull.pull_frame().get());
    // The port is free once the old server's players have left: end_players() is not called.
    server.reset();
    server.emplace(location);
    server->push_gop(0, 2);
    const auto key = pull.pull_frame();
    fail_unless(key && has(key, GST_BUFFER_FLAG_DISCONT));
    fail_if(has(key, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless(GST_BUFFER_PTS(key.get()) > last);
    fail_unless_equals_uint64(stat(pull.h->element, "connections"), 2);
}
GST_END_TEST

// Without a server there is no error, and the element stops at once.
GST_START_TEST(test_nobody_there) {
    Pull pull("rtmp://127.0.0.1:9/live/x");
    pull.wait_for("waiting");
    pull.wait_for("connecting");
    pull.wait_for("waiting");
}
GST_END_TEST

GST_START_TEST(test_bad_locations) {
    refuses_client_locations("rtmppullsrc");
}
GST_END_TEST

static Suite *pull_suite() {
    Suite *suite = suite_create("rtmppull");
    TCase *tests = tcase_create("rtmppullsrc");
    tcase_add_test(tests, test_contract);
    tcase_add_test(tests, test_waits_for_server);
    tcase_add_test(tests, test_reconnects);
    tcase_add_test(tests, test_nobody_there);
    tcase_add_test(tests, test_bad_locations);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(pull);
