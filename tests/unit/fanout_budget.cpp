// SPDX-License-Identifier: LGPL-2.1-or-later
// Sharing of a loop's writes: immediate while they are few, then with the shortest sufficient wait,
// and a small stream does not pay for a large one.
#include "core/fanout/budget.h"

#include "check.hpp"

using namespace penstock::fanout;

namespace {

constexpr uint64_t ms = 1'000'000;

Demand demand(size_t viewers, double packets = 73, double send_rate = 25'000,
              uint64_t max_wait = 350 * ms) {
    return {viewers, packets, send_rate, max_wait};
}

/// The interval of each stream in milliseconds.
std::vector<unsigned> waits(const std::vector<Demand> &demands) {
    std::vector<unsigned> out;
    for (const uint64_t interval : share_budget(demands))
        out.push_back(unsigned((interval + ms / 2) / ms));
    return out;
}

void expect(const std::vector<unsigned> &got, const std::vector<unsigned> &wanted) {
    std::string text;
    for (const unsigned each : got)
        text += std::to_string(each) + " ";
    fail_unless(got == wanted, "%s", text.c_str());
}

} // namespace

GST_START_TEST(test_one_stream) {
    expect(waits({demand(20)}), {0});
    expect(waits({demand(340)}), {0});
    expect(waits({demand(1000)}), {40});
    expect(waits({demand(4000)}), {160});
    expect(waits({demand(20'000)}), {350});
}
GST_END_TEST

GST_START_TEST(test_settings) {
    expect(waits({demand(1000, 73, 50'000)}), {20});
    expect(waits({demand(1000, 73, 1, 100 * ms)}), {100});
    expect(waits({demand(10'000, 73, 25'000, 0)}), {0}); // never hold anything back
    expect(waits({demand(1000, 0)}), {0});               // nothing comes
    expect(waits({}), {});
}
GST_END_TEST

GST_START_TEST(test_small_streams_beside_a_large_one) {
    expect(waits({demand(1), demand(5000), demand(1)}), {0, 201, 0});
    // 300 streams with one viewer each fit without waiting.
    expect(waits(std::vector<Demand>(300, demand(1))), std::vector<unsigned>(300, 0));
    // Two large streams share what a small one leaves.
    expect(waits({demand(2000), demand(10), demand(2000)}), {165, 0, 165});
}
GST_END_TEST

static Suite *fanout_budget_suite() {
    Suite *s = suite_create("fanout_budget");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_one_stream);
    tcase_add_test(tc, test_settings);
    tcase_add_test(tc, test_small_streams_beside_a_large_one);
    return s;
}
GST_CHECK_MAIN(fanout_budget)
