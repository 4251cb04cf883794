// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that are far apart, tracks that pause or have unrelated timestamps, and the target
// duration, which no segment exceeds.
#include "unit/hls_sound.hpp"

/// All segments keep to the target duration that the first one announced.
static void assert_announced(const Rig &rig) {
    for (const Segment &segment : rig.segments) {
        fail_unless_equals_uint64(segment.target_duration, rig.segments[0].target_duration);
        const int64_t microseconds = (segment.duration + 500) / 1000;
        fail_unless((microseconds + 500'000) / 1'000'000 <= int64_t(segment.target_duration),
                    "%lld ns", (long long)segment.duration);
    }
}

static void assert_continuous(const Rig &rig) {
    for (const Segment &segment : rig.segments)
        fail_if(segment.discontinuity);
}

/// Durations add up to the distance of the timestamps.
static void assert_on_time(const Rig &rig, uint16_t pid) {
    int64_t sum = 0;
    for (size_t i = 0; i < rig.segments.size(); ++i) {
        const auto units = rig.streams[i].of(pid);
        if (!units.empty())
            assert_near(int64_t(units[0].pts) * 100'000 / 9 - SegmentWriter::origin, sum, 100 * ms);
        sum += rig.segments[i].duration;
    }
}

// One frame every five seconds, or every twelve; each is a keyframe.
GST_START_TEST(test_slow_frames) {
    for (int64_t step : {5 * sec, 12 * sec})
        for (bool with_duration : {true, false}) {
            Rig rig;
            rig.segmenter->set_format(video_format());
            for (int i = 0; i < 6; ++i) {
                Sample sample = video_sample(i * step, i * step, true, uint32_t(i));
                sample.duration = with_duration ? step : 0;
                rig.add(Kind::video, std::move(sample));
                rig.wall += step;
            }
            fail_unless_equals_int(rig.segments.size(), 5);
            for (const Segment &segment : rig.segments)
                assert_near(segment.duration, step, 0);
            assert_sound(rig);
            assert_announced(rig);
            assert_continuous(rig);
            fail_unless(rig.warnings.empty());
        }
}
GST_END_TEST

// The same beside audio: segments keep their usual length, and each frame is at its time.
GST_START_TEST(test_slow_frames_and_audio) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    for (int i = 0; i < 6; ++i) {
        rig.add(Kind::video, video_sample(i * 5 * sec, i * 5 * sec, true));
        rig.feed({.from = i * 5 * sec, .to = (i + 1) * 5 * sec, .video = false});
    }
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    assert_announced(rig);
    assert_continuous(rig);
    assert_on_time(rig, audio_pid);
    fail_unless_equals_uint64(rig.segments[0].target_duration, 2);
    const auto frames = rig.all(video_pid);
    fail_unless_equals_int(frames.size(), 6);
    for (size_t i = 0; i < 6; ++i)
        assert_near(frames[i].pts, tick_origin + i * 450'000, 1);
}
GST_END_TEST

// Video pauses for 8 s and continues, with or without a keyframe; audio does not pause.
GST_START_TEST(test_video_pauses) {
    for (bool keyframe : {true, false}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 4600 * ms});
        size_t before = rig.segments.size();
        fail_unless_equals_int(before, 2);
        for (int64_t t = 4600 * ms; t < 12'600 * ms; t += 100 * ms) {
            rig.feed({.from = t, .to = t + 100 * ms, .video = false});
            // The output is late by no more than the target duration, a keyframe's delay and the
            // start of the pause.
            int64_t sum = 0;
            for (const Segment &segment : rig.segments)
                sum += segment.duration;
            fail_unless(t - sum <= 3200 * ms, "at %lld ms there are %lld ms", (long long)(t / ms),
                        (long long)(sum / ms));
        }
        fail_unless(rig.segments.size() >= before + 3);
        rig.feed({.from = keyframe ? 14 * sec : 12'600 * ms, .to = 20 * sec});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        assert_announced(rig);
        if (!keyframe) {
            assert_continuous(rig);
            fail_unless_equals_int(rig.all(video_pid).size(), 115 + 185);
        }
        assert_on_time(rig, audio_pid);
        fail_unless_equals_int(rig.warnings.size(), 1);
        // Segments are cut at keyframes again.
        const auto last = rig.streams.back().of(video_pid);
        fail_unless(!last.empty() && last[0].random_access && rig.segments.back().independent);
    }
}
GST_END_TEST

// All media pause and continue where they were: the gap is left out of the stream's time and not
// counted as media.
GST_START_TEST(test_everything_pauses) {
    for (bool audio : {true, false}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        if (audio) rig.segmenter->set_format(audio_format());
        rig.feed({.to = 5 * sec, .audio = audio});
        rig.wall += 6 * sec;
        rig.feed({.from = 11 * sec, .to = 17 * sec, .audio = audio});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        assert_announced(rig);
        assert_continuous(rig);
        fail_unless_equals_int(rig.all(video_pid).size(), 125 + 150);
        int64_t sum = 0;
        for (const Segment &segment : rig.segments)
            sum += segment.duration;
        fail_unless(sum >= 11 * sec && sum <= 13 * sec, "%lld", (long long)sum);
        assert_on_time(rig, video_pid);
        // The date includes the gap.
        assert_near(rig.segments.back().program_date_time - rig.segments[0].program_date_time,
                    16'000, 1'000);
    }
}
GST_END_TEST

// If keyframes come late, the target duration does not grow; segments end without waiting for one.
GST_START_TEST(test_late_keyframes) {
    for (bool bframes : {false, true}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 4 * sec, .bframes = bframes});
        rig.feed({.from = 4 * sec, .to = 24 * sec, .gop = 250, .bframes = bframes});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        assert_announced(rig);
        assert_continuous(rig);
        fail_unless_equals_uint64(rig.segments[0].target_duration, 2);
        fail_unless_equals_int(rig.all(video_pid).size(), 600);
        size_t dependent = 0;
        for (const Segment &segment : rig.segments)
            dependent += !segment.independent;
        fail_unless(dependent >= 6, "%zu", dependent);
        // It is said once, with what mends it.
        fail_unless_equals_int(rig.warnings.size(), 1);
        fail_unless(rig.warnings[0].find("segments end after 2 s") != std::string::npos &&
                        rig.warnings[0].find("keyframe interval") != std::string::npos,
                    "%s", rig.warnings[0].c_str());
    }
    // If the first keyframe is late already, its distance is announced.
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 31 * sec, .gop = 250, .audio = false});
    fail_unless_equals_int(rig.segments.size(), 3);
    fail_unless_equals_uint64(rig.segments[0].target_duration, 10);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.independent && segment.duration == 10 * sec);
    fail_unless(rig.warnings.empty());
}
GST_END_TEST

// Video in which no player could begin is no part of the stream; audio goes on alone.
GST_START_TEST(test_no_keyframe) {
    for (const bool audio : {false, true}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        if (audio) rig.segmenter->set_format(audio_format());
        int64_t sound = 0;
        for (int i = 0; i < 1500; ++i) {
            rig.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, false));
            for (; audio && sound * 1024 * sec / 48'000 < i * 40 * ms; ++sound)
                rig.add(Kind::audio, audio_sample(sound * 1024 * sec / 48'000));
            fail_unless(rig.segmenter->stats().kept_samples < 1500);
        }
        rig.segmenter->finish();
        rig.take();
        fail_unless_equals_uint64(rig.segmenter->stats().dropped, 1500);
        fail_unless(rig.segments.size() > 20 || !audio, "%zu", rig.segments.size());
        fail_unless(rig.segments.empty() || audio);
        for (const Segment &segment : rig.segments)
            fail_unless(!segment.has_video && segment.has_audio);
    }
}
GST_END_TEST

// Segments that continue a playlist keep to its target duration.
GST_START_TEST(test_announced_before) {
    Rig rig({.target_duration = 6 * sec, .announced = 2});
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 20 * sec, .audio = false});
    fail_unless_equals_int(rig.segments.size(), 9);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.duration == 2 * sec && segment.target_duration == 2);
}
GST_END_TEST

// The same, with audio whose timestamps differ from video's.
static void feed_skewed(Rig &rig, int64_t to, int64_t skew) {
    for (int64_t t = 0; t < to; t += 40 * ms) {
        rig.feed({.from = t, .to = t + 40 * ms, .audio = false});
        rig.wall -= 40 * ms;
        for (int64_t n = (t * 48 + 1023 * ms) / (1024 * ms); Rig::audio_time(n) < t + 40 * ms; ++n)
            rig.add(Kind::audio, audio_sample(Rig::audio_time(n) + skew));
        rig.wall += 40 * ms;
    }
}

// Up to 10 s apart, audio stays where its timestamps say; further away it is moved, once.
GST_START_TEST(test_skew) {
    for (int64_t skew : {5 * sec, -5 * sec, 15 * sec, -15 * sec, 4'000 * sec, -4'000 * sec}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        feed_skewed(rig, 30 * sec, skew);
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        assert_announced(rig);
        const bool kept = std::abs(skew) <= 10 * sec;
        size_t discontinuities = 0;
        for (const Segment &segment : rig.segments)
            discontinuities += segment.discontinuity;
        fail_unless(discontinuities <= 1, "%zu", discontinuities);
        fail_unless_equals_int(rig.warnings.size(), !kept);
        // Audio lies beside the video of its time.
        size_t beside = 0;
        for (size_t i = 0; i < rig.streams.size(); ++i) {
            const auto video = rig.streams[i].of(video_pid), audio = rig.streams[i].of(audio_pid);
            if (video.empty() || audio.empty()) continue;
            // The first segment with both may begin in the middle.
            if (beside++ == 0) continue;
            assert_near(audio[0].pts, video[0].pts, kept ? 9'000 : 45'000);
        }
        fail_unless(beside >= 11, "%zu of %zu with skew %lld", beside, rig.streams.size(),
                    (long long)(skew / sec));
        size_t frames = 0;
        for (const ts::Pes &pes : rig.all(audio_pid))
            frames += adts_frames(pes);
        // Audio frames are missing at the beginning only.
        fail_unless(frames > (kept ? 24u : 28u) * 47, "%zu", frames);
        fail_unless_equals_int(rig.all(video_pid).size(), 750);
    }
}
GST_END_TEST

// Audio that waits for the first keyframe and whose time is unrelated to it.
GST_START_TEST(test_skew_at_the_beginning) {
    Rig rig;
    rig.segmenter->declare(Kind::video);
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 2 * sec, .video = false});
    rig.segmenter->set_format(video_format());
    for (int64_t t = 2 * sec; t < 10 * sec; t += 40 * ms) {
        rig.feed({.from = t, .to = t + 40 * ms, .audio = false, .shift = 500 * sec});
        rig.wall -= 40 * ms;
        rig.feed({.from = t, .to = t + 40 * ms, .video = false});
    }
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    assert_continuous(rig);
    fail_unless_equals_int(rig.segments.size(), 4);
    for (const ts::Stream &stream : rig.streams)
        assert_near(stream.of(audio_pid).at(0).pts, stream.of(video_pid).at(0).pts, 9'000);
}
GST_END_TEST

static Suite *hls_segmenter_pauses_suite() {
    Suite *s = suite_create("hls_segmenter_pauses");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_slow_frames);
    tcase_add_test(tc, test_slow_frames_and_audio);
    tcase_add_test(tc, test_video_pauses);
    tcase_add_test(tc, test_everything_pauses);
    tcase_add_test(tc, test_late_keyframes);
    tcase_add_test(tc, test_no_keyframe);
    tcase_add_test(tc, test_announced_before);
    tcase_add_test(tc, test_skew);
    tcase_add_test(tc, test_skew_at_the_beginning);
    return s;
}
GST_CHECK_MAIN(hls_segmenter_pauses)
