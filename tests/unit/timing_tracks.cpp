// SPDX-License-Identifier: LGPL-2.1-or-later
// Repair of streams that belong together: jumps, holes, skew and drift on one timeline.
#include "timing_rig.hpp"

using namespace timing_rig;

// Not a nanosecond of a healthy stream changes, wherever it begins, with B-frames or without.

// Variable frame rates: whatever is apart by less than max-gap.

// The wraps of all clocks, both tracks one after the other, and late frames from before it.

// A sender that starts anew: both tracks go on, as far apart as they were.

GST_START_TEST(test_jump_back) {
    for (const bool audio_first : {false, true}) {
        Rig rig;
        rig.run(0, 10 * sec);
        const auto jump = [&](bool audio) { return audio ? rig.a(3 * ms) : rig.v(0); };
        const int64_t leading = jump(audio_first), following = jump(!audio_first);
        const int64_t v = audio_first ? following : leading;
        const int64_t a = audio_first ? leading : following;
        fail_unless_equals_int64(a - v, 3 * ms);
        fail_unless(v >= 10 * sec - 5 * ms && v <= 10 * sec + frame, "%ld", long(v / ms));
        fail_unless_equals_int64(rig.v(frame), v + frame);
        fail_unless_equals_uint64(rig.count(Trouble::jump), 1);
    }
}
GST_END_TEST

// In the middle of a GOP the frames behind a jump are displayed among those in front of it.

// The frame behind a jump is discontinuous with gap=mark only.

GST_START_TEST(test_jump_is_marked) {
    for (const Gap gap : {Gap::mark, Gap::close}) {
        Limits limits;
        limits.gap = gap;
        Rig rig(true, limits);
        rig.run(hour, hour + 2 * sec);
        const Repaired v = rig.put(0, {0, 0, frame}), a = rig.put(1, {{}, 0, audio_frame});
        fail_unless(v.discont == (gap == Gap::mark) && a.discont == v.discont);
        fail_unless(!v.hole_from && !a.hole_from);
    }
}
GST_END_TEST

// A clip that is played again and again, audio 60 ms late.

GST_START_TEST(test_loop) {
    Rig rig;
    const int64_t clip = 4 * sec;
    for (int64_t t = 0; t < 20 * sec; t += audio_frame) {
        if (t % frame == 0) {
            const int64_t v = rig.v(t % clip);
            fail_unless(std::abs(v - t) <= 100 * ms, "%ld at %ld", long(v / ms), long(t / ms));
        }
        if (t < 60 * ms) continue;
        const int64_t a = rig.a((t - 60 * ms) % clip);
        fail_unless(std::abs(a - (t - 60 * ms)) <= 100 * ms, "%ld at %ld", long(a / ms),
                    long(t / ms));
    }
}
GST_END_TEST

// A hole in both tracks is closed or marked, whichever has it first.

GST_START_TEST(test_hole_in_all) {
    for (const bool audio_first : {false, true}) {
        Rig rig(true, closing());
        rig.run(0, 10 * sec);
        if (audio_first) rig.a(15 * sec);
        const int64_t v = rig.v(15 * sec);
        const int64_t a = rig.a(15 * sec + audio_frame);
        fail_unless(v <= 10 * sec + frame, "%ld", long(v / ms));
        fail_unless_equals_int64(a - v, audio_frame);
        fail_unless_equals_int64(rig.v(15 * sec + frame), v + frame);
    }
    Rig rig;
    rig.run(0, 10 * sec);
    const Repaired v = rig.put(0, {15 * sec, 15 * sec, frame});
    const Repaired a = rig.put(1, {{}, 15 * sec, audio_frame});
    fail_unless_equals_int64(*v.stamps.dts, 15 * sec);
    fail_unless_equals_int64(*a.stamps.pts, 15 * sec);
    fail_unless(v.discont && a.discont);
    fail_unless_equals_int64(*v.hole_from, 10 * sec);
    fail_unless_equals_int64(*a.hole_from, 10 * sec);
    fail_unless_equals_uint64(rig.count(Trouble::gap), 2);
    // Above max-jump it is one.
    fail_unless(rig.v(200 * sec) < 16 * sec);
}
GST_END_TEST

// A hole in one track that the other passes through is none of the timeline.

GST_START_TEST(test_hole_in_one) {
    for (const Gap gap : {Gap::mark, Gap::close}) {
        Limits limits;
        limits.gap = gap;
        Rig rig(true, limits);
        rig.run(0, 5 * sec);
        for (int64_t t = 5 * sec; t < 105 * sec; t += frame)
            fail_unless_equals_int64(rig.v(t), t);
        const Repaired out = rig.put(1, {{}, 105 * sec, audio_frame});
        fail_unless_equals_int64(*out.stamps.pts, 105 * sec);
        fail_unless(out.discont && out.hole_from == 5 * sec);
    }
}
GST_END_TEST

// In front of separate threads nothing tells what is simultaneous: tracks stay synchronous.

GST_START_TEST(test_hole_behind_queues) {
    Rig rig(true, closing());
    rig.run(0, 5 * sec);
    const auto put = [&](size_t track, int64_t t) {
        return *rig.put(track, {t, t, frame}, {}, 7 + track).stamps.pts;
    };
    put(0, 5 * sec);
    fail_unless_equals_int64(put(1, 12 * sec), 12 * sec);
    fail_unless_equals_int64(put(0, 5 * sec + frame), 5 * sec + frame);
}
GST_END_TEST

// In a live stream the clock tells pauses from jumps, and time does not get ahead of it.

GST_START_TEST(test_live) {
    for (const Gap gap : {Gap::mark, Gap::close}) {
        Limits limits;
        limits.gap = gap;
        Rig rig(false, limits);
        const int64_t start = 500 * sec;
        for (int64_t t = 0; t <= 2 * sec; t += frame)
            rig.v(t, start + t);
        // Stills that come when they say.
        fail_unless_equals_int64(rig.v(14 * sec, start + 14 * sec), 14 * sec);
        fail_unless_equals_int64(rig.v(90 * sec, start + 90 * sec), 90 * sec);
        // The same at once is a jump.
        fail_unless_equals_int64(rig.v(150 * sec, start + 90 * sec + frame), 90 * sec + frame);
        // So is a restart after a pause, which stays.
        fail_unless_equals_int64(rig.v(0, start + 100 * sec), 100 * sec);
        fail_unless_equals_int64(rig.v(frame, start + 100 * sec + frame), 100 * sec + frame);
    }
    std::mt19937_64 random(5);
    Rig wild;
    wild.v(0, -frame);
    for (int64_t t = 0; t < 20 * sec; t += audio_frame) {
        if (t % frame == 0) wild.v(int64_t(random() % uint64_t(hour)), t);
        wild.a(int64_t(random() % uint64_t(hour)), t);
    }
    fail_unless(*wild.last[0] < 22 * sec && *wild.last[1] < 22 * sec, "%ld and %ld ms",
                long(*wild.last[0] / ms), long(*wild.last[1] / ms));
}
GST_END_TEST

// Tracks whose clocks have nothing in common are put beside one another; up to max-skew they are

// believed, and so is a track that comes late with the other's timestamps.

GST_START_TEST(test_skew) {
    for (const int64_t skew : {-hour, -5 * sec, 3 * sec, hour}) {
        Rig rig;
        rig.run(2 * hour, 2 * hour + 4 * sec, 0, skew);
        fail_unless(std::abs(*rig.last[1] - *rig.last[0]) <= frame);
        fail_unless_equals_uint64(rig.count(Trouble::skew), 1);
        fail_unless_equals_uint64(rig.notes.size(), 1);
        // It stays so over a jump.
        rig.run(0, 2 * sec, 0, skew + 2 * hour - 2 * hour);
        fail_unless(std::abs(*rig.last[1] - *rig.last[0]) <= 100 * ms, "%ld",
                    long((*rig.last[1] - *rig.last[0]) / ms));
    }
    for (const int64_t skew : {-2 * sec, -300 * ms, 300 * ms, 2 * sec}) {
        Rig rig;
        rig.run(hour, hour + 4 * sec, 0, skew);
        fail_unless_equals_int64(*rig.last[1] - *rig.last[0], audio_frame + skew);
        fail_unless(rig.notes.empty());
    }
    Rig late;
    for (int64_t t = 0; t < 8 * sec; t += audio_frame)
        late.a(t);
    fail_unless_equals_int64(late.v(0), 0);
    fail_unless_equals_int64(late.a(8 * sec), 8 * sec);
}
GST_END_TEST

// Steps back within max-backward, and equal times.

// Composition offsets below 0: all frames are decoded earlier, none is displayed later.

// Decoding times of streams that have none.

// Frames without any time are counted, without rounding; durations are filled in.

namespace {

/// Video whose clock runs fast by `ppm`, for `length`.
void drift(Rig &rig, int64_t length, int64_t ppm, bool live) {
    int64_t next_video = 0, next_audio = 0;
    for (int64_t now = 0; now < length; now += 5 * ms) {
        const auto arrival = live ? std::optional<int64_t>(now) : std::nullopt;
        if (now >= next_video) {
            rig.v(next_video + next_video / 1'000'000 * ppm, arrival);
            next_video += frame;
        }
        if (now >= next_audio) {
            rig.a(next_audio, arrival);
            next_audio += audio_frame;
        }
    }
}

} // namespace

// Drift is bounded: it is taken out in small parts, and told.

GST_START_TEST(test_drift) {
    for (const bool live : {false, true})
        for (const int64_t ppm : {-3000, 3000}) {
            Limits limits;
            limits.max_drift = 200 * ms;
            Rig rig(true, limits);
            drift(rig, 600 * sec, ppm, live);
            const int64_t apart = *rig.last[0] - *rig.last[1];
            fail_unless(std::abs(apart) < 300 * ms, "%ld ms", long(apart / ms));
            fail_unless(rig.count(Trouble::drift) >= 1);
            fail_unless_equals_uint64(rig.count(Trouble::drift), rig.notes.size());
        }
    // 0: it is only measured.
    Limits limits;
    limits.max_drift = 0;
    Rig rig(true, limits);
    drift(rig, 200 * sec, 3000, true);
    fail_unless(std::abs(rig.stats(0).drift - 550 * ms) < 40 * ms, "%ld",
                long(rig.stats(0).drift / ms));
    fail_unless(*rig.last[0] - *rig.last[1] > 550 * ms);
}
GST_END_TEST

// Neither a constant lead nor chunks of either track are drift.

GST_START_TEST(test_no_drift) {
    Limits limits;
    limits.max_drift = 100 * ms;
    Rig rig(true, limits);
    for (int64_t t = 0; t < 120 * sec; t += sec) {
        for (int64_t v = t; v < t + sec; v += frame)
            fail_unless_equals_int64(rig.v(v + 700 * ms), v + 700 * ms);
        for (int64_t a = t; a < t + sec; a += audio_frame)
            fail_unless_equals_int64(rig.a(a), a);
    }
    fail_unless(rig.notes.empty());
}
GST_END_TEST

// Gap events are progress; far from their stream they are left out.

GST_START_TEST(test_gap_events) {
    Rig rig;
    rig.v(0);
    // Audio that begins with a gap is synchronous with what follows.
    fail_unless(rig.repair.gap(rig.tracks[1], 0, 3 * sec, {{}, 1}) == 0);
    for (int64_t t = frame; t < 2 * sec; t += frame)
        rig.v(t);
    fail_unless_equals_int64(rig.a(3 * sec), 3 * sec);
    fail_unless(rig.notes.empty());
    fail_unless(!rig.repair.gap(rig.tracks[1], hour, hour + sec, {{}, 1}));
    fail_unless(!rig.repair.gap(rig.tracks[1], 0, sec, {{}, 1}));
    const auto gap = rig.repair.gap(rig.tracks[1], 3 * sec + audio_frame, 9 * sec, {{}, 1});
    fail_unless(gap == 3 * sec + audio_frame);
    fail_unless_equals_int64(rig.a(9 * sec), 9 * sec);
}
GST_END_TEST

// Subtitles pause, and follow a jump.

GST_START_TEST(test_sparse) {
    Rig rig(true, closing());
    Format format;
    format.media = Media::sparse;
    const size_t text = rig.repair.add_track();
    rig.repair.set_format(text, format);
    const auto put = [&](int64_t t) {
        return *rig.repair.frame(text, {{}, t, sec}, {{}, 1}).stamps.pts;
    };
    rig.run(0, 30 * sec);
    fail_unless_equals_int64(put(sec), sec);
    fail_unless_equals_int64(put(29 * sec), 29 * sec);
    rig.run(0, 2 * sec);
    const int64_t moved = put(sec);
    fail_unless(moved >= 31 * sec && moved <= 31 * sec + frame, "%ld", long(moved / ms));
}
GST_END_TEST

GST_START_TEST(test_reset_and_end) {
    Rig rig;
    rig.run(hour, hour + sec);
    rig.repair.reset();
    rig.last[0] = rig.last[1] = {};
    fail_unless_equals_int64(rig.v(0), 0);
    fail_unless_equals_int64(rig.a(0), 0);
    // A track that has ended holds nobody.
    rig.repair.end(rig.tracks[1]);
    for (int64_t t = frame; t < 5 * sec; t += frame)
        fail_unless_equals_int64(rig.v(t), t);
    fail_unless(rig.notes.empty());
}
GST_END_TEST

// Whatever comes: the laws of Rig::put, and numbers of any size.

static Suite *timing_tracks_suite() {
    Suite *s = suite_create("timing_tracks");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_jump_back);
    tcase_add_test(tc, test_jump_is_marked);
    tcase_add_test(tc, test_loop);
    tcase_add_test(tc, test_hole_in_all);
    tcase_add_test(tc, test_hole_in_one);
    tcase_add_test(tc, test_hole_behind_queues);
    tcase_add_test(tc, test_live);
    tcase_add_test(tc, test_skew);
    tcase_add_test(tc, test_drift);
    tcase_add_test(tc, test_no_drift);
    tcase_add_test(tc, test_gap_events);
    tcase_add_test(tc, test_sparse);
    tcase_add_test(tc, test_reset_and_end);
    return s;
}
GST_CHECK_MAIN(timing_tracks)
