// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses and locations of servers, and which paths are safe.
#include "core/net/loop/address.h"

#include "check.hpp"

using namespace penstock::net;

GST_START_TEST(test_addresses) {
    fail_unless(parse_address(":1935") == Address({"", 1935}));
    fail_unless(parse_address("127.0.0.1:80") == Address({"127.0.0.1", 80}));
    fail_unless(parse_address("[::1]:8080") == Address({"::1", 8080}));
    fail_unless(parse_address("[::1]:8080")->to_string() == "[::1]:8080");
    for (const char *bad : {"", "1935", "host", "host:", "host:65536", "host:-1", "a b:1", "[::1]",
                            "[::1:80", "host:1x", "ho/st:1"})
        fail_if(parse_address(bad), "'%s' was taken for an address", bad);
}
GST_END_TEST

GST_START_TEST(test_locations) {
    std::string error;
    auto l = parse_location("rtmp://127.0.0.1/live/cam?key=a/b", 1935, &error);
    fail_unless(l && l->address == Address({"127.0.0.1", 1935}));
    fail_unless_equals_string(l->path.c_str(), "live/cam");
    fail_unless_equals_string(l->query.c_str(), "key=a/b");
    l = parse_location("http://[::]:8080/x/index.m3u8", 80, &error);
    fail_unless(l && l->scheme == "http" && l->address.host == "::" && l->address.port == 8080);
    l = parse_location("http://[::1]/", 80, &error);
    fail_unless(l && l->address.port == 80 && l->path.empty());
    l = parse_location("rtmp://:0/live/x", 1935, &error);
    fail_unless(l && l->address.port == 0 && l->address.host.empty());
    fail_if(parse_location("live/cam", 1935, &error));
    fail_unless(error.find("live/cam") != std::string::npos);
    fail_if(parse_location("rtmp://host:99999/x", 1935, &error));
}
GST_END_TEST

GST_START_TEST(test_safe_paths) {
    fail_unless(is_safe_path("live/cam-1.a_b~c"));
    for (const char *bad : {"", "/", "live/", "/live", "live//x", "live/../x", "live/.", "a b",
                            "live/x!", "live/\"x\"", "live/x%2e", "a/b/c/d/e/f/g/h/i"})
        fail_if(is_safe_path(bad), "'%s' was taken for safe", bad);
    fail_if(is_safe_segment(std::string(129, 'a')));
    fail_unless(is_safe_segment(std::string(128, 'a')));
}
GST_END_TEST

static Suite *address_suite() {
    Suite *s = suite_create("address");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_addresses);
    tcase_add_test(tc, test_locations);
    tcase_add_test(tc, test_safe_paths);
    return s;
}
GST_CHECK_MAIN(address)
