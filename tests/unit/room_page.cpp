// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of rooms: where it is served, and where it is not.
#include "console/page.h"
#include "console/streams.h"

#include <nlohmann/json.hpp>

#include <regex>

#include "unit/http_site.hpp"

using http_test::Answer;
using http_test::is;
using http_test::Site;
using namespace net_test;
namespace console = penstock::console;

namespace {

/// A rule for "room/{name}/join", or for one room.
std::unique_ptr<net::PathLease> take_participants(const Site &site, const std::string &pattern) {
    return site.server->rules().add(
        net::LeaseOptions{.matches =
                              [pattern = std::regex(pattern)](std::string_view path) {
                                  return std::regex_match(path.begin(), path.end(), pattern);
                              },
                          .on_publish = [](const net::PublishAttempt &) {},
                          .publish_key = {}},
        site.server);
}

bool lists_rooms(const Site &site) {
    const auto json = nlohmann::json::parse(console::streams_json({}, site.server->address()));
    return json.at("rooms") == true;
}

} // namespace

GST_START_TEST(test_page_is_where_a_rule_is) {
    Site site;
    std::string error;
    const auto page = console::Page::serve(site.server->address(), {}, &error);
    fail_unless(page, "%s", error.c_str());
    is(site.ask("GET", "/room/team"), 404);
    is(site.ask("GET", "/room/"), 404);
    fail_if(lists_rooms(site));

    auto lease = take_participants(site, "room/[A-Za-z0-9._~-]+/join");
    fail_unless(lists_rooms(site));
    for (const char *path : {"/room/team", "/room/", "/room/team?x=1"}) {
        const Answer answer = site.ask("GET", path);
        is(answer, 200);
        fail_unless_equals_string(answer.header("Content-Type").c_str(),
                                  "text/html; charset=utf-8");
        fail_unless_equals_string(answer.header("Permissions-Policy").c_str(),
                                  "camera=(self), microphone=(self), display-capture=(self)");
        fail_unless(answer.header("Content-Security-Policy")
                        .starts_with("default-src 'none'; script-src 'self';"));
        fail_unless(answer.header("Content-Security-Policy").ends_with("frame-ancestors 'none'"));
        fail_unless(answer.body.find("/assets/room.js") != std::string::npos);
    }
    is(site.ask("GET", "/assets/room.js"), 200);
    is(site.ask("POST", "/room/team"), 405);
    for (const char *path : {"/room", "/rooms/team", "/room/team/", "/room/../room/team/"})
        fail_unless(site.ask("GET", path).status >= 400, "%s", path);

    // A rule for one room only: nobody is asked for a name.
    lease = take_participants(site, "room/one/join");
    is(site.ask("GET", "/room/one"), 200);
    is(site.ask("GET", "/room/two"), 404);
    is(site.ask("GET", "/room/"), 404);
    lease.reset();
    is(site.ask("GET", "/room/one"), 404);
}
GST_END_TEST

static Suite *room_page_suite() {
    Suite *suite = suite_create("room_page");
    TCase *tests = tcase_create("room_page");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_page_is_where_a_rule_is);
    return suite;
}
GST_CHECK_MAIN(room_page)
