// SPDX-License-Identifier: LGPL-2.1-or-later
// Repair of a stream's timestamps: what is healthy passes, what is missing or in disorder is
// mended.
#include "timing_rig.hpp"

using namespace timing_rig;

GST_START_TEST(test_healthy_passes) {
    for (const int64_t begin : {int64_t(0), 7 * sec + 123, 100 * hour}) {
        Rig rig;
        int64_t video_time = begin, audio_time = begin - 17 * ms;
        for (uint64_t n = 0; n < 3000; ++n) {
            // 23.976 frames a sec, and frames of 1024 samples at 44.1 kHz.
            video_time = begin + int64_t(n * 1001 * uint64_t(sec) / 24000);
            const int64_t later = n % 3 == 0 ? 2 * frame : 0;
            const Repaired out =
                rig.put(0, {video_time - 2 * frame, video_time + later - 2 * frame, 41'708'333});
            fail_unless_equals_int64(*out.stamps.dts, video_time - 2 * frame);
            fail_unless_equals_int64(*out.stamps.pts, video_time + later - 2 * frame);
            fail_unless(!out.discont && !out.hole_from);
            for (; audio_time < video_time; audio_time += 23'219'954)
                fail_unless_equals_int64(rig.a(audio_time), audio_time);
        }
        fail_unless(rig.notes.empty());
        fail_unless_equals_uint64(rig.stats(0).repaired + rig.stats(1).repaired, 0);
    }
}
GST_END_TEST

GST_START_TEST(test_variable_rate_passes) {
    std::mt19937 random(3);
    Rig rig;
    int64_t t = 0, audio = 0;
    for (int i = 0; i < 2000; ++i, t += 1 + int64_t(random() % uint64_t(900 * ms))) {
        for (; audio < t; audio += audio_frame)
            fail_unless_equals_int64(rig.a(audio), audio);
        fail_unless_equals_int64(rig.v(t), t);
    }
    fail_unless(rig.notes.empty());
}
GST_END_TEST

GST_START_TEST(test_wraps) {
    const int64_t periods[] = {(int64_t(1) << 32) * ms, (int64_t(1) << 31) * ms,
                               (int64_t(1) << 24) * ms, (int64_t(1) << 33) / 9 * 100'000 + 88'888,
                               (int64_t(1) << 32) / 9 * 100'000 + 44'444};
    for (const int64_t period : periods) {
        Rig rig;
        const int64_t begin = period - 5 * sec;
        const auto wrapped = [&](int64_t t) { return (begin + t) % period; };
        for (int64_t t = 0; t < 10 * sec; t += audio_frame) {
            if (t % frame == 0) fail_unless_equals_int64(rig.v(wrapped(t)), begin + t);
            fail_unless_equals_int64(rig.a(wrapped(t)), begin + t);
        }
        fail_unless_equals_uint64(rig.count(Trouble::wrap), 2);
        fail_unless_equals_uint64(rig.notes.size(), 2);
        // A track that begins behind the wrap.
        const size_t third = rig.repair.add_track();
        const Repaired out = rig.repair.frame(third, {{}, wrapped(10 * sec), audio_frame}, {{}, 1});
        fail_unless_equals_int64(*out.stamps.pts, begin + 10 * sec);
    }
    // One track begins in front of the wrap, the other behind it, in either order.
    for (const int64_t period : periods) {
        Rig rig;
        fail_unless_equals_int64(rig.v(period - 100 * ms), period - 100 * ms);
        fail_unless_equals_int64(rig.a(5 * ms), period + 5 * ms);
        fail_unless_equals_int64(rig.v(0), period);
        Rig reverse;
        fail_unless_equals_int64(reverse.v(0), 0);
        fail_unless_equals_int64(reverse.a(period - 40 * ms), -40 * ms);
        fail_unless_equals_int64(reverse.a(0), 0);
    }
    // With B-frames the PTS wraps first.
    const int64_t period = (int64_t(1) << 33) / 9 * 100'000 + 88'888;
    Rig rig(false);
    for (int64_t t = period - sec; t < period + sec; t += frame) {
        const Repaired out = rig.put(0, {t % period, (t + 3 * frame) % period, frame});
        fail_unless_equals_int64(*out.stamps.dts, t);
        fail_unless_equals_int64(*out.stamps.pts, t + 3 * frame);
    }
}
GST_END_TEST

GST_START_TEST(test_jump_within_gop) {
    Rig rig(false);
    const int shown[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8};
    for (int i = 0; i < 10; ++i) {
        const int64_t jump = i < 5 ? hour : 0;
        const Repaired out = rig.repair.frame(
            rig.tracks[0], {jump + i * frame, jump + (shown[i] + 2) * frame, frame},
            {{}, 1, i == 0});
        fail_unless_equals_int64(*out.stamps.dts, hour + i * frame);
        fail_unless_equals_int64(*out.stamps.pts, hour + (shown[i] + 2) * frame);
    }
}
GST_END_TEST

GST_START_TEST(test_disorder) {
    Rig rig(false);
    rig.v(0);
    rig.v(40 * ms);
    fail_unless_equals_int64(rig.v(30 * ms), 41 * ms);
    fail_unless_equals_int64(rig.v(30 * ms), 42 * ms);
    fail_unless_equals_int64(rig.v(80 * ms), 80 * ms);
    fail_unless_equals_uint64(rig.stats(0).count(Trouble::order), 2);
    fail_unless_equals_uint64(rig.stats(0).repaired, 2);
    // No two frames are displayed at the same time.
    fail_unless_equals_int64(*rig.put(0, {120 * ms, 200 * ms, frame}).stamps.pts, 200 * ms);
    fail_unless_equals_int64(*rig.put(0, {160 * ms, 160 * ms, frame}).stamps.pts, 160 * ms);
    fail_unless_equals_int64(*rig.put(0, {200 * ms, 200 * ms, frame}).stamps.pts, 201 * ms);
    // The pieces of a frame have one time.
    Repair split;
    Format format = video();
    format.is_split = true;
    const size_t track = split.add_track();
    split.set_format(track, format);
    for (const int64_t t : {0, 0, 40, 40, 40, 80})
        fail_unless_equals_int64(*split.frame(track, {t * ms, t * ms, {}}, {}).stamps.dts, t * ms);
    fail_unless(!split.frame(track, {}, {}).stamps.dts);
    fail_unless(!split.has_notes());
}
GST_END_TEST

GST_START_TEST(test_negative_composition) {
    Rig rig(false);
    // I0 P3 B1 B2 P6 …, decoded one after the other from 0 on.
    const int shown[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11};
    for (int i = 0; i < 13; ++i) {
        const Repaired out = rig.put(0, {hour + i * frame, hour + shown[i] * frame, frame});
        const int64_t off = *out.stamps.pts - (hour + shown[i] * frame);
        // Of the first such frame nothing could be known.
        fail_unless(off == 0 || (i == 2 && off == ms), "frame %d: %ld ms", i, long(off / ms));
        if (i > 2) fail_unless_equals_int64(*out.stamps.dts, hour + (i - 1) * frame);
    }
    fail_unless_equals_uint64(rig.count(Trouble::composition), 1);
    // A PTS that has nothing to do with the DTS.
    const Repaired out = rig.put(0, {hour + 13 * frame, 5 * hour, frame});
    fail_unless(*out.stamps.pts - *out.stamps.dts <= ms);
}
GST_END_TEST

GST_START_TEST(test_missing_dts) {
    const int shown[] = {0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11};
    for (const unsigned depth : {1u, 2u, 4u}) { // 2 is right, 1 too small
        Rig rig(false);
        Format format = video(depth);
        format.fps_num = 25;
        rig.repair.set_format(rig.tracks[0], format);
        for (int i = 0; i < 13; ++i) {
            const Repaired out = rig.put(0, {{}, hour + shown[i] * frame, {}});
            fail_unless_equals_int64(*out.stamps.duration, frame);
            if (depth >= 2 || i > 4)
                fail_unless_equals_int64(*out.stamps.pts, hour + shown[i] * frame);
        }
        fail_unless_equals_uint64(rig.count(Trouble::missing), 1);
    }
    // Without reordering it is the PTS, and nothing to speak of.
    Rig rig(false);
    fail_unless_equals_int64(*rig.put(0, {{}, 5 * ms, {}}).stamps.dts, 5 * ms);
    fail_unless(rig.notes.empty());
    // Some demuxers leave out a DTS that is the PTS.
    Rig mixed(false);
    mixed.put(0, {0, frame, frame});
    fail_unless_equals_int64(*mixed.put(0, {{}, frame, frame}).stamps.dts, frame);
    fail_unless_equals_int64(*mixed.put(0, {2 * frame, 3 * frame, frame}).stamps.dts, 2 * frame);
}
GST_END_TEST

GST_START_TEST(test_missing_times) {
    Rig rig(false);
    Format format = video();
    format.fps_num = 30000;
    format.fps_den = 1001;
    rig.repair.set_format(rig.tracks[0], format);
    rig.put(0, {sec, sec, {}});
    for (uint64_t n = 1; n <= 30000; ++n) {
        const Repaired out = rig.put(0, {});
        fail_unless_equals_int64(*out.stamps.dts, sec + int64_t(n * 1001 * sec / 30000));
        fail_unless_equals_int64(*out.stamps.pts, *out.stamps.dts);
        fail_unless_equals_int64(*out.stamps.duration, 33'366'666);
    }
    Rig audio;
    audio.a(0);
    audio.a(audio_frame);
    const Repaired out = audio.put(1, {});
    fail_unless_equals_int64(*out.stamps.pts, 2 * audio_frame);
    fail_unless_equals_int64(*out.stamps.duration, audio_frame);
    // PTS alone missing.
    Rig avi(false);
    fail_unless_equals_int64(*avi.put(0, {7 * ms, {}, {}}).stamps.pts, 7 * ms);
    // Where frames are reordered it is a keyframe's as before, and else the DTS.
    Rig reordered(false);
    reordered.repair.set_format(reordered.tracks[0], video(2));
    reordered.put(0, {0, 2 * frame, frame});
    fail_unless_equals_int64(*reordered.put(0, {frame, {}, frame}).stamps.pts, 3 * frame);
    // If there is none at all, only a decoder knows.
    avi.repair.set_format(avi.tracks[0], video(2));
    fail_unless(!avi.put(0, {47 * ms, {}, {}}).stamps.pts);
}
GST_END_TEST

GST_START_TEST(test_whatever_comes) {
    std::mt19937_64 random(11);
    for (const Gap gap : {Gap::mark, Gap::close})
        for (const bool live : {false, true}) {
            Limits limits;
            limits.gap = gap;
            Rig rig(true, limits);
            int64_t in[2] = {}, now = 0;
            for (int i = 0; i < 25'000; ++i) {
                const size_t track = random() % 2;
                int64_t &t = in[track];
                now += int64_t(random() % 40) * ms;
                switch (random() % 300) {
                case 0:
                    t = int64_t(random() >> 3);
                    break;
                case 1:
                    t = -int64_t(random() >> 3);
                    break;
                case 2:
                    in[0] = in[1] = int64_t(random() % uint64_t(100 * hour));
                    break;
                case 3:
                    t += int64_t(random() % 20'000) * ms;
                    break;
                case 4:
                    t -= int64_t(random() % 5'000) * ms;
                    break;
                default:
                    t += int64_t(random() % 50) * ms;
                }
                Stamps stamps;
                if (random() % 8) stamps.dts = t;
                if (random() % 8) stamps.pts = t + int64_t(random() % 400) * ms - 100 * ms;
                if (random() % 2) stamps.duration = int64_t(random() % 100) * ms;
                rig.put(track, stamps, live ? std::optional<int64_t>(now) : std::nullopt);
            }
        }
}
GST_END_TEST

static Suite *timing_repair_suite() {
    Suite *s = suite_create("timing_repair");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_healthy_passes);
    tcase_add_test(tc, test_variable_rate_passes);
    tcase_add_test(tc, test_wraps);
    tcase_add_test(tc, test_jump_within_gop);
    tcase_add_test(tc, test_disorder);
    tcase_add_test(tc, test_negative_composition);
    tcase_add_test(tc, test_missing_dts);
    tcase_add_test(tc, test_missing_times);
    tcase_add_test(tc, test_whatever_comes);
    return s;
}
GST_CHECK_MAIN(timing_repair)
