// SPDX-License-Identifier: LGPL-2.1-or-later
// Who speaks: levels of samples, and the choice of the loudest, which has inertia; times are given.
#include "core/layout/loudest.h"

#include "check.hpp"

using namespace penstock::layout;

namespace {

constexpr int64_t ms = 1'000'000;

/// Three participants, one look each 20 ms.
struct Room {
    Loudest loudest;
    int64_t now = 50'000 * ms;
    std::map<uint32_t, double> levels{{1, silence}, {2, silence}, {3, silence}};

    std::optional<uint32_t> run(int64_t duration) {
        std::optional<uint32_t> speaker;
        for (const int64_t end = now + duration; now < end; now += 20 * ms) {
            std::vector<Loudest::Level> all;
            for (const auto &[id, level] : levels)
                all.push_back({id, level});
            speaker = loudest.step(now, all);
        }
        return speaker;
    }
};

} // namespace

GST_START_TEST(test_level) {
    std::vector<int16_t> samples(480, 0);
    fail_unless(level_of(samples.data(), samples.size()) == silence);
    fail_unless(level_of(nullptr, 0) == silence);
    for (size_t i = 0; i < samples.size(); ++i)
        samples[i] = i % 2 ? -32768 : 32767;
    fail_unless(std::abs(level_of(samples.data(), samples.size())) < 0.01);
    for (size_t i = 0; i < samples.size(); ++i)
        samples[i] = i % 2 ? -328 : 328; // a hundredth
    fail_unless(std::abs(level_of(samples.data(), samples.size()) + 40) < 0.1);
}
GST_END_TEST

GST_START_TEST(test_takes_over) {
    Room room;
    fail_if(room.run(3000 * ms).has_value());
    room.levels[2] = -25;
    fail_unless(room.run(500 * ms) == 2u);
    // Not while the first one has just begun; then it is the other's turn.
    room.levels[2] = silence;
    room.levels[3] = -25;
    fail_unless(room.run(1000 * ms) == 2u);
    fail_unless(room.run(2000 * ms) == 3u);
    // The last one stays in silence.
    room.levels[3] = silence;
    fail_unless(room.run(60'000 * ms) == 3u);
}
GST_END_TEST

GST_START_TEST(test_inertia) {
    Room room;
    room.levels[1] = -25;
    fail_unless(room.run(5000 * ms) == 1u);
    // A cough, which is short; noise, which is not loud; somebody who is as loud.
    room.levels[2] = -5;
    fail_unless(room.run(200 * ms) == 1u);
    room.levels[2] = silence;
    fail_unless(room.run(10'000 * ms) == 1u);
    room.levels[1] = silence;
    room.levels[2] = -55;
    fail_unless(room.run(10'000 * ms) == 1u);
    room.levels[1] = -25;
    room.levels[2] = -21;
    fail_unless(room.run(10'000 * ms) == 1u);
    room.levels[2] = -10;
    fail_unless(room.run(3000 * ms) == 2u);
}
GST_END_TEST

// Who speaks leaves: another one does at once, or nobody.
GST_START_TEST(test_leaves) {
    Room room;
    room.levels[1] = -20;
    room.levels[2] = -30;
    fail_unless(room.run(3000 * ms) == 1u);
    room.levels.erase(1);
    fail_unless(room.run(40 * ms) == 2u);
    room.levels.clear();
    fail_if(room.run(40 * ms).has_value());
}
GST_END_TEST

static Suite *layout_loudest_suite() {
    Suite *suite = suite_create("layout_loudest");
    TCase *tests = tcase_create("speakers");
    tcase_add_test(tests, test_level);
    tcase_add_test(tests, test_takes_over);
    tcase_add_test(tests, test_inertia);
    tcase_add_test(tests, test_leaves);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(layout_loudest)
