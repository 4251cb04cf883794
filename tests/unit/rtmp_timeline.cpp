// SPDX-License-Identifier: LGPL-2.1-or-later
// The timeline of a path: progress to the millisecond, jumps and new producers right
// behind what was sent, and never a step back within a track.
#include "core/rtmp/timeline.h"

#include "check.hpp"

using penstock::rtmp::Timeline;

namespace {

struct Clocked {
    uint32_t audio(uint32_t timestamp) { return line.map(Timeline::audio, timestamp); }
    uint32_t video(uint32_t timestamp) { return line.map(Timeline::video, timestamp); }
    void restart() { line.restart(); }
    /// In steps that are no jumps.
    void run_video(uint32_t from, uint32_t to) {
        for (uint64_t t = from; t < to; t += 9000)
            fail_unless_equals_uint64(video(uint32_t(t)), t);
        fail_unless_equals_uint64(video(to), to);
    }
    Timeline line;
};

} // namespace

GST_START_TEST(test_begins_at_zero_and_keeps_progress) {
    Clocked c;
    c.restart();
    fail_unless_equals_uint64(c.video(123456), 0);
    // However the packets arrive.
    fail_unless_equals_uint64(c.video(123496), 40);
    fail_unless_equals_uint64(c.video(123497), 41);
    fail_unless_equals_uint64(c.video(123497), 41);
    fail_unless_equals_uint64(c.audio(123490), 34); // the other track may lag
    fail_unless_equals_uint64(c.video(132000), 8544);
    fail_unless_equals_uint64(c.line.last(Timeline::video), 8544);
    fail_unless_equals_uint64(c.line.last(Timeline::audio), 34);
}
GST_END_TEST

// Audio in front of the first keyframe that arrives behind it: 0, not the end of the 32 bits.
GST_START_TEST(test_second_track_begins_earlier) {
    Clocked c;
    fail_unless_equals_uint64(c.video(5000), 0);
    fail_unless_equals_uint64(c.audio(4977), 0);
    fail_unless_equals_uint64(c.audio(5000), 0);
    fail_unless_equals_uint64(c.audio(5023), 23);
    // A track that comes after a month has its own time.
    Clocked late;
    late.run_video(0, 0xA0000000);
    fail_unless_equals_uint64(late.audio(0xA0000000 - 20), 0xA0000000 - 20);
}
GST_END_TEST

GST_START_TEST(test_publisher_wraps) {
    Clocked c;
    uint32_t in = 0xFFFFFFFF - 100;
    for (uint32_t out = 0; out < 400; out += 20, in += 20) {
        fail_unless_equals_uint64(c.video(in), out);
        fail_unless_equals_uint64(c.audio(in), out);
    }
    Clocked exact;
    fail_unless_equals_uint64(exact.video(0xFFFFFFFF), 0);
    fail_unless_equals_uint64(exact.video(0), 1);
}
GST_END_TEST

// After 49.7 days the wire's own timestamps wrap, and a republish lands behind the wrap.
GST_START_TEST(test_wire_wraps) {
    Clocked c;
    c.run_video(0, 0xFFFFFF00);
    fail_unless_equals_uint64(c.video(0xFFFFFF90), 0xFFFFFF90);
    fail_unless_equals_uint64(c.video(0x10), 0x10);
    c.restart();
    fail_unless_equals_uint64(c.video(5), 0x10 + 40);
}
GST_END_TEST

GST_START_TEST(test_republish) {
    Clocked c;
    c.video(0);
    fail_unless_equals_uint64(c.video(1000), 1000);
    c.restart();
    fail_unless_equals_uint64(c.video(50), 1040);
    fail_unless_equals_uint64(c.audio(45), 1035);
    // A producer that goes on with its timestamps where another left off, or ahead of them, is a
    // new one still.
    c.restart();
    fail_unless_equals_uint64(c.video(80), 1080);
    c.restart();
    fail_unless_equals_uint64(c.audio(5000), 1120);
    fail_unless_equals_uint64(c.video(5040), 1160);
}
GST_END_TEST

// What is decoded next is shown after all that came before, however late that is shown.
GST_START_TEST(test_republish_behind_what_is_shown) {
    Clocked c;
    c.video(0);
    fail_unless_equals_uint64(c.line.map(Timeline::video, 40, 200), 40);
    fail_unless_equals_uint64(c.line.map(Timeline::video, 80, 40), 80);
    c.restart();
    fail_unless_equals_uint64(c.video(0), 280);
}
GST_END_TEST

GST_START_TEST(test_gaps) {
    Clocked c;
    c.video(0);
    // Up to ten seconds the publisher is believed.
    fail_unless_equals_uint64(c.video(9000), 9000);
    fail_unless_equals_uint64(c.video(2'000'000), 9040);
    fail_unless_equals_uint64(c.audio(2'000'010), 9050);
    fail_unless_equals_uint64(c.video(2'000'040), 9080);
}
GST_END_TEST

GST_START_TEST(test_jump_back) {
    for (const uint32_t far : {3'600'000u, 5000u, 1500u, 101u}) {
        Clocked c;
        c.video(far - 40);
        fail_unless_equals_uint64(c.video(far), 40);
        fail_unless_equals_uint64(c.video(0), 80);
        fail_unless_equals_uint64(c.video(40), 120);
    }
}
GST_END_TEST

// A publisher that loops a clip: both tracks jump, not at the same packet.
GST_START_TEST(test_tracks_jump_one_after_the_other) {
    for (const uint32_t clip : {1000u, 30000u}) {
        Clocked c;
        for (uint32_t lap = 0; lap < 5; ++lap)
            for (uint32_t t = 0; t < clip; t += 20) {
                // Each lap begins a step behind the last picture of the one before.
                const auto wall = int64_t(lap) * (clip + 20) + t;
                const int64_t v = c.video(t);
                fail_unless(std::abs(v - wall) <= 100, "%ld instead of %ld", long(v), long(wall));
                if (wall < 60) continue;
                // Audio is 60 ms late.
                const int64_t a = c.audio((t + clip - 60) % clip);
                fail_unless(std::abs(a - (wall - 60)) <= 100, "lap %u at %u: %ld instead of %ld",
                            lap, t, long(a), long(wall - 60));
            }
    }
}
GST_END_TEST

// Tracks with origins of their own, an hour apart.
GST_START_TEST(test_tracks_far_apart) {
    Clocked c;
    for (uint32_t t = 0; t < 5000; t += 20) {
        fail_unless_equals_uint64(c.video(t), t);
        const uint32_t a = c.audio(3'600'000 + t);
        fail_unless(a >= t && a <= t + 40, "%u at %u", a, t);
    }
}
GST_END_TEST

// A step back of a few milliseconds is sloppiness: nothing moves, nothing goes back.
GST_START_TEST(test_jitter) {
    Clocked c;
    c.audio(1000);
    fail_unless_equals_uint64(c.audio(1023), 23);
    fail_unless_equals_uint64(c.audio(1021), 23);
    fail_unless_equals_uint64(c.audio(1046), 46);
}
GST_END_TEST

// Whatever comes in, within a track nothing that comes out is before what came out.
GST_START_TEST(test_never_back_whatever_comes) {
    std::mt19937 random(11);
    Clocked c;
    uint32_t in[2] = {}, last[2] = {};
    for (int i = 0; i < 200000; ++i) {
        const auto track = static_cast<Timeline::Track>(random() % 2);
        switch (random() % 400) {
        case 0:
            c.restart();
            break;
        case 1:
            in[track] = random();
            break;
        case 2:
            in[track] -= random() % 5000;
            break;
        case 3:
            in[track] += random() % 20000;
            break;
        case 4:
            in[0] = in[1] = random();
            break;
        case 5:
            break;
        default:
            in[track] += random() % 50;
        }
        const uint32_t out = c.line.map(track, in[track]);
        fail_if(static_cast<int32_t>(out - last[track]) < 0, "step %d: %u after %u", i, out,
                last[track]);
        last[track] = out;
    }
}
GST_END_TEST

static Suite *rtmp_timeline_suite() {
    Suite *s = suite_create("rtmp_timeline");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_begins_at_zero_and_keeps_progress);
    tcase_add_test(tc, test_second_track_begins_earlier);
    tcase_add_test(tc, test_publisher_wraps);
    tcase_add_test(tc, test_wire_wraps);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_republish_behind_what_is_shown);
    tcase_add_test(tc, test_gaps);
    tcase_add_test(tc, test_jump_back);
    tcase_add_test(tc, test_tracks_jump_one_after_the_other);
    tcase_add_test(tc, test_tracks_far_apart);
    tcase_add_test(tc, test_jitter);
    tcase_add_test(tc, test_never_back_whatever_comes);
    return s;
}
GST_CHECK_MAIN(rtmp_timeline)
