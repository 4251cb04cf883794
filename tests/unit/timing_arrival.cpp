// SPDX-License-Identifier: LGPL-2.1-or-later
// Timestamps of live input, held near the time of arrival: jitter, drift, jumps; times are given.
#include "core/timing/arrival.h"

#include "check.hpp"

using penstock::timing::Arrival;

namespace {

constexpr int64_t ms = 1'000'000, second = 1000 * ms;

/// A sender of 50 frames a second.
struct Sender {
    Arrival arrival{100 * ms};
    int64_t time = 0, now = 1000 * second;

    /// The lead of the frame after correction.
    int64_t frame(int64_t delay = 0) {
        const int64_t lead = time + arrival.step(time, now + delay) - (now + delay);
        time += 20 * ms;
        now += 20 * ms;
        return lead;
    }
};

} // namespace

GST_START_TEST(test_begins) {
    Sender far;
    fail_unless_equals_int64(far.frame(), 0);
    Sender near;
    near.time = near.now - 50 * ms;
    fail_unless_equals_int64(near.frame(), -50 * ms);
    fail_unless_equals_int64(near.arrival.moves(), 0);
}
GST_END_TEST

GST_START_TEST(test_jitter) {
    Sender sender;
    std::mt19937 random(1);
    for (int i = 0; i < 5000; ++i)
        sender.frame(i % 20 == 0 ? 0 : int64_t(random() % 1500) * ms);
    fail_unless_equals_int64(sender.arrival.moves(), 0);
}
GST_END_TEST

// A clock that is wrong by a hundredth, either way.
GST_START_TEST(test_drift) {
    for (const int64_t wrong : {-200'000, 200'000}) {
        Sender sender;
        for (int i = 0; i < 50 * 600; ++i) {
            const int64_t lead = sender.frame();
            fail_unless(lead >= -150 * ms && lead <= Arrival::early + 50 * ms,
                        "%" G_GINT64_FORMAT " ms", lead / ms);
            sender.time += wrong;
        }
        fail_unless(sender.arrival.moves() > 5);
    }
}
GST_END_TEST

GST_START_TEST(test_jumps) {
    for (const int64_t by : {-3600 * second, -3 * second, 3 * second, 3600 * second}) {
        Sender sender;
        for (int i = 0; i < 10; ++i)
            sender.frame();
        sender.time += by;
        fail_unless_equals_int64(sender.frame(), 0);
        fail_unless_equals_int64(sender.arrival.moves(), 1);
    }
    // Another stream begins anew.
    Sender sender;
    sender.frame();
    sender.arrival.reset();
    sender.time = sender.now + 70 * ms;
    fail_unless_equals_int64(sender.frame(), 70 * ms);
}
GST_END_TEST

static Suite *timing_arrival_suite() {
    Suite *suite = suite_create("timing_arrival");
    TCase *tests = tcase_create("arrivals");
    tcase_add_test(tests, test_begins);
    tcase_add_test(tests, test_jitter);
    tcase_add_test(tests, test_drift);
    tcase_add_test(tests, test_jumps);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(timing_arrival)
