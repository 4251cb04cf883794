// SPDX-License-Identifier: LGPL-2.1-or-later
// Percentiles in bounded memory, compared with sorting all values.
#include "core/latency/histogram.h"

#include <cmath>

#include "check.hpp"

using penstock::latency::Histogram;

GST_START_TEST(test_empty) {
    const Histogram h;
    fail_unless_equals_int64(h.percentile(0.5), 0);
    fail_unless_equals_int64(h.mean(), 0);
    fail_unless_equals_int64(h.jitter(), 0);
    fail_unless_equals_int64(h.min(), 0);
}
GST_END_TEST

GST_START_TEST(test_like_sorting) {
    std::mt19937_64 random(5);
    for (const double scale : {300.0, 5e4, 2e7, 5e9}) {
        Histogram h;
        std::vector<int64_t> all;
        std::lognormal_distribution<double> values(0, 0.7);
        for (int i = 0; i < 20001; ++i) {
            all.push_back(std::min<int64_t>(int64_t(values(random) * scale), Histogram::max_value));
            h.add(all.back());
        }
        double differences = 0, sum = 0;
        for (size_t i = 0; i < all.size(); ++i) {
            sum += double(all[i]);
            if (i > 0) differences += std::abs(double(all[i] - all[i - 1]));
        }
        fail_unless_equals_int64(h.mean(), std::llround(sum / double(all.size())));
        fail_unless_equals_int64(h.jitter(), std::llround(differences / double(all.size() - 1)));
        std::sort(all.begin(), all.end());
        fail_unless_equals_int64(h.min(), all.front());
        fail_unless_equals_int64(h.max(), all.back());
        for (const double share : {0.0, 0.01, 0.5, 0.95, 0.99, 0.999, 1.0}) {
            const size_t rank = size_t(std::max(1.0, std::ceil(share * double(all.size()))));
            const double exact = double(all[rank - 1]), got = double(h.percentile(share));
            fail_unless(std::abs(got - exact) <= 1 + 0.002 * exact, "%g of %g: %g, not %g", share,
                        scale, got, exact);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_ends) {
    Histogram h;
    h.add(-5);
    fail_unless_equals_int64(h.percentile(1), 0);
    h.add(INT64_MAX);
    fail_unless_equals_int64(h.max(), Histogram::max_value);
    fail_unless_equals_int64(h.percentile(1), Histogram::max_value);
    fail_unless_equals_int64(h.percentile(0.5), 0);
    h.clear();
    fail_unless_equals_uint64(h.count(), 0);
    for (int i = 0; i < 3; ++i)
        h.add(150'000'000);
    // All values are equal: no rounding to the middle of a bucket.
    fail_unless_equals_int64(h.percentile(0.5), 150'000'000);
    fail_unless_equals_int64(h.jitter(), 0);
}
GST_END_TEST

static Suite *latency_histogram_suite() {
    Suite *s = suite_create("latency_histogram");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_empty);
    tcase_add_test(tc, test_like_sorting);
    tcase_add_test(tc, test_ends);
    return s;
}
GST_CHECK_MAIN(latency_histogram)
