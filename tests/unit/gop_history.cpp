// SPDX-License-Identifier: LGPL-2.1-or-later
// The GOP history: join positions, limits, and unique sequence numbers.
#include "core/gop/history.h"

#include "check.hpp"

using penstock::gop::History;
using penstock::gop::Limits;

namespace {

constexpr uint64_t ms = 1'000'000;

/// Pushes "K" and "d" 40 ms apart, 100 bytes each.
struct Stream {
    explicit Stream(Limits limits = {}) : history(limits) {}
    void push(const std::string &frames) {
        for (char c : frames) {
            history.push(c, 100, time, c == 'K');
            time += 40 * ms;
        }
    }
    /// The items that a reader gets if it joins now.
    std::string joined() const {
        std::string text;
        if (const auto join = history.oldest_join())
            for (uint64_t i = *join; i < history.end(); ++i)
                text += history.at(i);
        return text;
    }
    std::string held() const {
        std::string text;
        for (uint64_t i = history.begin(); i < history.end(); ++i)
            text += history.at(i);
        return text;
    }
    History<char> history;
    uint64_t time = 0;
};

void expect(const std::string &got, const std::string &wanted) {
    fail_unless_equals_string(got.c_str(), wanted.c_str());
}

} // namespace

GST_START_TEST(test_join) {
    Stream s;
    fail_if(s.history.oldest_join());
    s.push("dd");
    fail_if(s.history.oldest_join());
    s.push("Kdd");
    expect(s.joined(), "Kdd");
    s.push("Kd");
    expect(s.joined(), "Kd");
    fail_unless_equals_uint64(s.history.bytes(), 200);
    fail_unless_equals_int(s.history.gops(), 1);
    fail_unless_equals_uint64(*s.history.newest_join(), 5);
}
GST_END_TEST

GST_START_TEST(test_several_gops) {
    Stream s({.gops = 3});
    s.push("KdKddKdKdd");
    expect(s.joined(), "KddKdKdd");
    fail_unless_equals_int(s.history.gops(), 3);
    fail_unless(*s.history.newest_join() > *s.history.oldest_join());
    // A lower limit takes effect at the next keyframe.
    s.history.set_limits({.gops = 1});
    s.push("dK");
    expect(s.joined(), "K");
    // 0 counts as 1: the GOP that is growing.
    s.history.set_limits({.gops = 0});
    s.push("dKd");
    expect(s.joined(), "Kd");
    Stream zero({.gops = 0});
    zero.push("dKdKd");
    expect(zero.joined(), "Kd");
}
GST_END_TEST

GST_START_TEST(test_sequence_numbers_never_repeat) {
    History<int> history({.gops = 1, .items = 7});
    std::mt19937 random(7);
    uint64_t next = 0;
    for (int i = 0; i < 10000; ++i) {
        if (random() % 50 == 0) history.clear();
        if (random() % 70 == 0) history.forget_joins();
        fail_unless_equals_uint64(history.push(i, 10, i, random() % 5 == 0), next);
        ++next;
        fail_unless_equals_uint64(history.end(), next);
        fail_unless(history.size() <= 7);
        fail_unless_equals_uint64(history.bytes(), history.size() * 10);
        fail_unless(history.holds(next - 1));
        fail_if(history.holds(next));
        fail_unless_equals_int(history.at(next - 1), i);
        for (uint64_t j = history.begin(); j < history.end(); ++j)
            fail_unless_equals_int(history.at(j), int(j));
        if (const auto join = history.oldest_join()) fail_unless(history.holds(*join));
    }
}
GST_END_TEST

GST_START_TEST(test_bounds_give_up_whole_gops) {
    Stream bytes({.gops = 3, .bytes = 700});
    bytes.push("KddKdd");
    expect(bytes.joined(), "KddKdd");
    bytes.push("Kd");
    expect(bytes.joined(), "KddKd");
    // A GOP over the bound: readers join at the next one, and readers that are up to date continue.
    bytes.push("dddddd");
    fail_if(bytes.history.oldest_join());
    fail_unless(bytes.history.bytes() <= 700);
    fail_unless(bytes.history.holds(bytes.history.end() - 1));
    bytes.push("dKd");
    expect(bytes.joined(), "Kd");

    Stream items({.gops = 3, .items = 4});
    items.push("KddKdd");
    expect(items.joined(), "Kdd");

    Stream time({.gops = 3, .duration = 200 * ms});
    time.push("KddKdd");
    expect(time.joined(), "KddKdd");
    time.push("d");
    expect(time.joined(), "Kddd");
    time.push("ddd");
    fail_if(time.history.oldest_join());

    // A single item over the bound is kept, but is no join position.
    History<char> one({.bytes = 10});
    one.push('K', 11, 0, true);
    fail_if(one.oldest_join());
    fail_unless_equals_uint64(one.size(), 1);
    one.push('K', 5, 1, true);
    fail_unless(one.oldest_join().has_value());
}
GST_END_TEST

GST_START_TEST(test_time_that_jumps) {
    History<int> history({.gops = 2, .duration = 1000 * ms});
    history.push(0, 1, 5000 * ms, true);
    history.push(1, 1, 100 * ms, false); // backwards: no bound is broken
    fail_unless_equals_uint64(*history.oldest_join(), 0);
    history.push(2, 1, 900'000 * ms, false); // far ahead: forgotten
    fail_if(history.oldest_join());
    history.push(3, 1, 900'040 * ms, true);
    fail_unless_equals_uint64(*history.oldest_join(), 3);
}
GST_END_TEST

GST_START_TEST(test_audio_only) {
    Stream s;
    s.push("KKKK");
    expect(s.joined(), "K");
}
GST_END_TEST

GST_START_TEST(test_clear_and_forget_joins) {
    Stream s({.gops = 1, .keep = 1000 * ms});
    s.push("Kdd");
    const uint64_t reader = s.history.end() - 1;
    s.history.forget_joins();
    fail_if(s.history.oldest_join());
    fail_unless(s.history.holds(reader));
    s.push("dKd");
    expect(s.joined(), "Kd");
    fail_unless(s.history.holds(reader));
    s.history.clear();
    fail_unless(s.history.empty());
    fail_unless_equals_uint64(s.history.bytes(), 0);
    fail_unless_equals_uint64(s.history.end(), 6);
    fail_if(s.history.oldest_join());
}
GST_END_TEST

// A reader that lags by a few items when a GOP begins loses nothing; a reader that joins gets no
// more GOPs than wanted.
GST_START_TEST(test_keep_for_lagging_readers) {
    Stream s({.gops = 1, .keep = 100 * ms});
    s.push("KddddK");
    expect(s.joined(), "K");
    expect(s.held(), "ddK");
    s.push("d");
    expect(s.held(), "dKd");
    s.push("ddd");
    expect(s.held(), "Kdddd");
    expect(s.joined(), "Kdddd");
    // Items that are kept only for lagging readers go first when a bound is exceeded.
    Stream tight({.gops = 1, .items = 4, .keep = 1000 * ms});
    tight.push("KdK");
    expect(tight.held(), "KdK");
    tight.push("dd");
    expect(tight.held(), "Kdd");
    expect(tight.joined(), "Kdd");
}
GST_END_TEST

static Suite *gop_history_suite() {
    Suite *s = suite_create("gop_history");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_join);
    tcase_add_test(tc, test_several_gops);
    tcase_add_test(tc, test_sequence_numbers_never_repeat);
    tcase_add_test(tc, test_bounds_give_up_whole_gops);
    tcase_add_test(tc, test_time_that_jumps);
    tcase_add_test(tc, test_audio_only);
    tcase_add_test(tc, test_clear_and_forget_joins);
    tcase_add_test(tc, test_keep_for_lagging_readers);
    return s;
}
GST_CHECK_MAIN(gop_history)
