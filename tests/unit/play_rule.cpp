// SPDX-License-Identifier: LGPL-2.1-or-later
// A play rule: one pipeline for each requested stream, shared by all its addresses.
#include "supervisor/play_rule.h"
#include "core/net/http/live/mount.h"
#include "gst/no_stream.h"

#include "supervisor_rig.hpp"

using namespace penstock;
using supervisor::PlayRule;

namespace {

std::string text_of(const std::string &pipeline, const std::string &more) {
    return "play:\n  match: ['fake://127.0.0.1:7000/live/{name}', 'fake://127.0.0.2:7000/{name}']\n"
           "  idle: 5s\n" +
           more + "  pipeline: " + pipeline + "\n";
}

/// A rule with two addresses: players wait at the first, requests at the second.
struct Rig : rig::RuleRig<PlayRule> {
    explicit Rig(const std::string &pipeline = rig::quiet, const std::string &more = "")
        : RuleRig(text_of(pipeline, more)) {
        requests.parks_viewers = false;
        std::string error;
        rule = PlayRule::make(described.description->play[0], *described.binding,
                              supervisor::Time::now(), described.report(), &error);
        fail_unless(rule != nullptr, "%s", error.c_str());
    }
    rig::Server &players = protocol.server({"127.0.0.1", 7000});
    rig::Server &requests = protocol.server({"127.0.0.2", 7000});
};

} // namespace

GST_START_TEST(test_player_is_let_in_at_once) {
    Rig r;
    const auto asked = r.players.ask("live/a");
    fail_if(asked->answer.has_value());
    rig::turn();
    fail_unless(asked->answer == true && r.rule->running() == 1);
    // The other address of the same stream shares its pipeline.
    r.requests.ask("a");
    rig::turn();
    fail_unless(r.rule->running() == 1);
}
GST_END_TEST

GST_START_TEST(test_request_waits_until_the_stream_is_live) {
    Rig r;
    const auto asked = r.requests.ask("a");
    rig::turn();
    r.clock.advance(9'000);
    fail_if(asked->answer.has_value());
    r.requests.set_live("a");
    fail_if(asked->answer.has_value(), "it was answered on the network's thread");
    rig::turn();
    fail_unless(asked->answer == true);
    fail_unless(r.requests.ask("a")->answer == true, "a live stream is asked for again");
}
GST_END_TEST

GST_START_TEST(test_request_waits_ten_seconds_at_most) {
    Rig r;
    const auto asked = r.requests.ask("a");
    rig::turn();
    r.clock.advance(9'900);
    fail_if(asked->answer.has_value());
    r.clock.advance(200);
    fail_unless(asked->answer == false && asked->reason.find("in time") != std::string::npos);
}
GST_END_TEST

// Who asks for an output that nothing comes to is told why at once, until something may come.
GST_START_TEST(test_no_stream) {
    Rig r("'appsrc name=source ! tee name=both ! multifilesink async=false "
          "location=fake://127.0.0.1:7000/live/${name} both. ! multifilesink async=false "
          "location=fake://127.0.0.2:7000/${name}'");
    const auto player = r.players.ask("live/a"), request = r.requests.ask("a");
    rig::turn();
    fail_unless(player->answer == true && !request->answer.has_value());
    const auto source =
        GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(r.pipeline()), "source"));
    const auto tell = [&](const char *reason) {
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(source.get(), "src"));
        post_no_stream(source.get(), pad.get(), reason);
        rig::turn();
    };
    tell("the source is no larger");
    fail_unless(request->answer == false && request->reason == "the source is no larger");
    fail_unless(r.players.ended == std::vector<std::string>{"live/a"});
    for (const auto &late : {r.players.ask("live/a"), r.requests.ask("a")}) {
        rig::turn();
        fail_unless(late->answer == false && late->reason == "the source is no larger");
    }
    tell("");
    const auto again = r.requests.ask("a");
    rig::turn();
    fail_if(again->answer.has_value());
    r.requests.set_live("a");
    rig::turn();
    fail_unless(again->answer == true);
}
GST_END_TEST

// A pipeline of another rule serves the stream: nothing is started beside it.
GST_START_TEST(test_stream_of_another_rule) {
    Rig r;
    r.players.fed.insert("live/a");
    const auto player = r.players.ask("live/a"), request = r.requests.ask("a");
    rig::turn();
    fail_unless(player->answer == true && !request->answer.has_value());
    r.requests.fed.insert("a");
    r.requests.set_live("a");
    rig::turn();
    fail_unless(request->answer == true && r.rule->running() == 0);
    fail_unless(r.requests.ask("a")->answer == true, "a live stream is asked for again");
    // Once it has ended, this rule makes it.
    r.players.fed.clear();
    r.requests.fed.clear();
    r.requests.live.clear();
    r.requests.tell("a");
    rig::turn();
    const auto again = r.requests.ask("a");
    rig::turn();
    fail_unless(!again->answer.has_value() && r.rule->running() == 1);
}
GST_END_TEST

GST_START_TEST(test_stream_of_another_rule_never_begins) {
    Rig r;
    r.requests.fed.insert("a");
    const auto waits = r.requests.ask("a");
    r.requests.ask("b");
    rig::turn();
    fail_unless(r.rule->running() == 1, "the stream of the other name is nobody's");
    r.clock.advance(9'900);
    fail_if(waits->answer.has_value());
    r.clock.advance(200);
    fail_unless(waits->answer == false && waits->reason.find("in time") != std::string::npos);
    const auto asked = r.requests.ask("a");
    rig::turn();
    r.requests.fed.clear();
    r.requests.tell("a");
    rig::turn();
    fail_unless(asked->answer == false);
}
GST_END_TEST

GST_START_TEST(test_live_at_another_host_is_not_live_here) {
    Rig r;
    const auto asked = r.requests.ask("a");
    rig::turn();
    r.players.set_live("a"); // the same port and path of another address
    r.players.set_viewers("a", 1);
    rig::turn();
    r.clock.advance(300);
    fail_if(asked->answer.has_value());
}
GST_END_TEST

GST_START_TEST(test_ends_when_nobody_watches) {
    Rig r;
    r.players.ask("live/a");
    rig::turn();
    r.players.set_viewers("live/a", 1);
    rig::turn();
    fail_unless(r.clock.timers() == 0, "something is polled while somebody watches");
    r.clock.advance(60'000);
    rig::turn();
    fail_unless(r.rule->running() == 1);
    r.players.set_viewers("live/a", 0);
    rig::turn();
    r.clock.advance(3'000);
    r.requests.set_viewers("a", 1); // somebody watches at the other address
    rig::turn();
    r.clock.advance(60'000);
    rig::turn();
    fail_unless(r.rule->running() == 1);
    r.requests.set_viewers("a", 0);
    rig::turn();
    r.clock.advance(5'200);
    fail_unless(r.ends());
    fail_unless(r.players.ended == std::vector<std::string>{"live/a"} &&
                r.requests.ended == std::vector<std::string>{"a"});
}
GST_END_TEST

GST_START_TEST(test_asked_for_while_it_stops) {
    Rig r;
    r.players.ask("live/a");
    rig::turn();
    r.clock.advance(5'300); // it begins to end
    const auto asked = r.players.ask("live/a");
    fail_unless(rig::until([&] { return asked->answer.has_value(); }));
    fail_unless(asked->answer == true && r.rule->running() == 1);
}
GST_END_TEST

GST_START_TEST(test_failed_pipeline_is_not_started_at_once) {
    Rig r;
    const auto waits = r.requests.ask("a");
    rig::turn();
    rig::fail_element(r.pipeline(), "source");
    fail_unless(r.ends());
    fail_unless(waits->answer == false);
    auto asked = r.players.ask("live/a");
    rig::turn();
    fail_unless(asked->answer == false && r.rule->running() == 0);
    r.clock.advance(1'100);
    asked = r.players.ask("live/a");
    rig::turn();
    fail_unless(asked->answer == true && r.rule->running() == 1);
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    Rig r(rig::quiet, "  max-instances: 1\n");
    r.players.ask("live/a");
    rig::turn();
    const auto asked = r.players.ask("live/b");
    rig::turn();
    fail_unless(asked->answer == false && asked->reason.find("too many") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_pipeline_that_cant_be_built) {
    Rig r("nosuchelement ! fakesink");
    const auto asked = r.players.ask("live/a");
    rig::turn();
    fail_unless(asked->answer == false && r.rule->running() == 0);
    fail_unless(r.described.has_said("nosuchelement"));
}
GST_END_TEST

GST_START_TEST(test_source_that_nobody_publishes) {
    Rig r("gopsrc channel=live/${name} ! fakesink");
    const auto asked = r.players.ask("live/a");
    rig::turn();
    fail_unless(asked->answer == false &&
                asked->reason.find("is not being published") != std::string::npos);
}
GST_END_TEST

// An element of the rule receives a publisher, or shares a room, that is not there.
GST_START_TEST(test_publisher_that_is_not_there) {
    Rig r("multifilesrc location=fake://127.0.0.1:7000/room/${name} ! fakesink");
    const auto asked = r.players.ask("live/a");
    rig::turn();
    fail_unless(asked->answer == false &&
                asked->reason == "fake://127.0.0.1:7000/room/a is not being published");
    fail_unless(r.rule->running() == 0);
    r.players.publishing.insert("room/a");
    const auto again = r.players.ask("live/a");
    rig::turn();
    fail_unless(again->answer == true);
}
GST_END_TEST

GST_START_TEST(test_rule_goes_while_viewers_wait) {
    Rig r;
    const auto on_its_way = r.players.ask("live/b");
    r.rule.reset();
    rig::turn();
    fail_unless(on_its_way->answer == false);
    fail_unless(r.players.play_leases.empty() && r.requests.play_leases.empty());
}
GST_END_TEST

GST_START_TEST(test_stop) {
    Rig r;
    const auto waits = r.requests.ask("a");
    rig::turn();
    int stopped = 0;
    r.rule->stop([&] { ++stopped; });
    fail_unless(rig::until([&] { return stopped > 0; }));
    fail_unless(stopped == 1 && waits->answer == false && r.rule->running() == 0);
}
GST_END_TEST

/// Two HTTP listeners with one port: viewers on one host don't count for the other.
GST_START_TEST(test_hosts_of_one_port) {
    const auto *http = protocols::find_protocol("http");
    std::string error;
    const auto first = http->open({.address = {"127.0.0.1", 0}}, &error);
    fail_unless(first != nullptr, "%s", error.c_str());
    const net::Address other{"127.0.0.2", first->address().port};
    const auto second = http->open({.address = other}, &error);
    fail_unless(second != nullptr, "%s", error.c_str());
    const auto feed = net::open_http_feed(other, "live/a.ts", {}, &error);
    fail_unless(feed != nullptr, "%s", error.c_str());
    feed->begin({.content_type = "video/mp2t"});
    fail_unless(second->is_live("live/a.ts"));
    fail_if(first->is_live("live/a.ts"), "the stream of another host counts");
}
GST_END_TEST

static Suite *play_rule_suite() {
    Suite *suite = suite_create("play_rule");
    TCase *tests = tcase_create("play_rule");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_player_is_let_in_at_once);
    tcase_add_test(tests, test_request_waits_until_the_stream_is_live);
    tcase_add_test(tests, test_request_waits_ten_seconds_at_most);
    tcase_add_test(tests, test_no_stream);
    tcase_add_test(tests, test_stream_of_another_rule);
    tcase_add_test(tests, test_stream_of_another_rule_never_begins);
    tcase_add_test(tests, test_live_at_another_host_is_not_live_here);
    tcase_add_test(tests, test_ends_when_nobody_watches);
    tcase_add_test(tests, test_asked_for_while_it_stops);
    tcase_add_test(tests, test_failed_pipeline_is_not_started_at_once);
    tcase_add_test(tests, test_refusals);
    tcase_add_test(tests, test_pipeline_that_cant_be_built);
    tcase_add_test(tests, test_source_that_nobody_publishes);
    tcase_add_test(tests, test_publisher_that_is_not_there);
    tcase_add_test(tests, test_rule_goes_while_viewers_wait);
    tcase_add_test(tests, test_stop);
    tcase_add_test(tests, test_hosts_of_one_port);
    return suite;
}
GST_CHECK_MAIN(play_rule)
