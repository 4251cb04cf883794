// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmppushsink in a harness, publishing to rtmpserversrc or to a server that does not answer.
#include "core/net/loop/address.h"
#include "rtmp_rig.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rtmp_rig;

namespace {

/// A port of this machine: open without answering, or closed again.
class SilentPort {
public:
    SilentPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fail_if(::bind(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0);
        fail_if(::listen(socket_, 8) != 0);
        socklen_t size = sizeof address;
        ::getsockname(socket_, reinterpret_cast<sockaddr *>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~SilentPort() { close(); }
    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    std::string app() const { return "rtmp://127.0.0.1:" + std::to_string(port) + "/live"; }
    int port = 0;

private:
    int socket_;
};

/// rtmpserversrc under a harness.
class Server {
public:
    explicit Server(const std::string &location, const char *key = "") {
        const auto element = make_element("rtmpserversrc");
        g_object_set(element.get(), "location", location.c_str(), "publish-key", key, nullptr);
        h = gst_harness_new_with_element(element.get(), nullptr, "src");
        gst_harness_use_systemclock(h);
        gst_harness_play(h);
        this->location = string_property(h->element, "bound-location");
    }
    ~Server() { gst_harness_teardown(h); }
    /// The URL without the stream's name.
    std::string app() const { return location.substr(0, location.rfind('/')); }
    GstPtr<GstBuffer> pull() { return GstPtr<GstBuffer>::adopt(gst_harness_pull(h)); }
    GstPtr<GstBuffer> pull_frame() {
        auto buffer = pull();
        while (buffer && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER))
            buffer = pull();
        return buffer;
    }
    GstHarness *h;
    std::string location;
};

flv::Tag tag_of(const GstPtr<GstBuffer> &buffer) {
    const KnownTag *known = buffer ? known_tag(buffer.get()) : nullptr;
    fail_unless(known);
    return known->tag;
}

class Push {
public:
    explicit Push(const std::string &location, const char *key = "in",
                  guint64 refused_delay = 60 * GST_SECOND) {
        const auto element = make_element("rtmppushsink");
        g_object_set(element.get(), "location", location.c_str(), "key", key, "sync", FALSE,
                     "reconnect-delay", guint64(20 * GST_MSECOND), "reconnect-max-delay",
                     guint64(40 * GST_MSECOND), "refused-delay", refused_delay, "queue-max-bytes",
                     guint(1 << 20), nullptr);
        bus.emplace(element.get()); // the harness starts a sink at once
        h = gst_harness_new_with_element(element.get(), "sink", nullptr);
        gst_harness_set_src_caps_str(h, "video/x-flv");
        gst_harness_play(h);
    }
    ~Push() {
        bus.reset();
        gst_harness_teardown(h);
    }
    void push(const flv::Tag &tag) {
        fail_unless_equals_int(gst_harness_push(h, buffer_of(tag.bytes).release()), GST_FLOW_OK);
    }
    void push_headers() {
        push(samples::metadata());
        push(samples::video_config());
        push(samples::audio_config());
    }
    /// The next change to this state.
    GstPtr<GstMessage> wait_for(const std::string &state) {
        for (;;) {
            auto message = bus->wait(GST_MESSAGE_ELEMENT);
            fail_unless(message, "it never is %s", state.c_str());
            const GstStructure *s = gst_message_get_structure(message.get());
            if (gst_structure_has_name(s, "penstock-push-state") &&
                state == gst_structure_get_string(s, "state"))
                return message;
        }
    }
    GstHarness *h;
    std::optional<Bus> bus;
};

std::string reason_of(const GstPtr<GstMessage> &message) {
    return gst_structure_get_string(gst_message_get_structure(message.get()), "reason");
}

guint64 retry_of(const GstPtr<GstMessage> &message) {
    guint64 value = 0;
    gst_structure_get_uint64(gst_message_get_structure(message.get()), "retry-in", &value);
    return value;
}

} // namespace

// Data that was pushed before the server started is sent first: headers, then the keyframe.
GST_START_TEST(test_publish) {
    Server server("rtmp://127.0.0.1:0/live/in");
    Push push(server.app());
    push.push_headers();
    push.push(samples::video_frame(7000, true, 1));
    push.push(samples::audio_frame(7010));
    push.wait_for("connecting");
    push.wait_for("live");
    push.push(samples::video_frame(7040, false, 2));
    for (int i = 0; i < 4; ++i)
        fail_unless(GST_BUFFER_FLAG_IS_SET(server.pull().get(), GST_BUFFER_FLAG_HEADER));
    const auto key = tag_of(server.pull()), sound = tag_of(server.pull()),
               delta = tag_of(server.pull());
    fail_unless(key.kind == flv::TagKind::keyframe);
    fail_unless_equals_int(sound.timestamp - key.timestamp, 10);
    fail_unless_equals_int(delta.timestamp - key.timestamp, 40);
    fail_unless_equals_int(stat(push.h->element, "peers"), 1);
    fail_unless_equals_uint64(stat(push.h->element, "connections"), 1);
    fail_unless(eventually([&] { return stat(push.h->element, "buffers-out") == 3; }));
    fail_unless_equals_uint64(stat(push.h->element, "drops"), 0);
}
GST_END_TEST

GST_START_TEST(test_key_is_secret) {
    const auto element = make_element("rtmppushsink");
    g_object_set(element.get(), "key", "tell-nobody", nullptr);
    fail_unless_equals_string(string_property(element.get(), "key").c_str(), "(set)");
}
GST_END_TEST

// The server stops and starts again at the same port.
GST_START_TEST(test_resumes_on_keyframe) {
    std::optional<Server> server(std::in_place, "rtmp://127.0.0.1:0/live/in");
    const std::string location = server->location;
    Push push(server->app());
    push.push_headers();
    push.push(samples::video_frame(1000, true, 1));
    push.wait_for("live");
    const uint32_t begin = tag_of(server->pull_frame()).timestamp;
    server.reset();
    fail_if(reason_of(push.wait_for("waiting")).empty());
    push.push(samples::video_frame(1040, false, 2));
    server.emplace(location);
    push.wait_for("live");
    push.push(samples::video_frame(1080, false, 3)); // of a GOP that the new connection has not
    push.push(samples::video_frame(3000, true, 4));
    push.push(samples::video_frame(3040, false, 5));
    for (int i = 0; i < 4; ++i)
        fail_unless(GST_BUFFER_FLAG_IS_SET(server->pull().get(), GST_BUFFER_FLAG_HEADER));
    const auto key = tag_of(server->pull()), delta = tag_of(server->pull());
    fail_unless(key.kind == flv::TagKind::keyframe);
    fail_unless_equals_int(key.timestamp - begin, 2000); // the timeline goes on
    fail_unless_equals_int(delta.timestamp - key.timestamp, 40);
    fail_unless_equals_uint64(stat(push.h->element, "connections"), 2);
    fail_unless(stat(push.h->element, "drops") >= 2);
}
GST_END_TEST

GST_START_TEST(test_refused_key) {
    Server server("rtmp://127.0.0.1:0/live/in", "right");
    Push push(server.app(), "in?key=wrong-one");
    push.push_headers();
    const auto message = push.wait_for("waiting");
    const std::string reason = reason_of(message);
    fail_unless(reason.find("refuses the key") != reason.npos, "%s", reason.c_str());
    fail_unless(reason.find("wrong-one") == reason.npos, "%s", reason.c_str());
    gboolean refused = FALSE;
    gst_structure_get_boolean(gst_message_get_structure(message.get()), "refused", &refused);
    fail_unless(refused);
    fail_unless(retry_of(message) >= 45 * GST_SECOND);
    const auto warning = push.bus->wait(GST_MESSAGE_WARNING);
    fail_unless(warning);
}
GST_END_TEST

// With the right key in the name's query.
GST_START_TEST(test_right_key) {
    Server server("rtmp://127.0.0.1:0/live/in", "right");
    Push push(server.app(), "in?key=right");
    push.push_headers();
    push.push(samples::video_frame(0, true));
    push.wait_for("live");
    fail_unless(tag_of(server.pull_frame()).kind == flv::TagKind::keyframe);
}
GST_END_TEST

// Without a listener the element retries at growing intervals, and upstream notices nothing.
GST_START_TEST(test_nobody_there) {
    SilentPort port;
    port.close();
    Push push(port.app());
    push.push_headers();
    guint64 before = 0;
    for (int i = 0; i < 3; ++i) {
        const auto message = push.wait_for("waiting");
        fail_unless(reason_of(message).find("refused") != std::string::npos, "%s",
                    reason_of(message).c_str());
        if (i < 2) fail_unless(retry_of(message) + 15 * GST_MSECOND > before);
        before = retry_of(message);
        push.push(samples::video_frame(guint(i) * 40, i == 0));
    }
    fail_unless_equals_int(stat(push.h->element, "peers"), 0);
}
GST_END_TEST

// A server that accepts connections and never answers costs bounded memory and no time.
GST_START_TEST(test_silent_server) {
    SilentPort port;
    Push push(port.app());
    push.push_headers();
    std::vector<uint8_t> body(20'000, 0x55);
    for (uint32_t i = 0; i < 2'000; ++i) { // 40 MB
        const bool key = i % 500 == 0;
        const auto head = samples::video_frame(0, key).body();
        std::copy(head.begin(), head.end(), body.begin());
        // A single slice that fills the rest.
        const uint32_t slice = uint32_t(body.size()) - 9;
        for (int b = 0; b < 4; ++b)
            body[5 + size_t(b)] = uint8_t(slice >> (24 - 8 * b));
        push.push(flv::make_tag(flv::TagType::video, i * 40, body));
    }
    fail_unless(stat(push.h->element, "drops") >= 1'900);
    fail_unless_equals_uint64(stat(push.h->element, "bytes-in") / 40'000'000, 1);
}
GST_END_TEST

GST_START_TEST(test_bad_locations) {
    refuses_client_locations("rtmppushsink");
}
GST_END_TEST

GST_START_TEST(test_events_while_paused) {
    events_do_not_wait_while_paused("rtmppushsink", "rtmp://127.0.0.1:9/live/x");
}
GST_END_TEST

static gboolean ask_to_reconnect(GstElement *element, const std::string &location) {
    gboolean is_sent = FALSE;
    g_signal_emit_by_name(element, "ask-to-reconnect", location.c_str(), "going down", &is_sent);
    return is_sent;
}

// From one server to another, by the action signal.
GST_START_TEST(test_is_sent_elsewhere) {
    Server first("rtmp://127.0.0.1:0/live/in"), second("rtmp://127.0.0.1:0/live/in");
    Push push(first.app());
    push.push_headers();
    push.push(samples::video_frame(0, true, 1));
    fail_unless(tag_of(first.pull_frame()).kind == flv::TagKind::keyframe);
    for (const char *wrong : {"http://127.0.0.1/live", "rtmp://127.0.0.1", "/a b"})
        fail_if(ask_to_reconnect(first.h->element, wrong), "%s is sent", wrong);
    fail_unless(ask_to_reconnect(first.h->element, second.app()));
    // It leaves at a keyframe, once it has been asked.
    uint8_t mark = 2;
    while (stat(second.h->element, "peers") == 0 && mark < 200) {
        push.push(samples::video_frame(mark * 20U, true, mark));
        ++mark;
        eventually([&] {
            return gst_harness_buffers_in_queue(first.h) + gst_harness_buffers_in_queue(second.h) >
                   0;
        });
        while (const auto left = GstPtr<GstBuffer>::adopt(gst_harness_try_pull(first.h))) {
        }
    }
    const auto message = push.wait_for("waiting");
    fail_unless(reason_of(message).find("asks to connect again to " + second.app()) !=
                    std::string::npos,
                "%s", reason_of(message).c_str());
    fail_unless_equals_uint64(retry_of(message), 0);
    push.push(samples::video_frame(mark * 20U, true, mark));
    fail_unless(tag_of(second.pull_frame()).kind == flv::TagKind::keyframe);
}
GST_END_TEST

static Suite *push_suite() {
    Suite *suite = suite_create("rtmppush");
    TCase *tests = tcase_create("rtmppushsink");
    tcase_add_test(tests, test_is_sent_elsewhere);
    tcase_add_test(tests, test_publish);
    tcase_add_test(tests, test_key_is_secret);
    tcase_add_test(tests, test_resumes_on_keyframe);
    tcase_add_test(tests, test_refused_key);
    tcase_add_test(tests, test_right_key);
    tcase_add_test(tests, test_nobody_there);
    tcase_add_test(tests, test_silent_server);
    tcase_add_test(tests, test_bad_locations);
    tcase_add_test(tests, test_events_while_paused);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(push);
