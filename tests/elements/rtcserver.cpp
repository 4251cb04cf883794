// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcserversrc and rtcserversink without peers: properties, locations, states, and the HTTP port
// that they share with each other and with httpserversink.
#include "core/fanout/policy.h"
#include "core/net/stream/publish_slot.h"

#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

constexpr const char *whip = "http://127.0.0.1:0/live/cam/whip";
constexpr const char *whep = "http://127.0.0.1:0/live/cam/whep";
constexpr const char *any_udp = "127.0.0.1:0";

GstPtr<GstElement> make(const char *factory, const std::string &location,
                        const char *udp = any_udp) {
    auto element = make_element(factory);
    g_object_set(element.get(), "location", location.c_str(), "udp", udp, nullptr);
    return element;
}

/// What the element says when it does not start; empty if it does.
std::string error_of(const GstPtr<GstElement> &element) {
    Bus bus(element.get());
    const auto result = gst_element_set_state(element.get(), GST_STATE_PAUSED);
    std::string out;
    if (result == GST_STATE_CHANGE_FAILURE) {
        const auto message = bus.wait(GST_MESSAGE_ERROR);
        fail_unless(message.get() != nullptr);
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        out = error->message;
        g_clear_error(&error);
        fail_if(out.empty());
    }
    gst_element_set_state(element.get(), GST_STATE_NULL);
    return out;
}

void expect(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "'%s' is not in '%s'", part, text.c_str());
}

/// "http://127.0.0.1:PORT" of a location that is listened on.
std::string origin_of(const GstPtr<GstElement> &element) {
    const std::string location = string_property(element.get(), "bound-location");
    fail_unless(location.starts_with("http://127.0.0.1:"), "%s", location.c_str());
    return location.substr(0, location.find('/', 7));
}

int enumeration(const GstPtr<GstElement> &element, const char *property) {
    int value = -1;
    g_object_get(element.get(), property, &value, nullptr);
    return value;
}

} // namespace

GST_START_TEST(test_properties) {
    for (const char *factory : {"rtcserversrc", "rtcserversink"}) {
        const auto element = make_element(factory);
        fail_unless_equals_string(string_property(element.get(), "udp").c_str(), ":8189");
        fail_unless_equals_string(string_property(element.get(), "announce").c_str(), "");
        fail_unless_equals_string(string_property(element.get(), "ice-servers").c_str(), "");
        g_object_set(element.get(), "udp", "127.0.0.1:1", "announce", "192.0.2.1", "ice-servers",
                     "turn:me:secret@a", nullptr);
        fail_unless_equals_string(string_property(element.get(), "udp").c_str(), "127.0.0.1:1");
        fail_unless_equals_string(string_property(element.get(), "announce").c_str(), "192.0.2.1");
        fail_unless_equals_string(string_property(element.get(), "ice-servers").c_str(),
                                  "turn:***:***@a");
        g_object_set(element.get(), "udp", nullptr, "ice-servers", nullptr, nullptr);
        fail_unless_equals_string(string_property(element.get(), "udp").c_str(), "");
    }
    // Those of all server sources and sinks.
    keeps_timeout("rtcserversrc", "silence-timeout");
    keeps_timeout("rtcserversink", "stall-timeout");
    const auto source = make_element("rtcserversrc");
    g_object_set(source.get(), "publish-key", "secret", "republish", int(net::Republish::takeover),
                 nullptr);
    fail_unless_equals_string(string_property(source.get(), "publish-key").c_str(), "(set)");
    fail_unless_equals_int(enumeration(source, "republish"), int(net::Republish::takeover));
    fail_unless_equals_int(stat(source.get(), "switches"), 0);
    const auto sink = make_element("rtcserversink");
    fail_unless_equals_int(enumeration(sink, "join"), int(fanout::Join::fast_forward));
    fail_unless_equals_int(enumeration(make_element("httpserversink"), "join"),
                           int(fanout::Join::burst));
    fail_unless_equals_int(stat(sink.get(), "peers-total"), 0);
}
GST_END_TEST

GST_START_TEST(test_bad_locations) {
    for (const char *factory : {"rtcserversrc", "rtcserversink"}) {
        const bool is_source = std::string_view(factory) == "rtcserversrc";
        const std::string end = is_source ? "/whip" : "/whep";
        expect(error_of(make(factory, "rtmp://127.0.0.1:0/live/cam" + end)),
               "does not begin with http:// or https://");
        expect(error_of(make(factory, "https://127.0.0.1:0/live/cam" + end)), "tls-certificate");
        expect(error_of(make(factory, "http://127.0.0.1:x/live/cam" + end)), "location: ");
        const std::string form = "write http://host:port/live/NAME" + end;
        for (const char *path : {"/live/cam", "/live/cam/", "/whap", "", "/live/cam/WHIP"})
            expect(error_of(make(factory, "http://127.0.0.1:0" + std::string(path))), form.c_str());
        expect(error_of(make(factory, "http://127.0.0.1:0" + end)), form.c_str());
        expect(error_of(make(factory, "http://127.0.0.1:0//cam" + end)), form.c_str());
        expect(error_of(make(factory, is_source ? whep : whip)), form.c_str());
    }
}
GST_END_TEST

GST_START_TEST(test_bad_options) {
    for (const auto &[factory, location] :
         {std::pair("rtcserversrc", whip), std::pair("rtcserversink", whep)}) {
        for (const char *udp : {"", "8189", "127.0.0.1", "127.0.0.1:70000"})
            expect(error_of(make(factory, location, udp)), "udp: '");
        auto element = make(factory, location);
        g_object_set(element.get(), "announce", "example.org", nullptr);
        expect(error_of(element), "announce: 'example.org' is no IP address");
        element = make(factory, location);
        g_object_set(element.get(), "ice-servers", "stun:a,turn:me:secret@b:0", nullptr);
        const std::string error = error_of(element);
        expect(error, "ice-servers: number 2 has no host");
        fail_if(error.find("secret") != error.npos, "%s", error.c_str());
    }
}
GST_END_TEST

GST_START_TEST(test_states) {
    const auto source = make("rtcserversrc", whip);
    fail_unless_equals_string(string_property(source.get(), "bound-location").c_str(), "");
    for (int i = 0; i < 2; ++i) {
        fail_unless_equals_int(gst_element_set_state(source.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_NO_PREROLL);
        const std::string bound = string_property(source.get(), "bound-location");
        fail_unless(bound == origin_of(source) + "/live/cam/whip", "%s", bound.c_str());
        fail_if(bound.ends_with(":0/live/cam/whip"));
        gst_element_set_state(source.get(), GST_STATE_NULL);
        fail_unless_equals_string(string_property(source.get(), "bound-location").c_str(), "");
    }
    // It never prerolls.
    const auto sink = make("rtcserversink", whep);
    fail_unless_equals_int(gst_element_set_state(sink.get(), GST_STATE_PLAYING),
                           GST_STATE_CHANGE_SUCCESS);
    fail_unless(string_property(sink.get(), "bound-location") ==
                origin_of(sink) + "/live/cam/whep");
    gst_element_set_state(sink.get(), GST_STATE_NULL);
}
GST_END_TEST

// What is pushed before anybody watches is FLV, or an error as in every server sink.
GST_START_TEST(test_input) {
    const auto sink = make("rtcserversink", whep);
    GstHarness *h = gst_harness_new_with_element(sink.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    push(h, samples::video_config());
    push(h, samples::video_frame(0, true));
    fail_unless_equals_uint64(stat(sink.get(), "buffers-in"), 2);
    gst_harness_teardown(h);
    const auto other = make("rtcserversink", whep);
    h = gst_harness_new_with_element(other.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    GstBuffer *text = buffer_of(Bytes::copy_of(std::string_view("no FLV at all"))).release();
    fail_unless_equals_int(gst_harness_push(h, text), GST_FLOW_ERROR);
    gst_harness_teardown(h);
}
GST_END_TEST

// One HTTP port for a source, a sink and httpserversink, in any order.
GST_START_TEST(test_shared_address) {
    for (const bool http_first : {true, false}) {
        const auto http = make_element("httpserversink");
        g_object_set(http.get(), "location", "http://127.0.0.1:0/live/cam.flv", nullptr);
        const auto source = make("rtcserversrc", whip);
        const auto &first = http_first ? http : source, &second = http_first ? source : http;
        gst_element_set_state(first.get(), GST_STATE_PAUSED);
        const std::string origin = origin_of(first);
        g_object_set(second.get(), "location",
                     (origin + (http_first ? "/live/cam/whip" : "/live/cam.flv")).c_str(), nullptr);
        fail_unless(gst_element_set_state(second.get(), GST_STATE_PAUSED) !=
                    GST_STATE_CHANGE_FAILURE);
        const auto sink = make("rtcserversink", origin + "/live/cam/whep");
        fail_unless(gst_element_set_state(sink.get(), GST_STATE_PAUSED) !=
                    GST_STATE_CHANGE_FAILURE);
        fail_unless(origin_of(second) == origin && origin_of(sink) == origin);
        // A name has one receiver and one producer.
        expect(error_of(make("rtcserversrc", origin + "/live/cam/whip")), "live/cam");
        expect(error_of(make("rtcserversink", origin + "/live/cam/whep")), "live/cam");
        fail_unless_equals_string(
            error_of(make("rtcserversink", origin + "/live/other/whep")).c_str(), "");
        // Elements at one address agree on its options.
        fail_if(error_of(make("rtcserversink", origin + "/live/more/whep", ":1")).empty());
        for (const auto &element : {http, source, sink})
            gst_element_set_state(element.get(), GST_STATE_NULL);
    }
}
GST_END_TEST

static Suite *rtcserver_suite() {
    Suite *s = suite_create("rtcserver");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_properties);
    tcase_add_test(tc, test_bad_locations);
    tcase_add_test(tc, test_bad_options);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_input);
    tcase_add_test(tc, test_shared_address);
    return s;
}
GST_CHECK_MAIN(rtcserver)
