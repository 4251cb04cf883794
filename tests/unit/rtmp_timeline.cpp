// SPDX-License-Identifier: LGPL-2.1-or-later
// The timeline of a path: progress to the millisecond, jumps and new producers directly after the
// previous output, and never a step back within a track.
#include "core/rtmp/timeline.h"

#include "check.hpp"

using penstock::rtmp::Timeline;

namespace {

struct Clocked {
    uint32_t audio(uint32_t timestamp) { return map(Timeline::audio, timestamp); }
    uint32_t video(uint32_t timestamp) { return map(Timeline::video, timestamp); }
    uint32_t map(Timeline::Track track, uint32_t timestamp) {
        return static_cast<uint32_t>(line.map(track, timestamp));
    }
    void restart() { line.restart(); }
    /// Advances in steps that are no jumps.
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
    // The output has the timestamps' steps, however the packets arrive.
    fail_unless_equals_uint64(c.video(123496), 40);
    fail_unless_equals_uint64(c.video(123497), 41);
    fail_unless_equals_uint64(c.video(123497), 41);
    fail_unless_equals_uint64(c.audio(123490), 34); // the other track may lag
    fail_unless_equals_uint64(c.video(132000), 8544);
    fail_unless_equals_uint64(c.line.last(Timeline::video), 8544);
    fail_unless_equals_uint64(c.line.last(Timeline::audio), 34);
}
GST_END_TEST

// Audio that precedes the first keyframe but arrives after it gets 0, not a time near 2^32.
GST_START_TEST(test_second_track_begins_earlier) {
    Clocked c;
    fail_unless_equals_uint64(c.video(5000), 0);
    fail_unless_equals_uint64(c.audio(4977), 0);
    fail_unless_equals_uint64(c.audio(5000), 0);
    fail_unless_equals_uint64(c.audio(5023), 23);
    // A track that first appears after a month has its own origin.
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
    // A producer whose timestamps continue where another's ended, or later, still counts as a new
    // one.
    c.restart();
    fail_unless_equals_uint64(c.video(80), 1080);
    c.restart();
    fail_unless_equals_uint64(c.audio(5000), 1120);
    fail_unless_equals_uint64(c.video(5040), 1160);
}
GST_END_TEST

// A frame that is decoded later is displayed after all earlier ones, even if it is displayed late.
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
    // A step of up to ten seconds is taken from the timestamps; a larger one is a jump.
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

// A publisher that loops a clip: both tracks jump, in different packets.
GST_START_TEST(test_tracks_jump_one_after_the_other) {
    for (const uint32_t clip : {1000u, 30000u}) {
        Clocked c;
        for (uint32_t lap = 0; lap < 5; ++lap)
            for (uint32_t t = 0; t < clip; t += 20) {
                // Each round of the loop begins one step after the last frame of the round before.
                const auto wall = int64_t(lap) * (clip + 20) + t;
                const int64_t v = c.video(t);
                fail_unless(std::abs(v - wall) <= 100, "%ld instead of %ld", long(v), long(wall));
                if (wall < 60) continue;
                // Audio arrives 60 ms late.
                const int64_t a = c.audio((t + clip - 60) % clip);
                fail_unless(std::abs(a - (wall - 60)) <= 100, "lap %u at %u: %ld instead of %ld",
                            lap, t, long(a), long(wall - 60));
            }
    }
}
GST_END_TEST

// The two tracks have different origins, an hour apart.
GST_START_TEST(test_tracks_far_apart) {
    Clocked c;
    for (uint32_t t = 0; t < 5000; t += 20) {
        fail_unless_equals_uint64(c.video(t), t);
        const uint32_t a = c.audio(3'600'000 + t);
        fail_unless(a >= t && a <= t + 40, "%u at %u", a, t);
    }
}
GST_END_TEST

namespace {

/// A live publisher with 25 video and 50 audio frames per second, each sent when it is due.
struct Live {
    explicit Live(Timeline::Resume resume = Timeline::Resume::at_once) : line(resume) {}

    /// Sends `milliseconds` of both tracks; `video_at` and `audio_at` map the time since the
    /// beginning to timestamps.
    template <class Video, class Audio>
    void run(int64_t milliseconds, Video video_at, Audio audio_at) {
        for (const int64_t end = now + milliseconds; now < end; now += 20) {
            if (now % 40 == 0)
                out[1].push_back(
                    line.map(Timeline::video, uint32_t(video_at(now)), 0, start + now));
            out[0].push_back(line.map(Timeline::audio, uint32_t(audio_at(now)), 0, start + now));
        }
    }
    int64_t span(int track) const { return out[track].back() - out[track].front(); }
    int64_t largest_step(int track) const {
        int64_t step = 0;
        for (size_t i = 1; i < out[track].size(); ++i)
            step = std::max(step, out[track][i] - out[track][i - 1]);
        return step;
    }

    static constexpr int64_t start = 1'000'000;
    Timeline line;
    int64_t now = 0;
    std::vector<int64_t> out[2]; ///< audio, video
};

int64_t as_is(int64_t now) {
    return now;
}

} // namespace

// Tracks with different origins: their distance is removed, once.
GST_START_TEST(test_skew) {
    for (const auto resume : {Timeline::Resume::at_once, Timeline::Resume::at_arrival})
        for (const int64_t skew : {-3'600'000, -11'000, -3'000, 2'001, 3'000, 9'000, 11'000}) {
            Live live(resume);
            live.run(
                8000, [](int64_t now) { return 5'000'000 + now; },
                [&](int64_t now) { return 5'000'000 + now + skew; });
            for (const int track : {0, 1}) {
                fail_unless_equals_int64(live.span(track), track ? 7960 : 7980);
                fail_unless_equals_int64(live.largest_step(track), track ? 40 : 20);
            }
            fail_unless_equals_int64(live.out[0].front(), live.out[1].front());
        }
}
GST_END_TEST

// A distance of up to two seconds is kept, also if the later track starts with the other's
// timestamps.
GST_START_TEST(test_skew_that_is_meant) {
    for (const int64_t skew : {-2'000, -500, 500, 2'000}) {
        Live live(Timeline::Resume::at_arrival);
        live.run(8000, as_is, [&](int64_t now) { return now + skew; });
        fail_unless_equals_int64(live.out[0].back() - live.out[1].back(), 20 + skew);
    }
    Live late(Timeline::Resume::at_arrival);
    for (int64_t now = 0; now < 8000; now += 20) {
        late.out[0].push_back(late.line.map(Timeline::audio, uint32_t(now), 0, now));
        if (now >= 5000)
            late.out[1].push_back(late.line.map(Timeline::video, uint32_t(now - 5000), 0, now));
    }
    fail_unless_equals_int64(late.out[0].back(), 7980);
    fail_unless_equals_int64(late.out[1].back(), 2980);
    // Video that begins later, with timestamps that say so.
    Live second;
    second.line.map(Timeline::audio, 0, 0, 0);
    fail_unless_equals_int64(second.line.map(Timeline::video, 6000, 0, 6000), 6000);
}
GST_END_TEST

// The skew survives a jump of both tracks.
GST_START_TEST(test_skew_and_jump) {
    Live live;
    const auto clip = [](int64_t now) { return now % 4000; };
    live.run(12000, clip, [&](int64_t now) { return clip(now) + 3000; });
    for (const int track : {0, 1}) {
        fail_unless(std::abs(live.span(track) - 11980) <= 150, "%ld", long(live.span(track)));
        fail_unless(live.largest_step(track) <= 100);
    }
}
GST_END_TEST

// Random timestamps get no further than the clock.
GST_START_TEST(test_nonsense_does_not_run_away) {
    for (const auto resume : {Timeline::Resume::at_once, Timeline::Resume::at_arrival}) {
        std::mt19937 random(5);
        Live wild(resume);
        const auto any = [&](int64_t) { return int64_t(random()); };
        wild.run(20'000, any, any);
        // Timestamps that alternate between two origins.
        Live split(resume);
        split.run(20'000, as_is, [n = 0](int64_t now) mutable { return now + ++n % 2 * 20'000; });
        for (const Live *live : {&wild, &split})
            for (const int track : {0, 1})
                fail_unless(live->span(track) <= 21'500, "%ld", long(live->span(track)));
    }
}
GST_END_TEST

// Frames whose distances in time match their timestamps.
GST_START_TEST(test_slow_frames) {
    for (const int64_t apart : {5'000, 12'000, 70'000}) {
        Timeline line;
        for (int64_t now = 0; now < 10 * apart; now += apart)
            fail_unless_equals_int64(line.map(Timeline::video, uint32_t(now), 0, 77 + now), now);
    }
    // The same step of the timestamps within 40 ms is a jump.
    Timeline line;
    line.map(Timeline::video, 0, 0, 0);
    fail_unless_equals_int64(line.map(Timeline::video, 12'000, 0, 40), 40);
}
GST_END_TEST

// Encoders that clear the top byte, and those that send only 24 bits.
GST_START_TEST(test_short_wraps) {
    for (const unsigned bits : {24u, 31u}) {
        const auto wrap = uint32_t((uint64_t(1) << bits) - 1);
        Clocked c;
        for (uint32_t t = 0; t < 1000; t += 20) {
            fail_unless_equals_uint64(c.video((wrap - 500 + t) & wrap), t);
            fail_unless_equals_uint64(c.audio((wrap - 500 + t) & wrap), t);
        }
    }
}
GST_END_TEST

// The clock of a server that has run for months: publishers that wrap at 2^31, audio first or
// video, go on at the time of arrival, and a restart behind the wrap is one.
GST_START_TEST(test_short_wraps_live) {
    for (const unsigned bits : {31u, 24u})
        for (const int64_t skew : {-300, 0, 300}) {
            const auto mask = int64_t((uint64_t(1) << bits) - 1);
            Live live(Timeline::Resume::at_arrival);
            live.run(
                8000, [&](int64_t now) { return (mask - 4000 + now) & mask; },
                [&](int64_t now) { return (mask - 4000 + now + skew) & mask; });
            for (const int track : {0, 1}) {
                fail_unless_equals_int64(live.span(track), track ? 7960 : 7980);
                fail_unless_equals_int64(live.largest_step(track), track ? 40 : 20);
            }
            fail_unless_equals_int64(live.out[0].back() - live.out[1].back(), 20 + skew);
            live.line.restart();
            live.run(2000, as_is, as_is);
            const int64_t late = live.out[1].back() - (live.start + 9960);
            fail_unless(late >= 0 && late <= std::abs(skew), "%ld", long(late));
        }
}
GST_END_TEST

// Frames at 23.976, 29.97 and variable rates, audio of 1024 samples at 44.1 kHz, all rounded to
// milliseconds: over an hour, with a wrap in it, not one more or less.
GST_START_TEST(test_no_rounding) {
    for (const uint64_t numerator : {24'000u, 30'000u, 0u}) {
        Clocked c;
        std::mt19937 random(1);
        const uint32_t begin = 0xFFFFFFFF - 600'000;
        uint64_t audio = 0, variable = 0;
        for (uint64_t n = 0; n < 30 * 3'600; ++n) {
            const uint64_t video = numerator ? n * 1'001'000 / numerator : variable;
            variable += 1 + random() % 400;
            // A million checks: the macro is too slow for each.
            if (const uint64_t out = c.video(begin + uint32_t(video)); out != video)
                fail_unless_equals_uint64(out, video);
            for (; audio * 1'024'000 / 44'100 <= video; ++audio) {
                const uint64_t time = audio * 1'024'000 / 44'100;
                if (const uint64_t out = c.audio(begin + uint32_t(time)); out != time)
                    fail_unless_equals_uint64(out, time);
            }
            if (video > 3'600'000) break;
        }
    }
}
GST_END_TEST

// A step back of a few milliseconds is tolerated: the time stands still instead.
GST_START_TEST(test_jitter) {
    Clocked c;
    c.audio(1000);
    fail_unless_equals_uint64(c.audio(1023), 23);
    fail_unless_equals_uint64(c.audio(1021), 23);
    fail_unless_equals_uint64(c.audio(1046), 46);
}
GST_END_TEST

// Whatever the input, the output never goes back within a track. A track with an origin of its own
// that jumps to the other's timestamps continues beside it, not at the old distance.
GST_START_TEST(test_jump_from_another_line) {
    Clocked c;
    c.audio(322);
    c.video(0x74610000);
    const uint32_t video = c.video(12288);
    fail_unless(c.audio(12288) - video <= 2000);
}
GST_END_TEST

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
        const uint32_t out = c.map(track, in[track]);
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
    tcase_add_test(tc, test_skew);
    tcase_add_test(tc, test_skew_that_is_meant);
    tcase_add_test(tc, test_skew_and_jump);
    tcase_add_test(tc, test_nonsense_does_not_run_away);
    tcase_add_test(tc, test_slow_frames);
    tcase_add_test(tc, test_short_wraps);
    tcase_add_test(tc, test_short_wraps_live);
    tcase_add_test(tc, test_no_rounding);
    tcase_add_test(tc, test_jitter);
    tcase_add_test(tc, test_jump_from_another_line);
    tcase_add_test(tc, test_never_back_whatever_comes);
    return s;
}
GST_CHECK_MAIN(rtmp_timeline)
