// SPDX-License-Identifier: LGPL-2.1-or-later
// Which input is on air, second by second, without a clock: times are given.
#include "core/gop/failover.h"

#include "check.hpp"

#include <string>

using namespace penstock::gop;

namespace {

constexpr uint64_t ms = 1'000'000;
using Action = Failover::Action;

/// Inputs of 25 frames a second with a keyframe each second; tells who is on air.
struct Show {
    explicit Show(size_t inputs) : frames(inputs) {}

    /// One frame of each of these at the same moment, 40 ms after the last.
    void frame(const std::vector<size_t> &senders) {
        now += 40 * ms;
        for (const size_t i : senders)
            send(i, frames[i]++ % 25 == 0);
    }
    Action send(size_t i, bool key, bool audio = false) {
        const Action action = failover.media(i, {key, audio}, now);
        if (action >= Action::begin)
            began += std::to_string(i) + (action == Action::begin        ? " "
                                          : action == Action::begin_held ? "h "
                                                                         : "f ");
        return action;
    }
    /// Frames until `count` of them were sent by each.
    void run(const std::vector<size_t> &senders, int count) {
        for (int i = 0; i < count; ++i)
            frame(senders);
    }
    /// Delays an input's keyframes by so many frames.
    void shift(size_t i, unsigned by) { frames[i] = 25 - by; }
    void join(size_t i, unsigned rank) { failover.join(i, rank, now); }

    Failover failover;
    std::vector<unsigned> frames;
    std::string began; ///< inputs that came on air, in order; h: with what was held back, f: folded
    uint64_t now = 1'000'000 * ms;
};

} // namespace

// Inputs that nobody has heard of change nothing.
GST_START_TEST(test_unknown) {
    Show show(1);
    show.failover.leave(3);
    show.failover.set_tracks(2, {"hvc1", "mp4a"});
    show.failover.forget_held(7);
    show.failover.mark_failed(8);
    show.failover.set_busy(9, true, show.now);
    fail_unless(show.failover.media(5, {true, false}, show.now) == Action::hold);
    fail_if(show.failover.wants_key(20, show.now) || show.failover.has_inputs());
    show.join(2, 0);
    fail_unless(show.failover.is_fit(2), "it begins anew");
}
GST_END_TEST

// Alone, an input is on air at once, whatever comes first.
GST_START_TEST(test_alone) {
    Show show(2);
    show.join(1, 1);
    fail_unless(show.send(1, false, true) == Action::begin);
    fail_unless(show.send(1, false) == Action::pass);
    fail_unless_equals_uint64(*show.failover.active(), 1);
    show.failover.leave(1);
    fail_if(show.failover.active());
    fail_if(show.failover.has_inputs());
    show.join(1, 1);
    fail_unless(show.send(1, false) == Action::begin);
}
GST_END_TEST

// The backup is held back; when the primary leaves, it begins with its next keyframe, since what it
// holds began before the primary's last frame.
GST_START_TEST(test_primary_leaves) {
    Show show(2);
    show.join(0, 0);
    show.run({0}, 5);
    show.join(1, 1);
    show.run({0, 1}, 60);
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.failover.leave(0);
    fail_if(show.failover.active());
    show.run({1}, 14); // frames 60 to 73: keyframes are 50 and 75
    fail_if(show.failover.active());
    fail_unless(show.failover.wants_key(1, show.now));
    show.run({1}, 2);
    fail_unless_equals_string(show.began.c_str(), "0 1 ");
    fail_unless_equals_int(show.failover.switches(), 2);
}
GST_END_TEST

// The primary falls silent: a GOP that began since then is played from its keyframe on.
GST_START_TEST(test_primary_is_silent) {
    Show show(2);
    show.failover.set_settings({.timeout = 500 * ms});
    show.join(0, 0);
    show.join(1, 1);
    show.shift(1, 6);
    show.run({0, 1}, 1);
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.run({1}, 12); // 480 ms; its keyframe came after 240
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.run({1}, 1);
    fail_unless_equals_string(show.began.c_str(), "0 1h ");
    // It leaves when it has been silent, and a GOP begun since then is there.
    Show other(2);
    other.join(0, 0);
    other.join(1, 1);
    other.shift(1, 6);
    other.run({0, 1}, 1);
    other.run({1}, 12);
    other.failover.leave(0);
    other.run({1}, 1);
    fail_unless_equals_string(other.began.c_str(), "0 1h ");
}
GST_END_TEST

// The same, where it can be folded: no wait for a keyframe. It takes an input that has failed; one
// that is on air is followed with a keyframe.
GST_START_TEST(test_folding) {
    Show show(2);
    show.join(0, 0);
    show.join(1, 1);
    for (const size_t i : {0, 1})
        show.failover.set_folding(i, true);
    show.run({0, 1}, 10);
    show.failover.leave(0);
    show.run({1}, 1);
    fail_unless_equals_string(show.began.c_str(), "0 1f ");
    show.join(0, 0);
    show.failover.set_folding(0, true);
    show.frames[0] = 20;
    show.run({0, 1}, 5);
    fail_unless_equals_string(show.began.c_str(), "0 1f ");
    show.run({0, 1}, 1);
    fail_unless_equals_string(show.began.c_str(), "0 1f 0 ");
}
GST_END_TEST

// Held back, but older than the last frame on air: not used, since it would be shown again.
GST_START_TEST(test_old_gop_is_not_used) {
    Show show(2);
    show.failover.set_settings({.timeout = 200 * ms});
    show.join(0, 0);
    show.join(1, 1);
    show.run({0, 1}, 10); // the backup's keyframe is at 40 ms
    show.run({1}, 12);    // silent for 480 ms
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.run({1}, 4); // its next is at 1040 ms
    fail_unless_equals_string(show.began.c_str(), "0 1 ");
    // And one that the caller could not keep.
    Show lost(2);
    lost.failover.set_settings({.timeout = 500 * ms});
    lost.join(0, 0);
    lost.join(1, 1);
    lost.shift(1, 6);
    lost.run({0, 1}, 1);
    lost.run({1}, 8);
    lost.failover.forget_held(1);
    lost.run({1}, 10);
    fail_unless_equals_string(lost.began.c_str(), "0 ");
}
GST_END_TEST

// The primary is back: on air again with a keyframe, after it has been steady.
GST_START_TEST(test_primary_returns) {
    Show show(2);
    show.failover.set_settings({.timeout = 500 * ms, .return_after = 2'000 * ms});
    show.join(1, 1);
    show.run({1}, 30);
    show.join(0, 0);
    show.run({0, 1}, 51); // keyframes at 0, 1, 2 s: the third is the first after 2 s
    fail_unless_equals_string(show.began.c_str(), "1 0 ");
    // A pause begins the wait anew.
    show.failover.leave(0);
    show.run({1}, 30);
    show.join(0, 0);
    show.frames[0] = 0;
    show.run({0, 1}, 26);
    show.run({1}, 26);
    show.run({0, 1}, 48);
    fail_unless_equals_string(show.began.c_str(), "1 0 1 ");
    show.run({0, 1}, 30);
    fail_unless_equals_string(show.began.c_str(), "1 0 1 0 ");
}
GST_END_TEST

// Two without ranks: the one on air stays.
GST_START_TEST(test_equals) {
    Show show(2);
    show.join(0, 0);
    show.run({0}, 5);
    show.join(1, 0);
    show.run({0, 1}, 5);
    show.failover.leave(0);
    show.run({1}, 30);
    show.join(0, 0);
    show.run({0, 1}, 100);
    fail_unless_equals_string(show.began.c_str(), "0 1 ");
}
GST_END_TEST

// Primary, backup, slate: the best that sends, and the slate only while both are gone.
GST_START_TEST(test_slate) {
    Show show(3);
    for (size_t i = 0; i < 3; ++i)
        show.join(i, unsigned(i));
    show.run({2}, 50); // for 2 s it may be that the others only begin
    fail_unless_equals_string(show.began.c_str(), "");
    show.run({2}, 26);
    fail_unless_equals_string(show.began.c_str(), "2 ");
    show.run({0, 1, 2}, 30);
    fail_unless_equals_string(show.began.c_str(), "2 0 ");
    show.failover.leave(0);
    show.run({1, 2}, 60);
    fail_unless_equals_string(show.began.c_str(), "2 0 1 ");
    show.failover.leave(1);
    show.run({2}, 60);
    fail_unless_equals_string(show.began.c_str(), "2 0 1 2 ");
    show.join(1, 1);
    show.frames[1] = 0;
    show.run({1, 2}, 3);
    fail_unless_equals_string(show.began.c_str(), "2 0 1 2 1 ");
}
GST_END_TEST

// A slate with other tracks is no help; a primary with other tracks is what it is.
GST_START_TEST(test_fit) {
    Show show(2);
    show.join(0, 0);
    show.run({0}, 5);
    show.join(1, 1);
    show.failover.set_tracks(1, {"hvc1", "mp4a"});
    show.run({0, 1}, 30);
    show.failover.set_settings({.timeout = 100 * ms});
    show.run({1}, 60);
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.failover.set_tracks(1, {});
    show.run({1}, 26);
    show.failover.set_tracks(0, {"hvc1", "mp4a"});
    show.run({0, 1}, 26);
    fail_unless_equals_string(show.began.c_str(), "0 1h 0 ");
    // Even if the worse one has failed by then.
    show.failover.leave(0);
    show.run({1}, 26);
    show.join(0, 0);
    show.failover.set_tracks(0, {"hvc1", "mp4a"});
    show.frames[0] = 20;
    show.run({0}, 10);
    fail_unless_equals_string(show.began.c_str(), "0 1h 0 1 0 ");
}
GST_END_TEST

// The input on air says what the stream has, as it becomes known, and the one after it.
GST_START_TEST(test_tracks) {
    Show show(2);
    Failover &failover = show.failover;
    const Tracks both{"avc1", "mp4a"}, silent{"avc1", ""};
    show.join(1, 1);
    failover.set_tracks(1, both);
    fail_unless(failover.is_fit(1));
    show.join(0, 0);
    failover.set_tracks(0, silent);
    show.run({0}, 1);
    fail_unless(failover.is_fit(0) && !failover.is_fit(1));
    fail_unless(failover.stream_tracks() == silent);
    fail_if(failover.warns_of_misfit(1) || failover.warns_of_misfit(1));
    fail_unless(failover.warns_of_misfit(1));
    fail_if(failover.warns_of_misfit(1), "it is said once");
    failover.set_tracks(0, both);
    fail_unless(failover.is_fit(1));
    failover.leave(0);
    show.run({1}, 1);
    failover.set_tracks(1, silent);
    show.join(0, 0);
    failover.set_tracks(0, both);
    fail_if(failover.is_fit(0));
    failover.leave(1);
    fail_if(failover.is_fit(0), "the stream goes on");
    failover.forget_stream();
    fail_unless(failover.is_fit(0));
    fail_unless_equals_string(both.text().c_str(), "avc1 with mp4a");
    fail_unless_equals_string(silent.text().c_str(), "avc1 alone");
    fail_unless_equals_string(Tracks().text().c_str(), "nothing");
}
GST_END_TEST

// Of two that don't fit the best goes on air, once no other has joined.
GST_START_TEST(test_none_fits) {
    Show show(3);
    for (size_t i = 0; i < 3; ++i)
        show.join(i, unsigned(i));
    show.run({0}, 5);
    show.failover.set_tracks(1, {"hvc1", "mp4a"});
    show.failover.set_tracks(2, {"hvc1", "mp4a"});
    show.run({0, 1, 2}, 60);
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.failover.leave(0);
    show.run({1, 2}, 26);
    fail_unless_equals_string(show.began.c_str(), "0 1 ");
}
GST_END_TEST

// Video that stops while audio goes on is a failure; audio alone is a stream.
GST_START_TEST(test_audio) {
    Show show(2);
    show.failover.set_settings({.timeout = 500 * ms});
    show.join(0, 0);
    show.join(1, 1);
    show.run({0, 1}, 10);
    for (int i = 0; i < 30; ++i) {
        show.frame({1});
        show.send(0, true, true);
    }
    fail_unless_equals_string(show.began.c_str(), "0 1 ");
    Show radio(2);
    radio.failover.set_settings({.timeout = 500 * ms});
    radio.join(0, 0);
    radio.join(1, 1);
    for (int i = 0; i < 100; ++i) {
        radio.now += 40 * ms;
        if (i < 50) radio.send(0, true, true);
        radio.send(1, true, true);
    }
    // The first waits a second for video, since another one is there.
    fail_unless_equals_string(radio.began.c_str(), "0 1 ");
}
GST_END_TEST

// An input that is made to wait has not failed.
GST_START_TEST(test_busy) {
    Show show(2);
    show.failover.set_settings({.timeout = 500 * ms});
    show.join(0, 0);
    show.join(1, 1);
    show.run({0, 1}, 10);
    show.failover.set_busy(0, true, show.now);
    show.run({1}, 100);
    show.failover.set_busy(0, false, show.now);
    show.run({1}, 10);
    fail_unless_equals_string(show.began.c_str(), "0 ");
    show.run({1}, 30);
    fail_unless_equals_string(show.began.c_str(), "0 1h ");
}
GST_END_TEST

// A thread reads its clock, waits for a lock, and comes behind one that read it later: nobody
// fails.
GST_START_TEST(test_time_of_a_late_thread) {
    Show show(2);
    show.failover.set_settings({.timeout = 500 * ms, .return_after = 500 * ms});
    show.join(1, 1);
    show.run({1}, 20);
    show.now -= 10 * ms;
    show.join(0, 0);
    show.send(0, true);
    fail_unless_equals_string(show.began.c_str(), "1 ");
    show.now += 60 * ms;
    show.send(0, false);
    show.now -= 100 * ms; // before its first media
    show.send(0, true);
    fail_unless_equals_string(show.began.c_str(), "1 ");
    show.now += 100 * ms;
    show.run({0, 1}, 30);
    fail_unless_equals_string(show.began.c_str(), "1 0 ");
    show.now -= 10 * ms;
    show.send(1, true);
    fail_unless_equals_string(show.began.c_str(), "1 0 ");
    HeldGop<int> held({.bytes = 100, .items = 5, .duration = 1'000});
    fail_unless(held.push(1, 1, true, 500) && held.push(2, 1, false, 400));
    fail_unless_equals_int(int(held.take().size()), 2);
}
GST_END_TEST

GST_START_TEST(test_held_gop) {
    HeldGop<int> held({.bytes = 100, .items = 5, .duration = 1'000});
    fail_unless(held.push(1, 10, false, 0)); // without a keyframe nothing is kept
    fail_unless(held.take().empty());
    fail_unless(held.push(1, 10, true, 0) && held.push(2, 10, false, 1) &&
                held.push(3, 10, true, 2));
    fail_unless_equals_uint64(held.bytes(), 10);
    fail_unless(held.push(4, 10, false, 3));
    const std::vector<int> items = held.take();
    fail_unless(items == std::vector<int>({3, 4}));
    fail_unless(held.take().empty());
    fail_unless(held.push(1, 60, true, 0));
    fail_if(held.push(2, 60, false, 1)); // bytes
    fail_unless(held.push(3, 1, false, 2) && held.take().empty());
    fail_unless(held.push(1, 1, true, 0));
    fail_if(held.push(2, 1, false, 1'001)); // age
    for (int i = 0; i < 5; ++i)
        fail_unless(held.push(i, 1, i == 0, 0));
    fail_if(held.push(5, 1, false, 0)); // number
}
GST_END_TEST

static Suite *failover_suite() {
    Suite *s = suite_create("failover");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_unknown);
    tcase_add_test(tc, test_alone);
    tcase_add_test(tc, test_primary_leaves);
    tcase_add_test(tc, test_primary_is_silent);
    tcase_add_test(tc, test_folding);
    tcase_add_test(tc, test_old_gop_is_not_used);
    tcase_add_test(tc, test_primary_returns);
    tcase_add_test(tc, test_equals);
    tcase_add_test(tc, test_slate);
    tcase_add_test(tc, test_fit);
    tcase_add_test(tc, test_tracks);
    tcase_add_test(tc, test_none_fits);
    tcase_add_test(tc, test_audio);
    tcase_add_test(tc, test_busy);
    tcase_add_test(tc, test_time_of_a_late_thread);
    tcase_add_test(tc, test_held_gop);
    return s;
}
GST_CHECK_MAIN(failover)
