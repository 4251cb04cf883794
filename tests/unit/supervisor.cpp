// SPDX-License-Identifier: LGPL-2.1-or-later
// The supervisor: the running pipelines follow the descriptions, also across reload and shutdown.
#include "supervisor/supervisor.h"
#include "core/net/stream/peer.h"

#include "supervisor_rig.hpp"

using namespace penstock;
using supervisor::Supervisor;

namespace {

const std::string rule =
    "publish:\n  match: fake://127.0.0.1:7000/live/{name}\n  pipeline: " + std::string(rig::quiet) +
    "\n";

std::string start(const std::string &names, const std::string &restart = "never") {
    std::string out = "restart: {policy: " + restart + ", delay: 1s, max-delay: 4s}\nstart:\n";
    for (const char name : names)
        out += std::string("  - {name: ") + name + ", pipeline: " + rig::quiet + "}\n";
    return out;
}

struct Rig {
    explicit Rig(const std::string &text, bool starts = true) : described(text) {
        supervisor = std::make_unique<Supervisor>(supervisor::Bindings{described.binding},
                                                  described.report(),
                                                  [this](int code) { codes.push_back(code); });
        if (!starts) return;
        std::string error;
        fail_unless(supervisor->open(&error) && supervisor->start(&error), "%s", error.c_str());
        rig::turn();
    }
    ~Rig() {
        supervisor.reset();
        rig::turn();
        fail_unless(supervisor::wait_for_teardowns(20'000'000));
        rig::turn();
    }
    /// The pipelines' names by label; GStreamer gives each pipeline a unique name.
    std::map<std::string, std::string> pipelines() const {
        std::map<std::string, std::string> out;
        supervisor->each_pipeline([&](const auto &, const supervisor::RunningPipeline &running) {
            const std::string name = running.pipeline() ? GST_OBJECT_NAME(running.pipeline()) : "";
            fail_unless(out.emplace(running.label(), name).second, "two pipelines are called %s",
                        running.label().c_str());
        });
        return out;
    }
    GstElement *pipeline(const std::string &label) const {
        GstElement *out = nullptr;
        supervisor->each_pipeline([&](const auto &, const supervisor::RunningPipeline &running) {
            if (running.label() == label) out = running.pipeline();
        });
        fail_unless(out != nullptr);
        return out;
    }
    bool runs(size_t count) const {
        return rig::until([&] { return pipelines().size() == count; });
    }

    rig::Protocol protocol;
    rig::ManualClock clock;
    rig::Described described;
    std::vector<int> codes;
    std::unique_ptr<Supervisor> supervisor;
    rig::Server &server = protocol.server();
};

} // namespace

GST_START_TEST(test_rules_of_the_same_paths_are_refused) {
    Rig r(rule + "  \n", false);
    const rig::Described other("play:\n  match: fake://127.0.0.1:7000/live/{any}\n  pipeline: a\n");
    const rig::Described same(rule);
    std::string error;
    Supervisor fits({r.described.binding, other.binding}, r.described.report(), [](int) {});
    fail_unless(fits.open(&error), "%s", error.c_str());
    Supervisor clashes({r.described.binding, same.binding}, r.described.report(), [](int) {});
    fail_if(clashes.open(&error));
    fail_unless(error.find("fake://127.0.0.1:7000/live/*") != std::string::npos, "%s",
                error.c_str());
}
GST_END_TEST

/// Whose second stream of a name would fail. A play rule waits until nobody feeds the path.
GST_START_TEST(test_descriptions_that_serve_the_same_path_are_refused) {
    const std::string serves = "appsrc ! fakeserversink location=fake://127.0.0.1:7000/out/";
    const auto publish = [&](const std::string &at, const std::string &path) {
        return "publish:\n  match: fake://127.0.0.1:7000/" + at + "/{name}\n  pipeline: " + serves +
               path + "\n";
    };
    Rig r(publish("a", "${name}"), false);
    const rig::Described other(publish("b", "${name}.low"));
    const rig::Described waits(
        "play:\n  match: fake://127.0.0.1:7000/out/{n}\n  pipeline: " + serves + "${n}\n");
    const rig::Described same(publish("c", "${name}"));
    std::string error;
    Supervisor fits({r.described.binding, other.binding, waits.binding}, r.described.report(),
                    [](int) {});
    fail_unless(fits.open(&error), "%s", error.c_str());
    Supervisor clashes({r.described.binding, same.binding}, r.described.report(), [](int) {});
    fail_if(clashes.open(&error));
    fail_unless(error.find("both serve fake://127.0.0.1:7000/out/*: ") != std::string::npos, "%s",
                error.c_str());
}
GST_END_TEST

/// Where several descriptions run, a rule's reports name theirs.
GST_START_TEST(test_reports_of_rules_name_the_description) {
    Rig r(rule, false);
    rig::Described other("start: [{name: a, pipeline: " + std::string(rig::quiet) + "}]\n");
    Supervisor both({r.described.binding, other.binding}, r.described.report(), [](int) {});
    std::string error;
    fail_unless(both.open(&error) && both.start(&error), "%s", error.c_str());
    fail_unless(r.server.connect_publisher("live/cam"));
    GstElement *pipeline = nullptr;
    fail_unless(rig::until([&] {
        both.each_pipeline([&](const auto &, const supervisor::RunningPipeline &running) {
            if (running.label() == "live/cam") pipeline = running.pipeline();
        });
        return pipeline != nullptr;
    }));
    const auto sink = rig::child(pipeline, "sink");
    GST_ELEMENT_WARNING(sink.get(), RESOURCE, WRITE, ("late"), (nullptr));
    fail_unless(rig::until([&] { return r.described.has_said("rig: live/cam: "); }));
    int stopped = 0;
    both.stop([&] { ++stopped; });
    fail_unless(rig::until([&] { return stopped == 1; }));
}
GST_END_TEST

GST_START_TEST(test_shared_listener_is_watched_once) {
    Rig r(rule, false);
    const rig::Described other("play:\n  match: fake://127.0.0.1:7000/live/{any}\n  pipeline: a\n");
    Supervisor both({r.described.binding, other.binding}, r.described.report(), [](int) {});
    both.set_watch(std::make_shared<net::PeerWatch>());
    std::string error;
    fail_unless(both.open(&error), "%s", error.c_str());
    const rig::Described again(rule);
    fail_unless(both.reload({again.binding}, &error), "%s", error.c_str());
    fail_unless_equals_int(r.server.watches, 1);
    int stopped = 0;
    both.stop([&] { ++stopped; });
    fail_unless(rig::until([&] { return stopped == 1; }));
}
GST_END_TEST

GST_START_TEST(test_ends_with_its_last_pipeline) {
    Rig r(start("ab"));
    fail_unless(r.runs(2));
    for (const auto &[label, name] : r.pipelines()) {
        const auto source = rig::child(r.pipeline(label), "source");
        GstFlowReturn flow = GST_FLOW_OK;
        g_signal_emit_by_name(source.get(), "end-of-stream", &flow);
    }
    fail_unless(rig::until([&] { return !r.codes.empty(); }));
    rig::turn();
    fail_unless(r.codes == std::vector<int>{0});
}
GST_END_TEST

GST_START_TEST(test_failure_that_must_not_be) {
    Rig r(start("ab"));
    rig::fail_element(r.pipeline("rig/a"), "source");
    fail_unless(rig::until([&] { return !r.codes.empty(); }));
    fail_unless(r.codes == std::vector<int>{1});
}
GST_END_TEST

GST_START_TEST(test_restart_with_doubling_delays) {
    Rig r(start("a", "on-failure"));
    fail_unless(r.runs(1));
    for (const int delay : {1'000, 2'000, 4'000, 4'000}) {
        rig::fail_element(r.pipeline("rig"), "source");
        rig::turn();
        r.clock.advance(delay - 1);
        rig::turn();
        const auto before = r.pipelines();
        fail_unless(before.size() == 1, "it was restarted before its time");
        r.clock.advance(1);
        fail_unless(rig::until([&] {
            const auto now = r.pipelines();
            return now.size() == 1 && now != before;
        }));
    }
    fail_unless(r.codes.empty());
}
GST_END_TEST

/// A camera that is missing at the start ends the run; one that is lost later is waited for.
GST_START_TEST(test_what_waiting_does_not_mend) {
    const auto lose = [](Rig &r) {
        const auto source = rig::child(r.pipeline("rig"), "source");
        GST_ELEMENT_ERROR(source.get(), RESOURCE, NOT_FOUND, ("no camera"), (nullptr));
        rig::turn();
    };
    {
        Rig r(start("a", "on-failure"));
        fail_unless(r.runs(1));
        lose(r);
        fail_unless(r.codes == std::vector<int>{1} && r.clock.timers() == 0);
    }
    {
        Rig r(start("a", "on-failure"));
        fail_unless(r.runs(1));
        r.clock.advance(60'000);
        lose(r);
        fail_unless(r.codes.empty() && r.clock.timers() == 1);
    }
    Rig r(start("a", "on-failure"));
    fail_unless(r.runs(1));
    const auto before = r.pipelines();
    rig::fail_element(r.pipeline("rig"), "source");
    rig::turn();
    r.clock.advance(1'000);
    fail_unless(rig::until([&] {
        const auto now = r.pipelines();
        return now.size() == 1 && now != before;
    }));
    lose(r);
    fail_unless(r.codes.empty() && r.clock.timers() == 1);
}
GST_END_TEST

GST_START_TEST(test_reload_leaves_alone_what_does_not_differ) {
    Rig r(rule + start("ab"));
    fail_unless(r.runs(2));
    r.server.connect_publisher("live/x");
    fail_unless(r.runs(3));
    const auto before = r.pipelines();
    std::string error;
    const rig::Described same(rule + start("ab"));
    fail_unless(r.supervisor->reload({same.binding}, &error), "%s", error.c_str());
    fail_unless(r.described.has_said("the descriptions are as before"));
    // One pipeline changes; the other one and the rule do not.
    std::string text = rule + start("ab");
    text.replace(text.rfind("fakesink"), 8, "fakesink sync=false");
    const rig::Described next(text);
    fail_unless(r.supervisor->reload({next.binding}, &error), "%s", error.c_str());
    fail_unless(rig::until([&] {
        const auto now = r.pipelines();
        return now.size() == 3 && now.at("rig/b") != before.at("rig/b");
    }));
    fail_unless(r.described.has_said("rig/b: stops, since its description changed\n") &&
                    r.described.has_said("rig/b: started\n") && !r.described.has_said("rig/a: "),
                "%s", r.described.said.c_str());
    const auto after = r.pipelines();
    fail_unless(after.at("rig/a") == before.at("rig/a") &&
                after.at("live/x") == before.at("live/x"));
}
GST_END_TEST

GST_START_TEST(test_changed_rule_keeps_its_streams) {
    Rig r(rule);
    r.server.connect_publisher("live/x");
    fail_unless(r.runs(1));
    const std::string old = r.pipelines().at("live/x");
    std::string text = rule;
    text.replace(text.rfind("fakesink"), 8, "fakesink sync=false");
    const rig::Described next(text);
    std::string error;
    fail_unless(r.supervisor->reload({next.binding}, &error), "%s", error.c_str());
    rig::turn();
    fail_unless(r.pipelines().at("live/x") == old, "its stream was cut off");
    fail_unless(r.described.has_said("rig: its rules have changed: streams that run go on by the "
                                     "old ones\n"));
    fail_unless(r.server.publish_leases.size() == 1);
    r.server.connect_publisher("live/y");
    fail_unless(r.runs(2));
}
GST_END_TEST

/// A publish rule and a play rule that move to another port.
GST_START_TEST(test_replaced_rules_let_go_of_their_listeners) {
    const std::string play = "play:\n  match: fake://127.0.0.1:7000/more/{name}\n  pipeline: " +
                             std::string(rig::quiet) + "\n";
    std::string text = rule + play;
    Rig r(text);
    fail_unless(r.server.listeners > 1);
    r.server.connect_publisher("live/x");
    fail_unless(r.runs(1));
    for (size_t at; (at = text.find(":7000")) != text.npos;)
        text.replace(at, 5, ":7001");
    const rig::Described next(text);
    std::string error;
    fail_unless(r.supervisor->reload({next.binding}, &error), "%s", error.c_str());
    rig::turn();
    fail_unless(r.server.listeners == 1, "%d: only its stream needs the port", r.server.listeners);
    r.server.publishing.clear();
    r.clock.advance(20'000);
    fail_unless(rig::until([&] { return r.server.listeners == 0; }));
    fail_unless(r.codes.empty(), "the rules of now may get publishers");
}
GST_END_TEST

GST_START_TEST(test_ends_with_the_last_stream_of_replaced_rules) {
    Rig r(rule);
    r.server.connect_publisher("live/x");
    fail_unless(r.runs(1));
    std::string error;
    fail_unless(r.supervisor->reload({}, &error), "%s", error.c_str());
    rig::turn();
    fail_unless(r.codes.empty() && r.runs(1));
    r.server.publishing.clear();
    r.clock.advance(20'000);
    fail_unless(rig::until([&] { return !r.codes.empty(); }));
    fail_unless(r.codes == std::vector<int>{0});
}
GST_END_TEST

/// Nothing runs until the pipelines of the new description start.
GST_START_TEST(test_reload_from_rules_to_pipelines) {
    Rig r(rule);
    const rig::Described next(start("a"));
    std::string error;
    fail_unless(r.supervisor->reload({next.binding}, &error), "%s", error.c_str());
    fail_unless(r.runs(1));
    rig::turn();
    fail_unless(r.codes.empty() && r.server.listeners == 0);
}
GST_END_TEST

GST_START_TEST(test_reload_that_clashes_changes_nothing) {
    Rig r(rule + start("a"));
    const auto before = r.pipelines();
    const rig::Described same(rule), other(rule);
    std::string error;
    fail_if(r.supervisor->reload({same.binding, other.binding}, &error));
    rig::turn();
    fail_unless(r.pipelines() == before && r.server.publish_leases.size() == 1);
}
GST_END_TEST

GST_START_TEST(test_drain_and_stop) {
    Rig r(rule + start("a"));
    r.server.connect_publisher("live/x");
    fail_unless(r.runs(2));
    int stopped = 0;
    r.supervisor->drain(1'000, [&] { ++stopped; });
    fail_if(r.server.connect_publisher("live/y"), "a publisher was taken while all ends");
    std::string error;
    const rig::Described next(rule);
    fail_if(r.supervisor->reload({next.binding}, &error));
    r.clock.advance(2'000); // whatever has not ended by then is stopped
    fail_unless(rig::until([&] { return stopped > 0; }));
    rig::turn();
    fail_unless(stopped == 1 && r.pipelines().empty() && r.codes.empty());
}
GST_END_TEST

GST_START_TEST(test_destroyed_amid_a_reload) {
    Rig r(start("ab"));
    fail_unless(r.runs(2));
    std::string text = start("ab");
    text.replace(text.rfind("fakesink"), 8, "fakesink sync=false");
    const rig::Described next(text);
    std::string error;
    fail_unless(r.supervisor->reload({next.binding}, &error), "%s", error.c_str());
    r.supervisor.reset(); // its old pipeline is still on its way down
    rig::turn();
}
GST_END_TEST

static Suite *supervisor_suite() {
    Suite *suite = suite_create("supervisor");
    TCase *tests = tcase_create("supervisor");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_rules_of_the_same_paths_are_refused);
    tcase_add_test(tests, test_descriptions_that_serve_the_same_path_are_refused);
    tcase_add_test(tests, test_reports_of_rules_name_the_description);
    tcase_add_test(tests, test_shared_listener_is_watched_once);
    tcase_add_test(tests, test_ends_with_its_last_pipeline);
    tcase_add_test(tests, test_failure_that_must_not_be);
    tcase_add_test(tests, test_restart_with_doubling_delays);
    tcase_add_test(tests, test_what_waiting_does_not_mend);
    tcase_add_test(tests, test_reload_leaves_alone_what_does_not_differ);
    tcase_add_test(tests, test_changed_rule_keeps_its_streams);
    tcase_add_test(tests, test_replaced_rules_let_go_of_their_listeners);
    tcase_add_test(tests, test_ends_with_the_last_stream_of_replaced_rules);
    tcase_add_test(tests, test_reload_from_rules_to_pipelines);
    tcase_add_test(tests, test_reload_that_clashes_changes_nothing);
    tcase_add_test(tests, test_drain_and_stop);
    tcase_add_test(tests, test_destroyed_amid_a_reload);
    return suite;
}
GST_CHECK_MAIN(supervisor)
