// SPDX-License-Identifier: LGPL-2.1-or-later
// tls-certificate and tls-key of elements whose location is served without TLS.
#include "unit/tls_rig.hpp"

#include "rtmp_rig.hpp"

using namespace rtmp_rig;

namespace {

constexpr const char *any_port = "http://127.0.0.1:0/live/cam.flv";

/// The warnings that an element posts when it starts with these settings.
std::string warnings_of(const char *factory, const char *location, const net::TlsFiles &files) {
    auto element = make_element(factory);
    g_object_set(element.get(), "location", location, "tls-certificate", files.certificate.c_str(),
                 "tls-key", files.key.c_str(), nullptr);
    const auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(element.get(), bus.get());
    fail_unless(gst_element_set_state(element.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    std::string out;
    while (const auto message =
               GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING))) {
        GError *error = nullptr;
        gst_message_parse_warning(message.get(), &error, nullptr);
        out += error->message;
        g_clear_error(&error);
    }
    gst_element_set_state(element.get(), GST_STATE_NULL);
    gst_element_set_bus(element.get(), nullptr);
    return out;
}

} // namespace

// A certificate that has no effect is warned of once, and not at all if another listener has it: a
// description gives one pair to all its elements.
GST_START_TEST(test_idle_certificate) {
    tls_test::Certificates folder;
    const auto idle = folder.make("idle"), used = folder.make("used");
    const std::string said = warnings_of("httpserversink", any_port, idle);
    fail_unless(said.find("tls-certificate and tls-key are not used") != said.npos, "%s",
                said.c_str());
    fail_unless(said.find(any_port) != said.npos, "%s", said.c_str());
    for (const char *factory : {"httpserversink", "hlssegmenter"})
        fail_unless_equals_string(
            warnings_of(factory, "http://127.0.0.1:0/live/cam.m3u8", idle).c_str(), "");

    auto secure = make_element("rtmpserversink");
    g_object_set(secure.get(), "location", "rtmp://127.0.0.1:0/live/cam", "tls-certificate",
                 used.certificate.c_str(), "tls-key", used.key.c_str(), nullptr);
    gst_element_set_state(secure.get(), GST_STATE_PAUSED);
    fail_unless_equals_string(warnings_of("httpserversink", any_port, used).c_str(), "");
    gst_element_set_state(secure.get(), GST_STATE_NULL);
    fail_if(warnings_of("hlssegmenter", "http://127.0.0.1:0/live/cam.m3u8", used).empty());
    const net::TlsFiles none;
    fail_unless_equals_string(warnings_of("httpserversink", any_port, none).c_str(), "");
}
GST_END_TEST

static Suite *idle_certificate_suite() {
    Suite *s = suite_create("idle_certificate");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_idle_certificate);
    return s;
}
GST_CHECK_MAIN(idle_certificate)
