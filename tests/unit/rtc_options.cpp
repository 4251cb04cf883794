// SPDX-License-Identifier: LGPL-2.1-or-later
// The texts of a WebRTC server's options: addresses that are announced, STUN and TURN servers.
#include "core/net/rtc/options.h"

#include "check.hpp"

using namespace penstock::net;

namespace {

std::string error_of_announced(const char *text) {
    std::string error;
    return parse_announced(text, &error) ? "" : error;
}

std::string error_of_servers(const std::string &text) {
    std::string error;
    return parse_ice_servers(text, &error) ? "" : error;
}

IceServer server(const char *url, const char *username = "", const char *credential = "") {
    return {url, username, credential};
}

void expect(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "'%s' is not in '%s'", part, text.c_str());
}

} // namespace

GST_START_TEST(test_announced) {
    const auto two = parse_announced("203.0.113.7,2001:db8::7", nullptr);
    fail_unless(two && two->size() == 2 && two->at(0) == "203.0.113.7" &&
                two->at(1) == "2001:db8::7");
    fail_unless(parse_announced("", nullptr)->empty());
    fail_unless_equals_int(parse_announced("10.0.0.1,10.0.0.1", nullptr)->size(), 1);
    for (const char *text : {"example.org", "203.0.113.7,", ",203.0.113.7", "203.0.113.7, ::1",
                             "[::1]", "203.0.113", "203.0.113.7:8189", "fe80::1%eth0"})
        expect(error_of_announced(text), "is no IP address");
    for (const char *text : {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"})
        expect(error_of_announced(text), "nobody can send to");
    std::string many;
    for (int i = 1; i <= int(max_announced) + 1; ++i)
        many += (i == 1 ? "10.0.0." : ",10.0.0.") + std::to_string(i);
    expect(error_of_announced(many.c_str()), "more than 16");
}
GST_END_TEST

GST_START_TEST(test_ice_servers) {
    const auto servers = parse_ice_servers("stun:stun.example.org,"
                                           "turn:me%40home:a%3Ab%2cc%25@turn.example.org:3478"
                                           "?transport=udp,turns:u:p@[2001:db8::7]:443,"
                                           "stuns:192.0.2.1:5349",
                                           nullptr);
    fail_unless(servers && servers->size() == 4);
    fail_unless(servers->at(0) == server("stun:stun.example.org"));
    fail_unless(servers->at(1) ==
                server("turn:turn.example.org:3478?transport=udp", "me@home", "a:b,c%"));
    fail_unless(servers->at(2) == server("turns:[2001:db8::7]:443", "u", "p"));
    fail_unless(servers->at(3) == server("stuns:192.0.2.1:5349"));
    fail_unless(parse_ice_servers("", nullptr)->empty());
}
GST_END_TEST

GST_START_TEST(test_bad_ice_servers) {
    expect(error_of_servers("stun.example.org"), "number 1 begins with none of stun:");
    expect(error_of_servers("stun:a,http://b"), "number 2 begins with none of stun:");
    expect(error_of_servers("stun:a,"), "number 2 begins with none of stun:");
    expect(error_of_servers("turn://u:p@a"), "no slashes");
    expect(error_of_servers("turn:turn.example.org"), "needs user and password");
    expect(error_of_servers("stun:u:p@a"), "takes no user and password");
    for (const char *text : {"turn:u@a", "turn::p@a", "turn:u:@a", "turn:u:p:q@a", "turn:u:p%4@a",
                             "turn:u:p%zz@a", "turn:u:%0a@a", "turn:u@v:p@a"})
        expect(error_of_servers(text), "%3A, %2C, %40 and %25");
    for (const char *text : {"stun:", "stun:a b", "stun:-a", "stun:a:0", "stun:a:65536", "stun:a:x",
                             "stun:[::1", "stun:[a]", "stun:a\"", "turn:u:p@"})
        expect(error_of_servers(text), "has no host");
    expect(error_of_servers("stun:a?transport=udp"), "in no other query");
    expect(error_of_servers("turn:u:p@a?transport=sctp"), "in no other query");
    std::string many = "stun:a";
    for (size_t i = 1; i < max_ice_servers; ++i)
        many += ",stun:a";
    fail_unless(error_of_servers(many).empty());
    expect(error_of_servers(many + ",stun:a"), "number 17 is one too many");
    // No part of a password stands in a message, wherever it was cut.
    for (const char *text :
         {"turn:user:secr,et@a", "turn:user:secr@et@a:x", "turn:user:secret@a:0"})
        fail_if(error_of_servers(text).find("secr") != std::string::npos, "%s", text);
}
GST_END_TEST

GST_START_TEST(test_credentials_are_hidden) {
    fail_unless_equals_string(
        without_credentials("stun:a,turn:u:p@b:1?transport=tcp,turns:u:p@c").c_str(),
        "stun:a,turn:***:***@b:1?transport=tcp,turns:***:***@c");
    fail_unless_equals_string(without_credentials("turn:u:pass,word@b").c_str(), "(invalid)");
    fail_unless_equals_string(without_credentials("").c_str(), "");
}
GST_END_TEST

GST_START_TEST(test_options) {
    std::string error;
    const auto options = parse_rtc_options({"[::1]:9000", "192.0.2.1", "stun:a"}, &error);
    fail_unless(options && options->udp == Address({"::1", 9000}) &&
                options->announce.size() == 1 && options->ice_servers.size() == 1);
    fail_unless(parse_rtc_options({}, &error)->udp == Address({"", 8189}));
    fail_if(parse_rtc_options({"8189", "", ""}, &error));
    expect(error, "udp: '8189' is no address: write host:port");
    fail_if(parse_rtc_options({":1", "x", ""}, &error));
    expect(error, "announce: ");
    fail_if(parse_rtc_options({":1", "", "x"}, &error));
    expect(error, "ice-servers: ");
}
GST_END_TEST

static Suite *rtc_options_suite() {
    Suite *s = suite_create("rtc_options");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_announced);
    tcase_add_test(tc, test_ice_servers);
    tcase_add_test(tc, test_bad_ice_servers);
    tcase_add_test(tc, test_credentials_are_hidden);
    tcase_add_test(tc, test_options);
    return s;
}
GST_CHECK_MAIN(rtc_options)
