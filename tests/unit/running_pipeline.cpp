// SPDX-License-Identifier: LGPL-2.1-or-later
// A running pipeline: a failed branch is removed and restarted with doubling delays up to a limit;
// any other failure ends the pipeline and is reported once.
#include "supervisor/branch.h"
#include "supervisor/hopeless.h"
#include "supervisor/running.h"

#include "supervisor_rig.hpp"

using namespace penstock;
using supervisor::RunningPipeline;

namespace {

/// Registers GStreamer's tee as goptee, by whose name branches are found.
void register_tee() {
    const auto factory = GstPtr<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("tee", nullptr))));
    GTypeQuery query;
    g_type_query(G_OBJECT_TYPE(factory.get()), &query);
    static const GType type =
        g_type_register_static_simple(G_OBJECT_TYPE(factory.get()), "TestGopTee", query.class_size,
                                      nullptr, query.instance_size, nullptr, GTypeFlags(0));
    fail_unless(gst_element_register(nullptr, "goptee", GST_RANK_NONE, type));
}

constexpr const char *branched = "appsrc is-live=true name=source ! goptee name=gop "
                                 "gop. ! queue name=q1 ! fakesink async=false name=one "
                                 "gop. ! queue name=q2 ! fakesink async=false name=two";

GstPtr<GstElement> build() {
    GError *error = nullptr;
    auto *made = gst_parse_launch(branched, &error);
    fail_unless(made && !error, "%s", error ? error->message : "");
    return GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(made)));
}

struct Rig {
    Rig() {
        register_tee();
        RunningPipeline::Handlers handlers;
        handlers.failed = [this](const RunningPipeline::Failure &failure) {
            failures.push_back(failure);
        };
        handlers.ended = [this] { ++ended; };
        handlers.first_delay = 1'000'000'000;
        handlers.longest_delay = 4'000'000'000;
        handlers.rebuild = [this](std::string *error) {
            ++rebuilt;
            if (!can_rebuild) *error = "not now";
            return can_rebuild ? build() : GstPtr<GstElement>();
        };
        running = std::make_unique<RunningPipeline>(
            "live/a", build(),
            [this](supervisor::Severity, const std::string &text) { said += text + "\n"; },
            std::move(handlers));
        running->play(supervisor::Time::now());
        rig::turn();
    }
    ~Rig() {
        running.reset();
        fail_unless(supervisor::wait_for_teardowns(20'000'000));
        rig::turn();
    }
    bool has(const char *name) const { return bool(rig::child(running->pipeline(), name)); }
    /// Makes a branch fail and waits until it is removed.
    void lose(const char *sink) {
        const size_t timers = clock.timers();
        rig::fail_element(running->pipeline(), sink);
        fail_unless(rig::until([&] { return !has(sink); }), "the branch is still there");
        rig::until([&] { return clock.timers() > timers || said.find("left out") != said.npos; });
    }

    rig::ManualClock clock;
    std::vector<RunningPipeline::Failure> failures;
    int ended = 0, rebuilt = 0;
    bool can_rebuild = true;
    std::string said;
    std::unique_ptr<RunningPipeline> running;
};

} // namespace

GST_START_TEST(test_branch_is_restarted) {
    Rig r;
    r.lose("two");
    fail_unless(r.has("one") && r.failures.empty() && r.clock.timers() == 1);
    r.clock.advance(999);
    fail_if(r.has("two"));
    r.clock.advance(1);
    fail_unless(r.has("two") && r.rebuilt == 1, "%s", r.said.c_str());
    const auto queue = rig::child(r.running->pipeline(), "q2");
    const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(queue.get(), "sink"));
    fail_unless(gst_pad_is_linked(pad.get()));
}
GST_END_TEST

GST_START_TEST(test_restart_that_fails_is_tried_again) {
    Rig r;
    r.can_rebuild = false;
    r.lose("two");
    r.clock.advance(1'000);
    fail_unless(r.rebuilt == 1 && !r.has("two"));
    fail_unless(r.clock.timers() == 1, "a branch that could not be rebuilt is given up");
    r.can_rebuild = true;
    r.clock.advance(1'999);
    fail_unless(r.rebuilt == 1, "the delay did not double");
    r.clock.advance(1);
    fail_unless(r.rebuilt == 2 && r.has("two"), "%s", r.said.c_str());
}
GST_END_TEST

GST_START_TEST(test_branch_that_fails_every_time_is_left_out) {
    Rig r;
    r.can_rebuild = false;
    r.lose("two");
    for (int i = 0; i < 20; ++i)
        r.clock.advance(4'000);
    fail_unless(r.rebuilt == 8, "%d attempts", r.rebuilt);
    fail_unless(r.said.find("left out") != std::string::npos && r.clock.timers() == 0);
    fail_unless(r.has("one") && r.failures.empty());
}
GST_END_TEST

GST_START_TEST(test_branch_that_ran_well_begins_anew) {
    Rig r;
    r.lose("two");
    r.clock.advance(1'000);
    fail_unless(r.has("two"));
    r.lose("two");
    r.clock.advance(1'999);
    fail_unless(r.rebuilt == 1);
    r.clock.advance(1);
    fail_unless(r.rebuilt == 2 && r.has("two"));
    r.clock.advance(60'000);
    r.lose("two");
    r.clock.advance(1'000);
    fail_unless(r.rebuilt == 3, "one that ran for a minute waits as if it had failed in a row");
}
GST_END_TEST

GST_START_TEST(test_both_branches_fail) {
    Rig r;
    r.lose("two");
    r.lose("one");
    r.clock.advance(1'000);
    fail_unless(r.has("one") && r.has("two"), "%s", r.said.c_str());
    fail_unless(r.failures.empty());
}
GST_END_TEST

GST_START_TEST(test_failure_of_the_whole_is_told_once) {
    Rig r;
    rig::fail_element(r.running->pipeline(), "source");
    rig::fail_element(r.running->pipeline(), "source");
    rig::turn();
    fail_unless(r.failures.size() == 1);
}
GST_END_TEST

/// A downstream error may be posted before the source's error, which is the cause.
GST_START_TEST(test_the_source_says_why) {
    Rig r;
    const auto tee = rig::child(r.running->pipeline(), "gop");
    const auto source = rig::child(r.running->pipeline(), "source");
    GST_ELEMENT_FLOW_ERROR(source.get(), GST_FLOW_ERROR); // what any source says then
    GST_ELEMENT_ERROR(tee.get(), RESOURCE, OPEN_WRITE, ("the server is down"), (nullptr));
    rig::turn();
    // The file is inspected on another thread.
    r.clock.advance(900);
    fail_unless(r.failures.empty());
    GST_ELEMENT_ERROR(source.get(), RESOURCE, NOT_FOUND, ("there is no camera"), (nullptr));
    rig::turn();
    fail_unless(r.failures.size() == 1);
    fail_unless(r.failures[0].what.find("there is no camera") != std::string::npos, "%s",
                r.failures[0].what.c_str());
    fail_unless(r.failures[0].is_hopeless);
}
GST_END_TEST

GST_START_TEST(test_a_consequence_is_no_cause) {
    Rig r;
    const auto tee = rig::child(r.running->pipeline(), "gop");
    const auto source = rig::child(r.running->pipeline(), "source");
    GST_ELEMENT_FLOW_ERROR(source.get(), GST_FLOW_ERROR);
    GST_ELEMENT_ERROR(tee.get(), RESOURCE, OPEN_WRITE, ("the server is down"), (nullptr));
    rig::turn();
    r.clock.advance(999);
    fail_unless(r.failures.empty(), "the source had no time to say what it lacks");
    r.clock.advance(1);
    fail_unless(r.failures.size() == 1);
    fail_unless(r.failures[0].what.find("the server is down") != std::string::npos, "%s",
                r.failures[0].what.c_str());
    fail_if(r.failures[0].is_hopeless);
}
GST_END_TEST

GST_START_TEST(test_a_server_that_goes_later) {
    Rig r;
    r.clock.advance(11'000);
    const auto tee = rig::child(r.running->pipeline(), "gop");
    GST_ELEMENT_ERROR(tee.get(), RESOURCE, WRITE, ("the server is down"), (nullptr));
    rig::turn();
    fail_unless(r.failures.size() == 1 && r.clock.timers() == 0);
}
GST_END_TEST

/// After a failure the pipeline's other sinks may post EOS; that does not count as its end.
GST_START_TEST(test_no_end_after_a_failure) {
    Rig r;
    rig::fail_element(r.running->pipeline(), "source");
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(r.running->pipeline()));
    gst_bus_post(bus.get(), gst_message_new_eos(GST_OBJECT(r.running->pipeline())));
    rig::turn();
    fail_unless(r.failures.size() == 1 && r.ended == 0);
}
GST_END_TEST

GST_START_TEST(test_what_is_hopeless) {
    const auto judge = [](const char *factory, GQuark domain, int code) {
        const auto element = GstPtr<GstElement>::adopt(
            GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(factory, nullptr))));
        GError error{domain, code, const_cast<char *>("x")};
        return supervisor::is_hopeless(element.get(), error);
    };
    fail_unless(judge("filesrc", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    fail_unless(judge("filesrc", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ));
    fail_unless(judge("appsrc", GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE));
    fail_unless(judge("identity", GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN));
    // These errors may pass: another program may release the device, a server may start, a disk may
    // be emptied.
    fail_if(judge("filesrc", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY));
    fail_if(judge("filesrc", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ));
    fail_if(judge("udpsrc", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    fail_if(judge("filesink", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
}
GST_END_TEST

GST_START_TEST(test_stopped_before_a_restart) {
    Rig r;
    r.lose("two");
    int stopped = 0;
    r.running->stop([&] { ++stopped; });
    fail_unless(r.clock.timers() == 0);
    r.clock.advance(10'000);
    fail_unless(r.rebuilt == 0);
    fail_unless(rig::until([&] { return stopped == 1; }));
    fail_unless(r.running->pipeline() == nullptr);
}
GST_END_TEST

GST_START_TEST(test_stopped_while_a_branch_is_taken_out) {
    Rig r;
    rig::fail_element(r.running->pipeline(), "two");
    // The removal runs on another thread.
    fail_unless(rig::until([&] { return r.said.find("is removed") != r.said.npos; }));
    int stopped = 0;
    r.running->stop([&] { ++stopped; });
    fail_unless(rig::until([&] { return stopped == 1; }));
    rig::turn();
    fail_unless(r.clock.timers() == 0 && r.rebuilt == 0);
}
GST_END_TEST

GST_START_TEST(test_destroyed_with_messages_on_the_bus) {
    Rig r;
    rig::fail_element(r.running->pipeline(), "source");
    r.running.reset();
    rig::turn();
    fail_unless(r.failures.empty());
}
GST_END_TEST

static Suite *running_pipeline_suite() {
    Suite *suite = suite_create("running_pipeline");
    TCase *tests = tcase_create("running_pipeline");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_branch_is_restarted);
    tcase_add_test(tests, test_restart_that_fails_is_tried_again);
    tcase_add_test(tests, test_branch_that_fails_every_time_is_left_out);
    tcase_add_test(tests, test_branch_that_ran_well_begins_anew);
    tcase_add_test(tests, test_both_branches_fail);
    tcase_add_test(tests, test_failure_of_the_whole_is_told_once);
    tcase_add_test(tests, test_the_source_says_why);
    tcase_add_test(tests, test_a_consequence_is_no_cause);
    tcase_add_test(tests, test_a_server_that_goes_later);
    tcase_add_test(tests, test_no_end_after_a_failure);
    tcase_add_test(tests, test_what_is_hopeless);
    tcase_add_test(tests, test_stopped_before_a_restart);
    tcase_add_test(tests, test_stopped_while_a_branch_is_taken_out);
    tcase_add_test(tests, test_destroyed_with_messages_on_the_bus);
    return suite;
}
GST_CHECK_MAIN(running_pipeline)
