// SPDX-License-Identifier: LGPL-2.1-or-later
// A publish rule: one pipeline per publisher, whatever the order of events between publisher,
// pipeline and rule.
#include "supervisor/publish_rule.h"
#include "core/gop/channels.h"

#include <random>

#include "supervisor_rig.hpp"

using namespace penstock;
using supervisor::PublishRule;

namespace {

std::string text_of(const std::string &pipeline, const std::string &more = "") {
    return "publish:\n  match: fake://127.0.0.1:7000/live/{name}\n  grace: 3s\n" + more +
           "  pipeline: " + pipeline + "\n";
}

/// A rule in force at the server fake://127.0.0.1:7000.
struct Rig : rig::RuleRig<PublishRule> {
    explicit Rig(const std::string &pipeline = rig::quiet, const std::string &more = "")
        : RuleRig(text_of(pipeline, more)) {
        std::string error;
        auto listener =
            protocols::find_scheme("fake")->open({.address = {"127.0.0.1", 7000}}, &error);
        rule = PublishRule::make(described.description->publish[0], *described.binding,
                                 std::move(listener), supervisor::Time::now(), described.report(),
                                 &error);
        fail_unless(rule != nullptr, "%s", error.c_str());
    }
    rig::Server &server = protocol.server();
};

} // namespace

GST_START_TEST(test_one_pipeline_for_each_publisher) {
    Rig r;
    fail_if(r.server.connect_publisher("other/a"), "a path that does not match was taken");
    fail_unless(r.server.connect_publisher("live/a"));
    fail_unless(r.rule->running() == 0, "a pipeline was started on the network's thread");
    rig::turn();
    fail_unless(r.rule->running() == 1);
    r.server.connect_publisher("live/a");
    r.server.connect_publisher("live/b");
    rig::turn();
    fail_unless(r.rule->running() == 2);
}
GST_END_TEST

GST_START_TEST(test_publisher_that_left_starts_nothing) {
    Rig r;
    r.server.connect_publisher("live/a");
    r.server.publishing.clear();
    rig::turn();
    fail_unless(r.rule->running() == 0);
}
GST_END_TEST

GST_START_TEST(test_most_instances) {
    Rig r(rig::quiet, "  max-instances: 1\n");
    r.server.connect_publisher("live/a");
    r.server.connect_publisher("live/b");
    rig::turn();
    fail_unless(r.rule->running() == 1 && r.server.refused.size() == 1 &&
                r.server.refused[0].first == "live/b");
}
GST_END_TEST

GST_START_TEST(test_pipeline_that_cant_be_built_refuses_its_publisher) {
    Rig r("nosuchelement ! fakesink");
    r.server.connect_publisher("live/a");
    rig::turn();
    fail_unless(r.described.has_said("nosuchelement"), "%s", r.described.said.c_str());
    fail_unless(r.server.refused.size() == 1, "the publisher waits for its claim to time out");
    fail_unless(r.server.refused[0].second.find("can't be built") != std::string::npos);
    fail_unless(r.rule->running() == 0);
}
GST_END_TEST

/// One of another protocol, whose pipeline offers the channel that this one's would.
GST_START_TEST(test_name_of_another_publisher) {
    Rig r("fakesrc ! goptee channel=live/${name} ! fakesink");
    auto offer = gop::Channels::offer("live/a", std::make_shared<gop::ChannelSource>());
    r.server.connect_publisher("live/a");
    rig::turn();
    fail_unless(r.rule->running() == 0 && r.server.refused.size() == 1);
    fail_unless_equals_string(r.server.refused[0].second.c_str(), "busy");
    fail_unless(r.described.said.empty(), "%s", r.described.said.c_str());
    // Other names are free, and this one is once the other publisher's pipeline has ended.
    r.server.connect_publisher("live/b");
    rig::turn();
    offer.reset();
    r.server.connect_publisher("live/a");
    rig::turn();
    const auto was_busy = [](const auto &refused) { return refused.second == "busy"; };
    fail_unless(std::count_if(r.server.refused.begin(), r.server.refused.end(), was_busy) == 1);
    fail_unless(r.rule->running() + r.server.refused.size() == 3);
}
GST_END_TEST

GST_START_TEST(test_pipeline_that_fails_refuses_who_waits) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    rig::fail_element(r.pipeline(), "source");
    rig::turn();
    fail_unless(r.server.refused.size() == 1);
    fail_unless(r.ends());
    fail_unless(r.described.has_said("it fails for the test"));
}
GST_END_TEST

GST_START_TEST(test_grace) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    rig::post_publishing(r.pipeline(), true);
    rig::turn();
    r.clock.advance(60'000);
    fail_unless(r.rule->running() == 1, "it ended though its publisher is there");
    // A publisher that comes back within the grace period finds its pipeline.
    r.server.publishing.clear();
    rig::post_publishing(r.pipeline(), false);
    rig::turn();
    r.clock.advance(2'900);
    rig::turn();
    r.server.connect_publisher("live/a");
    rig::post_publishing(r.pipeline(), true);
    rig::turn();
    r.clock.advance(60'000);
    rig::turn();
    fail_unless(r.rule->running() == 1);
    r.server.publishing.clear();
    rig::post_publishing(r.pipeline(), false);
    rig::turn();
    r.clock.advance(3'000);
    fail_unless(r.ends());
}
GST_END_TEST

GST_START_TEST(test_late_message) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    // It tells of a publisher that has gone since, of which no message comes.
    r.server.publishing.clear();
    rig::post_publishing(r.pipeline(), true);
    rig::turn();
    r.clock.advance(3'000);
    fail_unless(r.ends());
}
GST_END_TEST

GST_START_TEST(test_missed_message) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    // No element reported the publisher, but the listener knows it.
    r.clock.advance(60'000);
    rig::turn();
    fail_unless(r.rule->running() == 1);
    r.server.publishing.clear();
    r.clock.advance(10'000);
    fail_unless(r.ends());
}
GST_END_TEST

GST_START_TEST(test_publisher_that_comes_while_its_pipeline_stops) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    const auto first = GstPtr<GstElement>::ref(r.pipeline());
    r.server.publishing.clear();
    r.clock.advance(10'000); // it begins to end
    r.server.connect_publisher("live/a");
    fail_unless(rig::until([&] {
        GstElement *now = nullptr;
        r.rule->each([&](const auto &running) { now = running.pipeline(); });
        return now && now != first.get();
    }));
    fail_unless(r.rule->running() == 1 && r.server.refused.empty());
}
GST_END_TEST

GST_START_TEST(test_rule_goes_while_a_publisher_is_on_its_way) {
    Rig r;
    r.server.connect_publisher("live/a");
    r.rule.reset();
    rig::turn();
    fail_unless(r.server.publish_leases.empty());
}
GST_END_TEST

GST_START_TEST(test_stop) {
    Rig r;
    r.server.connect_publisher("live/a");
    r.server.connect_publisher("live/b");
    rig::turn();
    r.server.connect_publisher("live/c"); // on its way when the rule stops
    int stopped = 0;
    r.rule->stop([&] { ++stopped; });
    fail_unless(rig::until([&] { return stopped > 0; }));
    rig::turn();
    fail_unless(stopped == 1 && r.rule->running() == 0);
    fail_if(r.server.connect_publisher("live/d"));
}
GST_END_TEST

GST_START_TEST(test_retired_rule_lets_streams_end) {
    Rig r;
    r.server.connect_publisher("live/a");
    rig::turn();
    r.rule->retire([] {});
    fail_if(r.server.connect_publisher("live/b"));
    fail_unless(r.rule->running() == 1);
    r.server.publishing.clear();
    r.clock.advance(10'000);
    fail_unless(r.ends());
}
GST_END_TEST

/// Any order of events, from several seeds: a path never has two pipelines; a publisher that stays
/// has one or was refused; after all have left nothing runs.
GST_START_TEST(test_interleavings) {
    Rig r;
    std::mt19937 random{unsigned(__i__)};
    const auto pick = [&](unsigned n) { return unsigned(random() % n); };
    const std::vector<std::string> paths = {"live/a", "live/b", "live/c"};
    const auto any_pipeline = [&](const std::string &path) {
        GstElement *found = nullptr;
        unsigned count = 0;
        r.rule->each([&](const auto &running) {
            if (running.label() != path || !running.pipeline()) return;
            found = running.pipeline();
            ++count;
        });
        fail_unless(count <= 1, "%u pipelines of %s", count, path.c_str());
        return found;
    };
    for (int step = 0; step < 200; ++step) {
        const std::string &path = paths[pick(3)];
        GstElement *pipeline = any_pipeline(path);
        switch (pick(7)) {
        case 0:
        case 1:
            r.server.connect_publisher(path);
            break;
        case 2:
            r.server.publishing.erase(path);
            if (pipeline) rig::post_publishing(pipeline, false);
            break;
        case 3:
            if (pipeline) rig::post_publishing(pipeline, r.server.publishing.contains(path));
            break;
        case 4:
            r.clock.advance(pick(4'000));
            break;
        case 5:
            g_main_context_iteration(nullptr, FALSE);
            break;
        case 6:
            if (pipeline && pick(4) == 0) rig::fail_element(pipeline, "source");
            break;
        }
    }
    rig::turn();
    r.server.publishing.clear();
    for (const std::string &path : paths)
        if (GstElement *pipeline = any_pipeline(path)) rig::post_publishing(pipeline, false);
    fail_unless(rig::until([&] {
                    r.clock.advance(1'000);
                    return r.rule->running() == 0;
                }),
                "%zu still run, though nobody publishes", r.rule->running());
    r.server.refused.clear();
    r.server.connect_publisher("live/a");
    fail_unless(rig::until([&] { return any_pipeline("live/a") != nullptr; }));
}
GST_END_TEST

static Suite *publish_rule_suite() {
    Suite *suite = suite_create("publish_rule");
    TCase *tests = tcase_create("publish_rule");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_one_pipeline_for_each_publisher);
    tcase_add_test(tests, test_publisher_that_left_starts_nothing);
    tcase_add_test(tests, test_most_instances);
    tcase_add_test(tests, test_pipeline_that_cant_be_built_refuses_its_publisher);
    tcase_add_test(tests, test_name_of_another_publisher);
    tcase_add_test(tests, test_pipeline_that_fails_refuses_who_waits);
    tcase_add_test(tests, test_grace);
    tcase_add_test(tests, test_late_message);
    tcase_add_test(tests, test_missed_message);
    tcase_add_test(tests, test_publisher_that_comes_while_its_pipeline_stops);
    tcase_add_test(tests, test_rule_goes_while_a_publisher_is_on_its_way);
    tcase_add_test(tests, test_stop);
    tcase_add_test(tests, test_retired_rule_lets_streams_end);
    tcase_add_loop_test(tests, test_interleavings, 0, 20);
    return suite;
}
GST_CHECK_MAIN(publish_rule)
