// SPDX-License-Identifier: LGPL-2.1-or-later
// How busy a machine is, from /proc/stat and from threads that are woken late, and when that spoils
// a measurement.
#include "expect/machine.h"

#include "check.hpp"

using namespace penstock::expect;

GST_START_TEST(test_processor_ticks) {
    const auto all = processor_ticks("cpu  10 20 30 400 50 6 7 8 9 9\ncpu0 1 1 1 1\nintr 5\n");
    fail_unless(all && all->busy == 81 && all->all == 531);
    const auto old = processor_ticks("cpu 1 2 3 4\n");
    fail_unless(old && old->busy == 6 && old->all == 10);
    for (const char *text : {"", "cpu", "cpu ", "cpu 1 2 3", "cpu x", "cpu0 1 2 3 4\n", "intr 5\n"})
        fail_unless(!processor_ticks(text), "%s", text);
}
GST_END_TEST

GST_START_TEST(test_overload) {
    fail_unless(!is_overload({.busy = 0.5, .own = 0.4, .late = 0.02}));
    fail_unless(is_overload({.busy = 0.97, .own = 0.4, .late = 0.02}));
    fail_unless(is_overload({.busy = 0.5, .own = 0.4, .late = 0.5}));
    fail_unless(!is_overload({}));
    fail_unless_equals_string(words_of({.busy = 0.384, .own = 0.2, .late = 0.0021}).c_str(),
                              "38 % busy (20 % by this test), threads woken up to 2 ms late");
    fail_unless_equals_string(words_of({.late = 0.01}).c_str(), "threads woken up to 10 ms late");
    const std::string others = words_of({.busy = 1, .own = 0.3}),
                      own = words_of({.busy = 1, .own = 0.9});
    fail_unless(others.ends_with("try again when less else runs"), "%s", others.c_str());
    fail_unless(own.ends_with("try a smaller picture or fewer frames a second"), "%s", own.c_str());
}
GST_END_TEST

// A whole machine that is busy can't be had in a test; this process can be.
GST_START_TEST(test_meter) {
    LoadMeter meter;
    Load load;
    do
        load = meter.read();
    while (load.own <= 0);
    fail_unless(load.own <= 1.01 && load.late >= 0, "%f %f", load.own, load.late);
    fail_unless(load.busy.value_or(0) <= 1);
}
GST_END_TEST

static Suite *expect_machine_suite() {
    Suite *suite = suite_create("expect_machine");
    TCase *tc = tcase_create("load");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_processor_ticks);
    tcase_add_test(tc, test_overload);
    tcase_add_test(tc, test_meter);
    return suite;
}

GST_CHECK_MAIN(expect_machine)
