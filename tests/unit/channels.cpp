// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams offered by name inside the process: listeners come first or later, and a slow one holds
// up nothing but its own name.
#include "core/gop/channels.h"

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "check.hpp"

using namespace penstock::gop;

namespace {

struct Source final : ChannelSource {};

struct Listener final : ChannelListener {
    void on_source(const std::shared_ptr<ChannelSource> &) override { text += "source "; }
    void on_lost() override { text += "lost "; }
    std::string text;
};

/// Stays in on_source() until the test lets it go on.
struct SlowListener final : ChannelListener {
    void on_source(const std::shared_ptr<ChannelSource> &) override {
        entered.set_value();
        go_on.get_future().wait();
        is_done = true;
    }
    void on_lost() override {}
    std::promise<void> entered, go_on;
    std::atomic<bool> is_done{false};
};

} // namespace

GST_START_TEST(test_listeners_come_first_or_later) {
    Listener first, later;
    auto early = Channels::listen("live/a", first);
    fail_if(Channels::is_offered("live/a"));
    auto offer = Channels::offer("live/a", std::make_shared<Source>());
    fail_unless(offer && Channels::is_offered("live/a"));
    fail_unless(Channels::offer("live/a", std::make_shared<Source>()) == nullptr);
    auto late = Channels::listen("live/a", later);
    early.reset();
    offer.reset();
    fail_if(Channels::is_offered("live/a"));
    fail_unless_equals_string(first.text.c_str(), "source ");
    fail_unless_equals_string(later.text.c_str(), "source lost ");
    // The one that stayed gets the next source, too.
    offer = Channels::offer("live/a", std::make_shared<Source>());
    fail_unless_equals_string(later.text.c_str(), "source lost source ");
}
GST_END_TEST

GST_START_TEST(test_a_slow_listener_holds_up_its_own_name_only) {
    SlowListener slow;
    auto waiting = Channels::listen("live/slow", slow);
    std::unique_ptr<ChannelHandle> offer;
    std::thread offering([&] { offer = Channels::offer("live/slow", std::make_shared<Source>()); });
    slow.entered.get_future().wait();
    Listener other;
    auto fast = Channels::listen("live/fast", other);
    auto another = Channels::offer("live/fast", std::make_shared<Source>());
    fail_unless_equals_string(other.text.c_str(), "source ");
    // A subscription ends when no call is in progress any more.
    std::thread leaving([&] {
        waiting.reset();
        fail_unless(slow.is_done);
    });
    slow.go_on.set_value();
    leaving.join();
    offering.join();
}
GST_END_TEST

static Suite *channels_suite() {
    Suite *suite = suite_create("channels");
    TCase *tests = tcase_create("channels");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_listeners_come_first_or_later);
    tcase_add_test(tests, test_a_slow_listener_holds_up_its_own_name_only);
    return suite;
}
GST_CHECK_MAIN(channels)
