// SPDX-License-Identifier: LGPL-2.1-or-later
// When a stream for WebRTC that begins with its past has come to the present.
#include "core/rtc/live_edge.h"

#include "check.hpp"

using penstock::rtc::LiveEdge;

namespace {

constexpr uint64_t ms = 1'000'000, start = 5'000 * ms;

} // namespace

GST_START_TEST(test_nothing) {
    LiveEdge edge;
    fail_unless(edge.is_reached(start));
}
GST_END_TEST

// A cached GOP of two seconds comes in 300 ms; audio, which is encoded, takes a bit longer.
GST_START_TEST(test_cached_gop) {
    LiveEdge edge;
    for (uint32_t time = 0; time <= 2000; time += 40)
        edge.add(0, 0xFFFF'FF00u + time, start + time * ms / 10);
    for (uint32_t time = 0; time <= 2000; time += 20)
        edge.add(1, 0xFFFF'FF00u + time, start + 50 * ms + time * ms / 8);
    fail_if(edge.is_reached(start + 310 * ms));
    // From there on it comes as it is made, some of it late.
    for (uint32_t time = 2040; time < 2600; time += 40)
        edge.add(0, 0xFFFF'FF00u + time, start + (time - 1800 + time % 60) * ms);
    fail_unless(edge.is_reached(start + 430 * ms));
    edge.restart();
    edge.add(0, 7000, start + 900 * ms);
    fail_if(edge.is_reached(start + 950 * ms));
}
GST_END_TEST

GST_START_TEST(test_at_once) {
    LiveEdge edge;
    for (uint32_t time = 0; time < 150; time += 33)
        edge.add(0, time, start + time * ms);
    fail_unless(edge.is_reached(start + 150 * ms));
}
GST_END_TEST

// A source that never waits.
GST_START_TEST(test_never) {
    LiveEdge edge;
    for (uint32_t time = 0; time < 20'000; time += 40)
        edge.add(0, time, start + time * ms / 10);
    fail_unless(edge.is_reached(start + 2'000 * ms));
}
GST_END_TEST

static Suite *rtc_live_edge_suite() {
    Suite *s = suite_create("rtc_live_edge");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_nothing);
    tcase_add_test(tc, test_cached_gop);
    tcase_add_test(tc, test_at_once);
    tcase_add_test(tc, test_never);
    return s;
}
GST_CHECK_MAIN(rtc_live_edge)
