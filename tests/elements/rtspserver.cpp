// SPDX-License-Identifier: LGPL-2.1-or-later
// rtspserversink with rtsppullsrc as its player, rtspserversrc with a small client as its
// publisher; their properties, locations and states.
#include "unit/rtsp_client.hpp"

#include "core/rtsp/play/description.h"

#include "rtmp_rig.hpp"

using namespace rtmp_rig;
using rtsp::Method;

namespace {

constexpr const char *any_port = "rtsp://127.0.0.1:0/live/test";

GstHarness *serve(const std::string &location = any_port) {
    const auto element = make_element("rtspserversink");
    g_object_set(element.get(), "location", location.c_str(), nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    return h;
}

uint16_t port_of(GstElement *element) {
    const std::string location = string_property(element, "bound-location");
    const size_t colon = location.find(':', 7);
    fail_unless(colon != location.npos, "%s", location.c_str());
    return uint16_t(std::stoul(location.substr(colon + 1)));
}

void begin(GstHarness *h) {
    push(h, samples::video_config());
    push(h, samples::audio_config());
    push(h, samples::video_frame(0, true, 1));
    push(h, samples::audio_frame(0, 1));
    push(h, samples::video_frame(40, false, 2));
}

/// What the element says when it does not start.
std::string error_of(const char *factory, const char *location, unsigned udp_port) {
    const auto element = make_element(factory);
    g_object_set(element.get(), "location", location, "udp-port", udp_port, nullptr);
    Bus bus(element.get());
    if (gst_element_set_state(element.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE) {
        gst_element_set_state(element.get(), GST_STATE_NULL);
        return {};
    }
    const auto message = bus.wait(GST_MESSAGE_ERROR);
    fail_unless(message.get() != nullptr);
    GError *error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    const std::string text = error->message;
    g_clear_error(&error);
    gst_element_set_state(element.get(), GST_STATE_NULL);
    return text;
}

} // namespace

// A player that joins amid a GOP gets all of it, although nothing new is pushed, as the tags that
// went in.
GST_START_TEST(test_serves_a_player) {
    GstHarness *h = serve();
    begin(h);
    GstHarness *player = gst_harness_new_parse(
        ("rtsppullsrc location=" + string_property(h->element, "bound-location")).c_str());
    gst_harness_play(player);
    std::vector<flv::Tag> tags;
    flv::Normalizer normalizer;
    // Its receiver passes on a frame when the next one has come.
    for (uint32_t ms = 80; tags.size() < 6; ms += 40) {
        push(h, samples::video_frame(ms, false, uint8_t(ms / 40 + 1)));
        push(h, samples::audio_frame(ms, uint8_t(ms / 40 + 1)));
        while (GstBuffer *buffer = gst_harness_try_pull(player)) {
            (void)normalizer.push(bytes_of(buffer), tags);
            gst_buffer_unref(buffer);
        }
        g_usleep(1000);
    }
    bool has_keyframe = false;
    for (const flv::Tag &tag : tags)
        has_keyframe = has_keyframe || tag.kind == flv::TagKind::keyframe;
    fail_unless(has_keyframe);
    fail_unless_equals_int(stat(h->element, "peers"), 1);
    gst_harness_teardown(player);
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    fail_unless(stat(h->element, "bytes-out") > 0);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_receives_a_publisher) {
    const auto element = make_element("rtspserversrc");
    g_object_set(element.get(), "location", any_port, nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), nullptr, "src");
    gst_harness_play(h);
    rtsp_test::Client client(port_of(h->element));
    rtsp::PlayMaker maker(1, 1);
    (void)maker.make(samples::video_config(), 0);
    fail_unless_equals_int(client.ask(Method::announce, client.url("live/test"), {},
                                      rtsp::describe(maker.tracks(), "test")),
                           200);
    fail_unless_equals_int(client.set_up("live/test", 0, "RTP/AVP/TCP;interleaved=0-1"), 200);
    fail_unless_equals_int(client.ask(Method::record, client.url("live/test")), 200);
    for (uint32_t i = 0; i < 5; ++i) {
        const auto packet = maker.make(samples::video_frame(i * 40, i == 0, uint8_t(i)), i * 40);
        client.send(
            {reinterpret_cast<const char *>(packet->payload.data()), packet->payload.size()});
    }
    std::vector<flv::Tag> tags;
    flv::Normalizer normalizer;
    while (tags.size() < 6) { // a configuration, and five frames
        GstBuffer *buffer = gst_harness_pull(h);
        fail_unless(buffer != nullptr);
        (void)normalizer.push(bytes_of(buffer), tags);
        gst_buffer_unref(buffer);
    }
    fail_unless(tags.front().kind == flv::TagKind::config);
    fail_unless(tags[1].kind == flv::TagKind::keyframe);
    fail_unless_equals_int(tags.back().bytes.view()[21], 4);
    fail_unless_equals_int(stat(h->element, "peers"), 1);
    client.close();
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_share_a_port) {
    GstHarness *h = serve();
    const std::string origin = "rtsp://127.0.0.1:" + std::to_string(port_of(h->element));
    GstHarness *other = serve(origin + "/live/other");
    begin(other);
    rtsp_test::Client client(port_of(h->element));
    fail_unless(client.play("live/other"));
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/none")), 455);
    for (const char *factory : {"rtspserversink", "rtspserversrc"}) {
        const std::string taken = error_of(factory, (origin + "/live/x").c_str(), 40000);
        fail_unless(taken.find("other options") != taken.npos, "%s", taken.c_str());
        const std::string odd = error_of(factory, any_port, 40001);
        fail_unless(odd.find("is odd") != odd.npos, "%s", odd.c_str());
    }
    gst_harness_teardown(other);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_properties) {
    for (const char *factory : {"rtspserversink", "rtspserversrc"}) {
        const auto element = make_element(factory);
        gboolean udp = FALSE;
        guint port = 1;
        g_object_get(element.get(), "udp", &udp, "udp-port", &port, nullptr);
        fail_unless(udp && port == 0);
        g_object_set(element.get(), "udp", FALSE, "udp-port", 7000u, nullptr);
        g_object_get(element.get(), "udp", &udp, "udp-port", &port, nullptr);
        fail_unless(!udp && port == 7000);
        refuses_locations(factory, {"rtsp://127.0.0.1:0/", "rtmp://127.0.0.1:0/live/x",
                                    "rtsp://127.0.0.1:0/live/../x", "rtsps://127.0.0.1:0/live/x"});
    }
    for (const char *wrong : {"10.0.0.1:5000", "239.1.1.1:5001", "239.1.1.1", "x"}) {
        const auto element = make_element("rtspserversink");
        Bus bus(element.get());
        g_object_set(element.get(), "location", any_port, "multicast", wrong, nullptr);
        fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bus.wait(GST_MESSAGE_ERROR));
        gst_element_set_state(element.get(), GST_STATE_NULL);
    }
    keeps_timeout("rtspserversink", "stall-timeout");
    keeps_timeout("rtspserversrc", "silence-timeout");
}
GST_END_TEST

static Suite *rtspserver_suite() {
    Suite *suite = suite_create("rtspserver");
    TCase *cases = tcase_create("elements");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_serves_a_player);
    tcase_add_test(cases, test_receives_a_publisher);
    tcase_add_test(cases, test_share_a_port);
    tcase_add_test(cases, test_properties);
    return suite;
}

GST_CHECK_MAIN(rtspserver)
