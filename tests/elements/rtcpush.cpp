// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpushsink and rtcpullsrc without peers: properties, settings that are refused, and a server
// that does not answer. Connections are tested by tests/interop/rtc_push.py.
#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

constexpr const char *factories[] = {"rtcpushsink", "rtcpullsrc"};
/// Nobody listens at this port of loopback.
constexpr const char *nowhere = "http://127.0.0.1:1/live/cam/whip?key=query-secret";

/// What the element says when it does not start.
std::string error_of(const GstPtr<GstElement> &element) {
    Bus bus(element.get());
    fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    const auto message = bus.wait(GST_MESSAGE_ERROR);
    fail_unless(message.get() != nullptr);
    GError *error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    const std::string out = error->message;
    g_clear_error(&error);
    gst_element_set_state(element.get(), GST_STATE_NULL);
    return out;
}

std::string error_with(const char *factory, const char *property, const char *value) {
    const auto element = make_element(factory);
    g_object_set(element.get(), "location", nowhere, nullptr);
    g_object_set(element.get(), property, value, nullptr);
    return error_of(element);
}

void expect(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "'%s' is not in '%s'", part, text.c_str());
}

/// The next change of state that an element tells of.
GstPtr<GstMessage> change_of(Bus &bus, const char *name, const std::string &state) {
    for (;;) {
        auto message = bus.wait(GST_MESSAGE_ELEMENT);
        fail_unless(message, "it never is %s", state.c_str());
        const GstStructure *s = gst_message_get_structure(message.get());
        if (gst_structure_has_name(s, name) && state == gst_structure_get_string(s, "state"))
            return message;
    }
}

} // namespace

GST_START_TEST(test_properties) {
    for (const char *factory : factories) {
        const auto element = make_element(factory);
        g_object_set(element.get(), "location", nowhere, "token", "tell-nobody", "ice-servers",
                     "stun:a,turn:me:tell-nobody@b", nullptr);
        gst_util_set_object_arg(G_OBJECT(element.get()), "ice-transport-policy", "relay");
        fail_unless_equals_string(string_property(element.get(), "location").c_str(), nowhere);
        fail_unless_equals_string(string_property(element.get(), "token").c_str(), "(set)");
        fail_unless_equals_string(string_property(element.get(), "ice-servers").c_str(),
                                  "stun:a,turn:***:***@b");
        int policy = 0;
        guint64 delay = 0, most = 0, refused = 0, silence = 0;
        g_object_get(element.get(), "ice-transport-policy", &policy, "reconnect-delay", &delay,
                     "reconnect-max-delay", &most, "refused-delay", &refused, "silence-timeout",
                     &silence, nullptr);
        fail_unless_equals_int(policy, 1);
        fail_unless_equals_uint64(delay, 1 * GST_SECOND);
        fail_unless_equals_uint64(most, 30 * GST_SECOND);
        fail_unless_equals_uint64(refused, 60 * GST_SECOND);
        fail_unless_equals_uint64(silence, 15 * GST_SECOND);
        fail_unless_equals_uint64(stat(element.get(), "connections"), 0);
        fail_unless_equals_int(int(stat(element.get(), "peers")), 0);
    }
}
GST_END_TEST

GST_START_TEST(test_bad_settings) {
    for (const char *factory : factories) {
        for (const char *location : {"", "rtmp://127.0.0.1/live/x", "127.0.0.1/x", "http:///x",
                                     "http://127.0.0.1:0/x", "http://me@127.0.0.1/x"})
            expect(error_with(factory, "location", location), "location: write http://");
        for (const char *token : {"two words", "line\r\nX-Header: 1", "qu\"ote"}) {
            const std::string error = error_with(factory, "token", token);
            expect(error, "token: ");
            fail_if(error.find(token) != error.npos, "%s", error.c_str());
        }
        const std::string error = error_with(factory, "ice-servers", "stun:a,turn:me:secret@b:0");
        expect(error, "ice-servers: number 2 has no host");
        fail_if(error.find("secret") != error.npos, "%s", error.c_str());
        expect(error_with(factory, "tls-ca", "/nonexistent.pem"), "/nonexistent.pem");
    }
}
GST_END_TEST

// Attempts fail, one after the other, and nobody waits for them.
GST_START_TEST(test_push_to_nobody) {
    const auto element = make_element("rtcpushsink");
    g_object_set(element.get(), "location", nowhere, "sync", FALSE, "reconnect-delay",
                 guint64(10 * GST_MSECOND), "reconnect-max-delay", guint64(20 * GST_MSECOND),
                 nullptr);
    Bus bus(element.get());
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    gst_harness_play(h);
    push(h, samples::metadata());
    push(h, samples::video_config());
    // The sound is AAC, which is not sent: that is said once.
    push(h, samples::audio_config());
    push(h, samples::video_frame(0, true, 1));
    push(h, samples::audio_frame(0));
    push(h, samples::audio_frame(20));
    const auto warning = bus.wait(GST_MESSAGE_WARNING);
    fail_unless(warning.get() != nullptr);
    GError *error = nullptr;
    gst_message_parse_warning(warning.get(), &error, nullptr);
    const std::string said = error->message;
    g_clear_error(&error);
    expect(said, "copyorencode codec=opus");
    // The video is offered alone when no other track has come for a second.
    unsigned frame = 1;
    fail_unless(eventually([&] {
        push(h, samples::video_frame(frame * 40, false, uint8_t(frame)));
        ++frame;
        const auto message = GstPtr<GstMessage>::adopt(
            gst_bus_pop_filtered(GST_ELEMENT_BUS(element.get()), GST_MESSAGE_ELEMENT));
        return message && gst_structure_has_name(gst_message_get_structure(message.get()),
                                                 "penstock-push-state");
    }));
    for (int attempt = 1; attempt <= 2; ++attempt) {
        const auto message = change_of(bus, "penstock-push-state", "waiting");
        const GstStructure *s = gst_message_get_structure(message.get());
        gboolean refused = TRUE;
        gst_structure_get_boolean(s, "refused", &refused);
        fail_unless(!refused);
        fail_if(std::string(gst_structure_get_string(s, "reason")).empty());
        // A query may be a secret.
        fail_unless_equals_string(gst_structure_get_string(s, "location"),
                                  "http://127.0.0.1:1/live/cam/whip");
    }
    fail_unless_equals_uint64(stat(element.get(), "connections"), 0);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_pull_from_nobody) {
    const auto element = make_element("rtcpullsrc");
    g_object_set(element.get(), "location", nowhere, "reconnect-delay", guint64(10 * GST_MSECOND),
                 "reconnect-max-delay", guint64(20 * GST_MSECOND), nullptr);
    Bus bus(element.get());
    GstHarness *h = gst_harness_new_with_element(element.get(), nullptr, "src");
    gst_harness_play(h);
    change_of(bus, "penstock-pull-state", "connecting");
    change_of(bus, "penstock-pull-state", "waiting");
    change_of(bus, "penstock-pull-state", "waiting");
    fail_unless_equals_uint64(stat(element.get(), "connections"), 0);
    gst_harness_teardown(h);
}
GST_END_TEST

static Suite *rtcpush_suite() {
    Suite *s = suite_create("rtcpush");
    TCase *tc = tcase_create("without peers");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_properties);
    tcase_add_test(tc, test_bad_settings);
    tcase_add_test(tc, test_push_to_nobody);
    tcase_add_test(tc, test_pull_from_nobody);
    return s;
}

GST_CHECK_MAIN(rtcpush)
