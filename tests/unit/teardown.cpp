// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines that are stopped on another thread: the stop can be awaited, and nothing of the
// pipeline is used afterwards.
#include "supervisor/teardown.h"

#include "core/net/loop/thread.h"

#include "check.hpp"

using namespace penstock;
using supervisor::take_down;
using supervisor::wait_for_teardowns;

namespace {

constexpr int64_t no_time = 0, long_time = 20'000'000; // µs

/// While closed, keeps elements from reaching NULL.
struct Gate {
    std::mutex lock;
    std::condition_variable changed;
    bool is_open = false;

    void open() {
        std::lock_guard guard(lock);
        is_open = true;
        changed.notify_all();
    }
    void pass() {
        std::unique_lock guard(lock);
        changed.wait(guard, [this] { return is_open; });
    }
};
Gate *gate;

GstStateChangeReturn change_state(GstElement *element, GstStateChange change) {
    if (change == GST_STATE_CHANGE_READY_TO_NULL) gate->pass();
    auto *parent = GST_ELEMENT_CLASS(g_type_class_peek(GST_TYPE_ELEMENT));
    return parent->change_state(element, change);
}

/// An element that hangs on its way to NULL.
GstPtr<GstElement> make_slow() {
    static const GType type = g_type_register_static_simple(
        GST_TYPE_ELEMENT, "TestSlow", sizeof(GstElementClass),
        [](gpointer c, gpointer) { GST_ELEMENT_CLASS(c)->change_state = change_state; },
        sizeof(GstElement), nullptr, GTypeFlags(0));
    auto element =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(g_object_new(type, nullptr))));
    fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_READY),
                           GST_STATE_CHANGE_SUCCESS);
    return element;
}

GST_START_TEST(test_waits) {
    Gate closed;
    gate = &closed;
    fail_unless(wait_for_teardowns(no_time));
    GWeakRef gone[2];
    for (auto &weak : gone) {
        auto element = make_slow();
        g_weak_ref_init(&weak, element.get());
        take_down(std::move(element));
    }
    fail_unless(!wait_for_teardowns(no_time));
    closed.open();
    fail_unless(wait_for_teardowns(long_time));
    for (auto &weak : gone) {
        fail_unless(!g_weak_ref_get(&weak), "let go of only after the wait");
        g_weak_ref_clear(&weak);
    }
}
GST_END_TEST;

GST_START_TEST(test_gives_back) {
    Gate open{.is_open = true};
    gate = &open;
    GstPtr<GstElement> back;
    take_down(make_slow(), [&](GstPtr<GstElement> down) { back = std::move(down); });
    fail_unless(wait_for_teardowns(long_time));
    fail_unless(back);
    fail_unless_equals_int(GST_STATE(back.get()), GST_STATE_NULL);
    ASSERT_OBJECT_REFCOUNT(back.get(), "what was given back", 1);
}
GST_END_TEST;

GST_START_TEST(test_without_a_thread) {
    Gate open{.is_open = true};
    gate = &open;
    GstPtr<GstElement> back;
    net::limit_threads(0);
    take_down(make_slow(), [&](GstPtr<GstElement> down) { back = std::move(down); });
    net::limit_threads(-1);
    fail_unless(back, "it is down when the call returns");
    fail_unless_equals_int(GST_STATE(back.get()), GST_STATE_NULL);
    fail_unless(wait_for_teardowns(no_time));
}
GST_END_TEST;

Suite *teardown_suite() {
    Suite *s = suite_create("teardown");
    TCase *t = tcase_create("teardown");
    suite_add_tcase(s, t);
    tcase_add_test(t, test_waits);
    tcase_add_test(t, test_gives_back);
    tcase_add_test(t, test_without_a_thread);
    return s;
}

} // namespace

GST_CHECK_MAIN(teardown)
