// SPDX-License-Identifier: LGPL-2.1-or-later
// Time in the segmenter: tracks that arrive late, pause, jump or end, and the date.
#include <cinttypes>

#include "unit/hls_sound.hpp"

// The segmenter waits for late audio up to the bound, and no longer.
GST_START_TEST(test_late_arrival) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 8 * sec, .audio_late = 700 * ms});
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 3);
    for (size_t i = 0; i < 3; ++i) { // whole all the same
        size_t frames = 0;
        for (const ts::Pes &pes : rig.streams[i].of(audio_pid))
            frames += adts_frames(pes);
        assert_near(frames, 94, 1);
        fail_if(rig.segments[i].discontinuity);
    }
    // Audio stops. The first segment without it is delayed by a second, the next ones are not, and
    // the program does not change.
    rig.feed({.from = 8 * sec, .to = 15 * sec, .audio = false});
    fail_unless_equals_int(rig.segments.size(), 7);
    // Audio comes back after a gap: there is no discontinuity, and its times are right.
    rig.feed({.from = 15 * sec, .to = 20 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    for (const Segment &segment : rig.segments)
        fail_if(segment.discontinuity);
    const auto last = rig.streams.back().of(audio_pid);
    fail_unless(!last.empty() && last[0].pts >= tick_origin + 18 * 90'000);
}
GST_END_TEST

// Composition offsets below 0 (frames that are displayed before they are decoded): every frame is
// there, displayed when it should be.
GST_START_TEST(test_negative_composition) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    // I0 P3 B1 B2 P6 …, decoded one after the other from 0 on.
    for (uint32_t i = 0; i < 301; ++i) {
        const uint32_t shown = i == 0 ? 0 : i % 3 == 1 ? i + 2 : i - 1;
        rig.add(Kind::video, video_sample(shown * 40 * ms, i * 40 * ms, i % 75 == 0 || i == 0, i));
    }
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    std::vector<int64_t> displayed;
    for (const ts::Stream &stream : rig.streams)
        for (const ts::Pes &pes : stream.of(video_pid))
            displayed.push_back(int64_t(pes.pts) - tick_origin);
    std::sort(displayed.begin(), displayed.end());
    fail_unless_equals_int(displayed.size(), 301);
    for (size_t i = 0; i < displayed.size(); ++i)
        fail_unless(std::abs(displayed[i] - int64_t(i) * 3600) <= 90, "frame %zu at %ld", i,
                    long(displayed[i]));
}
GST_END_TEST

// Audio that waits behind a gap when the video jumps back to another timeline: it must not come
// into that, days ahead of the video, nor hold up the audio that follows.
GST_START_TEST(test_audio_of_another_timeline) {
    for (const bool realtime : {true, false}) {
        Rig rig({.realtime = realtime});
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 3 * sec});
        rig.feed({.from = 9 * sec, .to = 10 * sec, .video = false});
        rig.feed({.from = 10 * sec, .to = 22 * sec, .shift = -100'000 * sec});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        size_t with_audio = 0;
        for (size_t i = 0; i < rig.streams.size(); ++i) {
            const auto video = rig.streams[i].of(video_pid), audio = rig.streams[i].of(audio_pid);
            with_audio += !audio.empty();
            for (const ts::Pes &pes : audio)
                fail_unless(video.empty() ||
                                std::abs(int64_t(pes.pts) - int64_t(video[0].pts)) < 10 * 90'000,
                            "segment %zu has audio at %" PRIu64 ", video at %" PRIu64, i, pes.pts,
                            video[0].pts);
        }
        fail_unless(with_audio >= 5, "%zu of %zu", with_audio, rig.streams.size());
    }
}
GST_END_TEST

// A jump before anything is announced does not become the target duration.
GST_START_TEST(test_jump_at_first) {
    Rig rig;
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 1'500 * ms, .video = false});
    rig.segmenter->set_format(video_format());
    rig.feed({.from = 2 * sec, .to = 10 * sec, .audio = false, .shift = 300'000 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segments.size() >= 4);
    for (const Segment &segment : rig.segments) {
        fail_unless(segment.target_duration <= 2, "%" PRIu64, segment.target_duration);
        fail_unless(segment.duration <= 2'500 * ms);
    }
}
GST_END_TEST

// A track that starts seconds later makes a new program, hence exactly one discontinuity.
GST_START_TEST(test_late_audio) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 5 * sec, .audio = false});
    rig.segmenter->set_format(audio_format());
    rig.feed({.from = 5 * sec, .to = 12 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 6);
    for (size_t i = 0; i < 6; ++i) {
        fail_unless_equals_int(rig.segments[i].discontinuity, i == 2);
        fail_unless_equals_int(rig.streams[i].types.size(), i < 2 ? 1 : 2);
    }
}
GST_END_TEST

// Audio comes first: audio before the first keyframe is dropped, and the wait for video that never
// comes is bounded.
GST_START_TEST(test_late_video) {
    {
        Rig rig;
        rig.segmenter->declare(Kind::video);
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 2 * sec, .video = false});
        rig.segmenter->set_format(video_format());
        rig.feed({.from = 2 * sec, .to = 8 * sec});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segments.size(), 3);
        fail_unless_equals_uint64(rig.all(video_pid)[0].pts, tick_origin);
        fail_unless(rig.all(audio_pid)[0].pts >= tick_origin);
        for (const Segment &segment : rig.segments)
            fail_if(segment.discontinuity);
    }
    Rig rig;
    rig.segmenter->declare(Kind::video);
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 9 * sec, .video = false});
    fail_unless_equals_int(rig.segments.size(), 4); // none of it was lost
    fail_unless_equals_uint64(rig.all(audio_pid)[0].pts, tick_origin);
    // Video comes: the segment ends at its first keyframe, and the next one has a new program.
    rig.segmenter->set_format(video_format());
    rig.feed({.from = 10 * sec, .to = 14 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.streams.back().types.size(), 2);
    size_t discontinuities = 0;
    for (const Segment &segment : rig.segments)
        discontinuities += segment.discontinuity;
    fail_unless_equals_int(discontinuities, 1);
}
GST_END_TEST

GST_START_TEST(test_discontinuity) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.segmenter->discontinuity(Kind::video); // as every first buffer says
    rig.segmenter->discontinuity(Kind::audio);
    rig.feed({.to = 5 * sec});
    // The publisher comes back after ten seconds; audio arrives a little earlier, and the first
    // video frames refer to a missing keyframe.
    rig.wall += 10'500 * ms;
    rig.segmenter->discontinuity(Kind::audio);
    rig.feed({.from = 15'500 * ms, .to = 15'700 * ms, .video = false});
    rig.segmenter->discontinuity(Kind::video);
    rig.feed({.from = 15'720 * ms, .to = 21 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 6); // 2 2 1 | 2 2 1
    fail_unless(rig.segments[3].discontinuity);
    fail_unless_equals_int(rig.segmenter->stats().discontinuities, 1);
    assert_near(rig.segments[2].duration, sec, 30 * ms); // the gap is not media
    // The date follows the wall clock across the gap.
    assert_near(rig.segments[3].program_date_time - rig.segments[0].program_date_time, 16'000, 300);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.duration <= 2 * sec);
}
GST_END_TEST

// A discontinuity flag counts only where something is really missing.
GST_START_TEST(test_discontinuity_flags) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    const auto add = [&](int from, int to, int flagged, int64_t shift) {
        for (int i = from; i < to; ++i) {
            Sample s = video_sample(i * 40 * ms + shift, i * 40 * ms + shift, i % 50 == 0);
            s.discontinuity = i == flagged;
            rig.add(Kind::video, std::move(s));
        }
    };
    add(0, 100, 2, 0);                      // a parser's whim
    add(100, 110, 100, 0);                  // another source, which goes on where the last one was
    add(110, 160, 110, 3 * sec);            // a real hole, in mid-GOP
    add(150, 160, 150, 3 * sec + 200 * ms); // another source, from before the last frame
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    std::vector<int64_t> lengths;
    for (const Segment &segment : rig.segments)
        lengths.push_back(segment.duration / ms * (segment.discontinuity ? -1 : 1));
    fail_unless(lengths == std::vector<int64_t>({2000, 2000, 400, -400, -400}));
}
GST_END_TEST

GST_START_TEST(test_timeline_jumps) {
    for (int64_t jump : {-3 * sec, 100 * sec, -3'000 * sec}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 8 * sec});
        rig.feed({.from = 8 * sec, .to = 16 * sec, .shift = jump});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segmenter->stats().discontinuities, 1);
        fail_unless_equals_int(rig.segments.size(), 8);
        for (const Segment &segment : rig.segments)
            fail_unless(segment.duration <= 2050 * ms, "%lld", (long long)segment.duration);
        fail_if(rig.warnings.empty());
        fail_unless(rig.all(audio_pid).size() > 150);
    }
}
GST_END_TEST

// The date is anchored at the least delayed arrival, follows the media's time, and is corrected if
// it is off by more than 500 ms.
GST_START_TEST(test_program_date_time) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    const int64_t begin = rig.wall;
    std::vector<int64_t> drift{0, 0, 300 * ms, 400 * ms, 700 * ms, 700 * ms, 700 * ms};
    for (size_t segment = 0; segment < drift.size(); ++segment)
        for (int i = 0; i < 50; ++i) {
            const int64_t t = static_cast<int64_t>(segment) * 2 * sec + i * 40 * ms;
            // Every third frame is late by up to 100 ms.
            rig.wall = begin + t + drift[segment] + (i % 3 == 0 ? 100 * ms : 0);
            rig.add(Kind::video, video_sample(t, t, i == 0));
        }
    rig.segmenter->finish();
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 7);
    const int64_t zero = begin / ms;
    for (int64_t i = 0; i < 4; ++i)
        assert_near(rig.segments[size_t(i)].program_date_time, zero + i * 2000, 0);
    for (int64_t i = 4; i < 7; ++i)
        assert_near(rig.segments[size_t(i)].program_date_time, zero + i * 2000 + 700, 0);

    // Without real time the anchor never changes.
    Segmenter::Options options;
    options.realtime = false;
    Rig file(options);
    file.segmenter->set_format(video_format());
    for (int i = 0; i < 500; ++i)
        file.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0));
    fail_unless_equals_int(file.segments.size(), 9);
    assert_near(file.segments[8].program_date_time, file.segments[0].program_date_time + 16'000, 0);
}
GST_END_TEST

// The machine is too slow for a while, and then fast again: dates are put off, and led back, but
// never go backwards.
GST_START_TEST(test_date_under_load) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    const int64_t begin = rig.wall;
    const std::vector<int64_t> late{0, 0, 3 * sec, 3 * sec, 0, 0, 0, 0, 0, 0};
    for (size_t segment = 0; segment < late.size(); ++segment)
        for (int i = 0; i < 50; ++i) {
            const int64_t t = static_cast<int64_t>(segment) * 2 * sec + i * 40 * ms;
            rig.wall = std::max(rig.wall, begin + t + late[segment]);
            rig.add(Kind::video, video_sample(t, t, i == 0));
        }
    rig.segmenter->finish();
    rig.take();
    fail_unless_equals_int(rig.segments.size(), late.size());
    for (size_t i = 1; i < late.size(); ++i)
        fail_unless(rig.segments[i].program_date_time > rig.segments[i - 1].program_date_time,
                    "segment %zu goes back", i);
    const auto off = [&](size_t i) {
        return rig.segments[i].program_date_time - begin / ms - int64_t(i) * 2000;
    };
    assert_near(off(1), 0, 0);
    assert_near(off(3), 3000, 0);
    assert_near(off(9), 0, 500);
}
GST_END_TEST

// The system's clock is put back an hour, and later on again: segments stay as they would be, and
// the date follows with the next segment.
GST_START_TEST(test_wall_clock_goes_back) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    const int64_t zero = rig.wall / ms, hour = 3'600'000;
    rig.feed({.to = 6 * sec});
    rig.wall_step = -hour * ms;
    rig.feed({.from = 6 * sec, .to = 12 * sec});
    rig.wall_step = 0;
    rig.feed({.from = 12 * sec, .to = 18 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 9);
    for (size_t i = 0; i < 9; ++i) {
        fail_if(rig.segments[i].discontinuity);
        const int64_t date = rig.segments[i].program_date_time - zero - int64_t(i) * 2000;
        // What the rig hands in with a frame is up to a frame older.
        fail_unless(std::abs(date) <= 40 || std::abs(date + hour) <= 40,
                    "segment %zu is off by %" PRId64 " ms", i, date);
    }
    assert_near(rig.segments[0].program_date_time, zero, 40);
    assert_near(rig.segments[4].program_date_time, zero + 8000 - hour, 40);
    assert_near(rig.segments[8].program_date_time, zero + 16'000, 40);
    fail_unless(rig.warnings.empty());
}
GST_END_TEST

// A monotonic clock that is put back, as by a process image restored on another machine, when audio
// has ended: video does not wait for it an hour.
GST_START_TEST(test_monotonic_clock_goes_back) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 6 * sec});
    rig.monotonic_step = -3600 * sec;
    rig.feed({.from = 6 * sec, .to = 30 * sec, .audio = false});
    fail_unless(rig.segments.size() >= 10, "%zu segments of 30 s", rig.segments.size());
}
GST_END_TEST

// Without real time one track may be far ahead.
GST_START_TEST(test_unpaced_tracks) {
    Segmenter::Options options;
    options.realtime = false;
    Rig rig(options);
    rig.segmenter->declare(Kind::video);
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 20 * sec, .video = false});
    fail_unless(rig.segments.empty());
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 20 * sec, .audio = false});
    rig.segmenter->end(Kind::audio);
    rig.segmenter->end(Kind::video);
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 10);
    for (const Segment &segment : rig.segments) {
        assert_near(segment.duration, 2 * sec, 0);
        fail_unless(segment.has_audio && segment.has_video && !segment.discontinuity);
    }
}
GST_END_TEST

// Video ends first: its last frames stay in their keyframe's segment; audio continues alone.
GST_START_TEST(test_ends) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec, .gop = 125});
    rig.segmenter->end(Kind::video);
    rig.feed({.from = 5 * sec, .to = 5'040 * ms, .video = false});
    rig.segmenter->end(Kind::audio);
    rig.segmenter->finish();
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 1);
    assert_near(rig.segments[0].duration, 5 * sec, 0);

    rig.feed({.from = 6 * sec, .to = 9 * sec}); // it goes on after all: a new run
    rig.segmenter->end(Kind::video);
    rig.feed({.from = 9 * sec, .to = 15 * sec, .video = false});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segments[1].discontinuity && rig.segments.size() >= 4);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.duration <= 5 * sec);
}
GST_END_TEST

GST_START_TEST(test_video_stops) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec});
    rig.feed({.from = 5 * sec, .to = 30 * sec, .video = false});
    fail_unless(rig.segments.size() > 7, "%zu", rig.segments.size());
    rig.feed({.from = 30 * sec, .to = 35 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segments.back().has_video);
    // The stream continues where it stopped, without a gap.
    fail_unless_equals_int(rig.segmenter->stats().discontinuities, 0);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec});
    rig.segmenter->flush();
    fail_unless_equals_int(rig.segmenter->stats().kept_samples, 0);
    rig.feed({.to = 5 * sec}); // running time begins anew
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 5);
    fail_unless(rig.segments[2].discontinuity);
    rig.segmenter->finish(); // twice is harmless
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 5);
}
GST_END_TEST

static Suite *hls_segmenter_time_suite() {
    Suite *s = suite_create("hls_segmenter_time");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_late_arrival);
    tcase_add_test(tc, test_negative_composition);
    tcase_add_test(tc, test_audio_of_another_timeline);
    tcase_add_test(tc, test_jump_at_first);
    tcase_add_test(tc, test_late_audio);
    tcase_add_test(tc, test_late_video);
    tcase_add_test(tc, test_discontinuity);
    tcase_add_test(tc, test_discontinuity_flags);
    tcase_add_test(tc, test_timeline_jumps);
    tcase_add_test(tc, test_program_date_time);
    tcase_add_test(tc, test_date_under_load);
    tcase_add_test(tc, test_wall_clock_goes_back);
    tcase_add_test(tc, test_monotonic_clock_goes_back);
    tcase_add_test(tc, test_unpaced_tracks);
    tcase_add_test(tc, test_ends);
    tcase_add_test(tc, test_video_stops);
    tcase_add_test(tc, test_flush);
    return s;
}
GST_CHECK_MAIN(hls_segmenter_time)
