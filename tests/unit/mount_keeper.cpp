// SPDX-License-Identifier: LGPL-2.1-or-later
// How a stream ends: whether viewers wait, when they are told, and what a producer that comes back
// finds; on a clock that the test advances.
#include "core/net/stream/mount_keeper.h"

#include <deque>

#include "check.hpp"

using namespace penstock::net;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

struct FakeMount final : Mount {
    explicit FakeMount(nanoseconds answers = {})
        : Mount({"fake", {"127.0.0.1", 1}, "live/cam"}), answers_for(answers) {}
    MountInfo info() const override { return MountInfo{key()}; }
    unsigned viewers() const override { return watching; }
    bool in_use() const override { return true; }
    void close_viewers(const std::string &) override {}
    nanoseconds end_viewers(nanoseconds, const std::string &reason) override {
        told += reason + ";";
        return answers_for;
    }
    void give_up() override { told += "over;"; }
    uint64_t silent_ms() const override { return silent; }

    const nanoseconds answers_for;
    unsigned watching = 1;
    uint64_t silent = 0;
    std::string told;
};

/// A keeper whose timers the test fires.
struct Scene {
    struct Started {
        nanoseconds delay;
        std::function<void()> then;
        std::weak_ptr<void> alive;
    };
    std::deque<Started> timers;
    MountKeeper keeper{[this](nanoseconds delay, std::function<void()> then) {
        auto timer = std::make_shared<int>();
        timers.push_back({delay, std::move(then), timer});
        return timer;
    }};
    std::shared_ptr<FakeMount> mount = std::make_shared<FakeMount>();
    std::shared_ptr<int> path = std::make_shared<int>();
    bool busy = false;

    std::shared_ptr<Mount> attach() {
        return keeper.attach(
            mount->key(),
            [this] {
                return MountKeeper::Made{mount, path};
            },
            &busy);
    }
    bool is_served() const { return path.use_count() > 1; }
    /// Fires the oldest timer, even if it was cancelled, as if its call had been under way.
    void fire() {
        const auto then = std::move(timers.front().then);
        timers.pop_front();
        then();
    }
};

} // namespace

GST_START_TEST(test_grace_then_linger) {
    Scene scene;
    scene.mount = std::make_shared<FakeMount>(7s); // as HLS: it is asked again and again
    fail_unless(scene.attach() == scene.mount && !scene.busy);
    fail_unless(scene.attach() == nullptr && scene.busy);
    scene.keeper.detach(scene.mount, {.grace = 3s, .linger = 7s});
    fail_unless(scene.timers.size() == 1 && scene.timers[0].delay == 3s);
    fail_unless(scene.mount->told.empty());
    scene.fire();
    fail_unless_equals_string(scene.mount->told.c_str(), "the stream has ended;");
    fail_unless(scene.timers.size() == 1 && scene.timers[0].delay == 7s && scene.is_served());
    scene.fire();
    fail_unless_equals_string(scene.mount->told.c_str(), "the stream has ended;over;");
    fail_if(scene.is_served());
    // The next producer gets a new mount.
    const auto first = scene.mount;
    scene.mount = std::make_shared<FakeMount>();
    fail_unless(scene.attach() == scene.mount && scene.mount != first);
}
GST_END_TEST

GST_START_TEST(test_grace_counts_from_the_last_media) {
    Scene scene;
    scene.attach();
    scene.mount->silent = 2000;
    scene.keeper.detach(scene.mount, {.grace = 3s});
    fail_unless(scene.timers.at(0).delay == 1s);
    scene.attach();
    scene.mount->silent = 3000;
    scene.keeper.detach(scene.mount, {.grace = 3s});
    fail_unless_equals_string(scene.mount->told.c_str(), "the stream has ended;over;");
    fail_if(scene.is_served());
}
GST_END_TEST

// A timer whose call was under way when the producer came back ends no mount.
GST_START_TEST(test_a_producer_that_comes_back) {
    Scene scene;
    scene.attach();
    scene.keeper.detach(scene.mount, {.grace = 3s});
    fail_unless(scene.attach() == scene.mount);
    fail_unless(scene.timers.at(0).alive.expired());
    scene.fire();
    fail_unless(scene.mount->told.empty() && scene.is_served());
    // A cancelled timer does not shorten the later grace period either.
    scene.keeper.detach(scene.mount, {.grace = 3s});
    const auto earlier = scene.timers.at(0).then;
    scene.attach();
    scene.keeper.detach(scene.mount, {.grace = 5s});
    earlier();
    fail_unless(scene.mount->told.empty());
    fail_if(scene.timers.at(1).alive.expired());
}
GST_END_TEST

GST_START_TEST(test_a_producer_while_the_end_is_told) {
    Scene scene;
    scene.mount = std::make_shared<FakeMount>(7s);
    scene.attach();
    scene.keeper.detach(scene.mount, {.grace = 0s});
    fail_unless_equals_string(scene.mount->told.c_str(), "the stream has ended;");
    fail_unless(scene.attach() == scene.mount); // which begins another stream
    scene.fire();
    fail_unless_equals_string(scene.mount->told.c_str(), "the stream has ended;");
    fail_unless(scene.is_served());
}
GST_END_TEST

GST_START_TEST(test_nobody_to_wait_with) {
    Scene scene;
    scene.attach();
    scene.mount->watching = 0;
    scene.keeper.detach(scene.mount, {.grace = 3s});
    fail_if(scene.is_served());
    fail_unless(scene.timers.empty());
}
GST_END_TEST

GST_START_TEST(test_end_for_good) {
    Scene scene;
    scene.attach();
    scene.keeper.detach(scene.mount, {.grace = 1h});
    scene.keeper.end(scene.mount, "enough");
    fail_unless_equals_string(scene.mount->told.c_str(), "enough;over;");
    scene.fire(); // the grace's
    fail_unless_equals_string(scene.mount->told.c_str(), "enough;over;");
    // Players that wait for a stream that has never had a producer.
    FakeMount other;
    const std::shared_ptr<Mount> awaited(std::shared_ptr<void>(), &other);
    scene.keeper.end(awaited, "no");
    fail_unless_equals_string(other.told.c_str(), "no;");
}
GST_END_TEST

GST_START_TEST(test_listener_closes) {
    Scene scene;
    scene.attach();
    scene.keeper.detach(scene.mount, {.grace = 1h});
    scene.keeper.forget("fake", {"127.0.0.1", 2});
    scene.keeper.forget("other", {"127.0.0.1", 1});
    fail_unless(scene.is_served());
    scene.keeper.forget("fake", {"127.0.0.1", 1});
    fail_if(scene.is_served());
    fail_unless(scene.timers.at(0).alive.expired());
    fail_unless(scene.mount->told.empty());
}
GST_END_TEST

static Suite *mount_keeper_suite() {
    Suite *s = suite_create("mount_keeper");
    TCase *tc = tcase_create("ends");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_grace_then_linger);
    tcase_add_test(tc, test_grace_counts_from_the_last_media);
    tcase_add_test(tc, test_a_producer_that_comes_back);
    tcase_add_test(tc, test_a_producer_while_the_end_is_told);
    tcase_add_test(tc, test_nobody_to_wait_with);
    tcase_add_test(tc, test_end_for_good);
    tcase_add_test(tc, test_listener_closes);
    return s;
}
GST_CHECK_MAIN(mount_keeper)
