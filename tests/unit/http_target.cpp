// SPDX-License-Identifier: LGPL-2.1-or-later
// Targets, queries, byte ranges and entity tags of HTTP requests.
#include "core/http/range.h"
#include "core/http/target.h"

#include <string>

#include "check.hpp"

using namespace penstock;
using http::ByteRange;
using Kind = http::ByteRange::Kind;

namespace {

void is_path(std::string_view target, std::string_view path, std::string_view query = {}) {
    const auto parsed = http::parse_target(target);
    fail_unless(parsed.has_value(), "%s", std::string(target).c_str());
    fail_unless_equals_string(parsed->path.c_str(), std::string(path).c_str());
    fail_unless_equals_string(parsed->query.c_str(), std::string(query).c_str());
}

void is_refused(std::string_view target) {
    fail_if(http::parse_target(target).has_value(), "%s", std::string(target).c_str());
}

void is_range(std::string_view header, uint64_t size, const ByteRange &wanted) {
    const ByteRange range = http::parse_range(header, size);
    fail_unless(range == wanted, "%s of %llu: kind %d, %llu-%llu", std::string(header).c_str(),
                (unsigned long long)size, int(range.kind), (unsigned long long)range.first,
                (unsigned long long)range.last);
}

} // namespace

GST_START_TEST(test_targets) {
    is_path("/", "/");
    is_path("/live/cam.flv", "/live/cam.flv");
    is_path("/live/cam.flv?key=a%20b&x", "/live/cam.flv", "key=a%20b&x");
    is_path("/a%2Fb%c3%a9", "/a/b\xc3\xa9");
    is_path("/a?b?c", "/a", "b?c");
    is_path("/?", "/");
    is_path("//host/x", "//host/x");
    is_path("http://host:8080/live?k", "/live", "k");
    is_path("HTTPS://host", "/");
    is_path("http://host?k", "/", "k");
    for (const std::string_view wrong :
         {"", "*", "live", "?x", "http://", "http:///x", "ftp://host/x", "host:443", "/a%", "/a%1",
          "/a%zz", "/a%00", "/a%0d%0aX: y", "/a%7f", "/a\tb", "/a?b\x01"})
        is_refused(wrong);
    is_refused("/" + std::string(http::max_target_size, 'a'));
    is_path("/" + std::string(http::max_target_size - 1, 'a'),
            "/" + std::string(http::max_target_size - 1, 'a'));
}
GST_END_TEST

GST_START_TEST(test_query_parameters) {
    using http::query_parameter;
    const std::string_view query = "a=1&b=x+y%26z&c&d=&a=2&e=%";
    fail_unless(query_parameter(query, "a") == "1");
    fail_unless(query_parameter(query, "b") == "x y&z");
    fail_unless(query_parameter(query, "c") == "");
    fail_unless(query_parameter(query, "d") == "");
    fail_unless(query_parameter(query, "e") == std::nullopt);
    fail_unless(query_parameter(query, "f") == std::nullopt);
    fail_unless(query_parameter("", "a") == std::nullopt);
}
GST_END_TEST

GST_START_TEST(test_ranges) {
    is_range("bytes=0-499", 1000, {Kind::part, 0, 499});
    is_range("bytes=500-", 1000, {Kind::part, 500, 999});
    is_range("bytes=-300", 1000, {Kind::part, 700, 999});
    is_range("bytes=-3000", 1000, {Kind::part, 0, 999});
    is_range("bytes=999-2000", 1000, {Kind::part, 999, 999});
    is_range(" Bytes= 0-0 ", 1, {Kind::part, 0, 0});
    is_range("bytes=0-99999999999999999999999", 10, {Kind::part, 0, 9});
    is_range("bytes=-99999999999999999999999", 10, {Kind::part, 0, 9});
    is_range("bytes=1000-", 1000, {Kind::unsatisfiable});
    is_range("bytes=99999999999999999999999-", 1000, {Kind::unsatisfiable});
    is_range("bytes=-0", 1000, {Kind::unsatisfiable});
    is_range("bytes=-5", 0, {Kind::unsatisfiable});
    is_range("bytes=0-", 0, {Kind::unsatisfiable});
    for (const std::string_view ignored :
         {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1",
          "bytes=+1-2", "bytes=1--2", "bytes=0x1-2"})
        is_range(ignored, 1000, {});
}
GST_END_TEST

GST_START_TEST(test_etags) {
    fail_unless(http::etag_matches("\"a\"", "\"a\""));
    fail_unless(http::etag_matches("W/\"a\"", "\"a\""));
    fail_unless(http::etag_matches("\"b,c\", \"a\"", "W/\"a\""));
    fail_unless(http::etag_matches(" * ", "\"a\""));
    fail_if(http::etag_matches("", "\"a\""));
    fail_if(http::etag_matches("\"a", "\"a\""));
    fail_if(http::etag_matches("a", "\"a\""));
    fail_if(http::etag_matches("\"ab\"", "\"a\""));
}
GST_END_TEST

static Suite *http_target_suite() {
    Suite *s = suite_create("http_target");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_targets);
    tcase_add_test(tc, test_query_parameters);
    tcase_add_test(tc, test_ranges);
    tcase_add_test(tc, test_etags);
    return s;
}
GST_CHECK_MAIN(http_target)
