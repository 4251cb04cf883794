// SPDX-License-Identifier: LGPL-2.1-or-later
// Times of RTP: ticks, NTP, receiver reports, and the timeline of a sender's tracks.
#include "core/rtp/clock.h"
#include "core/rtp/receive_stats.h"

#include "unit/rtp_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtp;
using rig::millisecond;
using rig::second;

namespace {

/// A sender with video (90 kHz) and audio (48 kHz), whose clock may run at another rate.
struct Sender {
    MediaClock clock;
    size_t video = clock.add_track(90'000), audio = clock.add_track(48'000);
    double rate = 1;
    uint32_t video_offset = 0xFFFFF000, audio_offset = 1'000;
    int64_t arrival = 100 * second;

    uint32_t ticks(int64_t time, uint32_t clock_rate, uint32_t offset) const {
        return static_cast<uint32_t>(
                   ticks_of(int64_t(static_cast<double>(time) * rate), clock_rate)) +
               offset;
    }
    /// A frame made at `time`, which arrives `late` after that.
    MediaClock::Stamp frame(size_t track, int64_t time, int64_t late) {
        const uint32_t timestamp =
            track == video ? ticks(time, 90'000, video_offset) : ticks(time, 48'000, audio_offset);
        return clock.stamp(track, timestamp, arrival + time + late);
    }
    void report(size_t track, int64_t time, int64_t error = 0) {
        const uint32_t timestamp =
            track == video ? ticks(time, 90'000, video_offset) : ticks(time, 48'000, audio_offset);
        const int64_t unix_time = 1'700'000'000 * second + time + error;
        clock.sender_report(track, ntp_of(unix_time), timestamp);
    }
    int64_t of(int64_t time) const { return arrival + time; }
};

bool near(int64_t a, int64_t b, int64_t tolerance) {
    return std::abs(a - b) <= tolerance;
}

} // namespace

GST_START_TEST(test_units) {
    fail_unless(ticks_of(second, 90'000) == 90'000 && ticks_of(-1, 90'000) == -1);
    fail_unless(ticks_of(33'333'334, 90'000) == 3'000 && ticks_of(33'333'333, 90'000) == 2'999);
    fail_unless(nanoseconds_of(3'003, 90'000) == 33'366'666 &&
                nanoseconds_of(-1, 48'000) == -20'834);
    fail_unless(nanoseconds_of(int64_t(1) << 32, 90'000) == 47'721'858'844'444);
    // RFC 3550, figure 2: 0xb44db705.20000000 is 10 Nov 1995 11:33:25.125 UTC.
    fail_unless(unix_time_of(0xB44DB70520000000) == 816'003'205 * second + 125 * millisecond);
    fail_unless(ntp_of(816'003'205 * second + 125 * millisecond) == 0xB44DB70520000000);
    fail_unless(compact_ntp(0xB44DB70520000000) == 0xB7052000);
    fail_unless(unix_time_of(0x0000000080000000) == 2'085'978'496 * second + second / 2);
    for (const int64_t time : {int64_t(0), int64_t(1'234'567'891), 2'000'000'000 * second + 999})
        fail_unless(near(unix_time_of(ntp_of(time)), time, 1));
}
GST_END_TEST

GST_START_TEST(test_round_trip) {
    // RFC 3550, figure 2: LSR 0xb705:2000, DLSR 5.25 s, arrival 0xb710:8000, so 6.125 s.
    rtcp::ReportBlock block;
    fail_unless(!round_trip_of(block, 0xB7108000));
    block.last_report = 0xB7052000;
    block.delay = 0x00054000;
    fail_unless(round_trip_of(block, 0xB7108000) == 6'125 * millisecond);
    fail_unless(round_trip_of(block, 0xB70A6000) == 0);
    fail_unless(!round_trip_of(block, 0xB70A0000) && !round_trip_of(block, 0xB7608000));
}
GST_END_TEST

GST_START_TEST(test_receive_stats) {
    ReceiveStats stats(8'000);
    fail_unless(!stats.report(0));
    // 20 ms packets; every fifth is lost.
    int64_t now = 0;
    for (int i = 0; i < 100; ++i, now += 20 * millisecond)
        if (i % 5 != 3)
            stats.received(9, static_cast<uint16_t>(65'500 + i), static_cast<uint32_t>(i * 160),
                           now);
    auto block = stats.report(now);
    fail_unless(block && block->ssrc == 9 && block->highest_sequence == 65'599);
    fail_unless(block->lost == 20 && block->fraction_lost == 51 && block->jitter == 0);
    fail_unless(block->last_report == 0 && block->delay == 0);
    // Nothing in between; then a duplicate, which makes the loss of the interval negative.
    block = stats.report(now);
    fail_unless(block->fraction_lost == 0 && block->lost == 20);
    stats.received(9, static_cast<uint16_t>(65'599), 99 * 160, now);
    block = stats.report(now);
    fail_unless(block->fraction_lost == 0 && block->lost == 19);

    // Jitter: alternately on time and 10 ms (80 ticks) late differs by 80 each time.
    ReceiveStats late(8'000);
    for (int i = 0; i < 400; ++i)
        late.received(9, static_cast<uint16_t>(i), static_cast<uint32_t>(i * 160),
                      i * 20 * millisecond + i % 2 * 10 * millisecond);
    block = late.report(8 * second);
    fail_unless(block->jitter >= 78 && block->jitter <= 80, "%u", block->jitter);
    fail_unless(near(late.jitter(), 10 * millisecond, millisecond));

    // Of another SSRC, a report is ignored; then LSR and DLSR.
    late.received(rtcp::SenderReport{.ssrc = 8, .ntp = 1}, 8 * second);
    late.received(rtcp::SenderReport{.ssrc = 9, .ntp = 0xB44DB70520000000}, 8 * second);
    block = late.report(13 * second + 250 * millisecond);
    fail_unless(block->last_report == 0xB7052000 && block->delay == 0x00054000);
    // A restart counts anew.
    late.received(10, 5, 0, 14 * second);
    late.received(10, 6, 0, 14 * second);
    block = late.report(14 * second);
    fail_unless(block->ssrc == 10 && block->lost == 0 && block->highest_sequence == 6);
    fail_unless(block->last_report == 0);
}
GST_END_TEST

GST_START_TEST(test_timeline) {
    Sender s;
    // The first packet comes 30 ms late; timestamps wrap at once; B-frames go back.
    auto stamp = s.frame(s.video, 0, 30 * millisecond);
    fail_unless(stamp.time == s.of(30 * millisecond) && !stamp.jumped);
    stamp = s.frame(s.video, 120 * millisecond, 0);
    fail_unless(near(stamp.time, s.of(150 * millisecond), millisecond), "%ld", long(stamp.time));
    stamp = s.frame(s.video, 80 * millisecond, 50 * millisecond);
    fail_unless(near(stamp.time, s.of(110 * millisecond), millisecond) && !stamp.jumped);
    // Later packets arrive at once: the timeline follows them, slowly and without a jump.
    int64_t last = 0;
    for (int64_t time = 200 * millisecond; time < 30 * second; time += 20 * millisecond) {
        stamp = s.frame(s.video, time, time % (100 * millisecond) / 10);
        fail_unless(!stamp.jumped && stamp.time > last);
        last = stamp.time;
    }
    fail_unless(near(stamp.time, s.of(29'980 * millisecond), 5 * millisecond));

    // A clock that is 200 ppm fast: the timeline keeps to the arrivals.
    s = Sender();
    s.rate = 1.0002;
    for (int64_t time = 0; time < 600 * second; time += 100 * millisecond) {
        stamp = s.frame(s.video, time, 0);
        fail_unless(!stamp.jumped && near(stamp.time, s.of(time), 3 * millisecond), "%ld: %ld",
                    long(time / millisecond), long(stamp.time - s.of(time)));
    }
}
GST_END_TEST

GST_START_TEST(test_jumps) {
    Sender s;
    int64_t time = 0;
    const auto run = [&](int64_t duration, int64_t late) {
        int jumps = 0;
        MediaClock::Stamp stamp;
        for (const int64_t end = time + duration; time < end; time += 20 * millisecond) {
            stamp = s.frame(s.video, time, late);
            jumps += stamp.jumped;
        }
        fail_unless(near(stamp.time, s.of(time - 20 * millisecond) + late, 200 * millisecond));
        return jumps;
    };
    fail_unless(run(5 * second, 0) == 0);
    s.video_offset += 500'000'000; // anywhere
    fail_unless(run(5 * second, 0) == 1);
    s.video_offset -= 3 * 90'000;
    fail_unless(run(5 * second, 0) == 1);
    s.clock.restart(s.video);
    s.video_offset = 7;
    fail_unless(run(5 * second, 0) == 1);
    // Timestamps that stood still while time passed: seen when a window is over.
    s.video_offset -= 90'000;
    fail_unless(run(5 * second, 0) == 1);
    // A network that held everything up for three seconds: what follows is in time.
    const auto held = s.frame(s.video, time, 3 * second);
    fail_unless(!held.jumped && near(held.time, s.of(time), 200 * millisecond));
    for (int i = 1; i < 150; ++i)
        fail_unless(
            !s.frame(s.video, time + i * 20 * millisecond, 3 * second - i * 20 * millisecond)
                 .jumped);
    time += 3 * second;
    fail_unless(run(5 * second, 0) == 0);
    // A cached GOP that comes at once is not a jump either.
    Sender burst;
    for (int i = 0; i < 100; ++i) {
        const int64_t at = i * 40 * millisecond;
        fail_unless(!burst.frame(burst.video, at, -at).jumped);
    }
    // Unless it never ends.
    int jumps = 0;
    for (int i = 100; i < 4'000; ++i)
        jumps += burst.frame(burst.video, i * 40 * millisecond, -i * 40 * millisecond).jumped;
    fail_unless(jumps >= 1 && jumps < 4);
}
GST_END_TEST

GST_START_TEST(test_synchronous) {
    // Audio is sent 60 ms later than video of the same time, until reports tell.
    Sender s;
    const int64_t late = 60 * millisecond;
    MediaClock::Stamp video, audio;
    int jumps = 0;
    const auto run = [&](int64_t from, int64_t to, int64_t audio_late) {
        for (int64_t time = from; time < to; time += 20 * millisecond) {
            video = s.frame(s.video, time, 0);
            audio = s.frame(s.audio, time, audio_late);
            jumps += video.jumped + audio.jumped;
        }
    };
    s.report(s.audio, 0); // before any packet
    run(0, 5 * second, late);
    fail_unless(near(audio.time - video.time, late, 2 * millisecond));
    s.report(s.video, 5 * second);
    s.report(s.audio, 5 * second);
    run(5 * second, 15 * second, late);
    fail_unless(near(audio.time, video.time, 2 * millisecond) && jumps == 0);
    fail_unless(near(video.time, s.of(14'980 * millisecond), 2 * millisecond));
    // The sender's wall clock is set: nothing happens before both have told of it, nor then.
    s.report(s.video, 15 * second, 3'600 * second);
    run(15 * second, 20 * second, late);
    s.report(s.audio, 20 * second, 3'600 * second);
    run(20 * second, 25 * second, late);
    fail_unless(jumps == 0 && near(audio.time, video.time, 70 * millisecond));
    fail_unless(near(*s.clock.sender_time(s.video, s.ticks(21 * second, 90'000, s.video_offset)),
                     1'700'003'621 * second, millisecond));
    // A report that is far from the packets, or without a time, is ignored.
    s.report(s.video, 100 * second);
    s.clock.sender_report(s.video, 0, 0);
    fail_unless(near(*s.clock.sender_time(s.video, s.ticks(21 * second, 90'000, s.video_offset)),
                     1'700'003'621 * second, millisecond));

    // A large skew is mended at once, an absurd one not at all.
    Sender far;
    const auto skew = [&](int64_t error) {
        far = Sender();
        std::swap(far, s);
        jumps = 0;
        run(0, second, 0);
        s.report(s.video, second);
        s.report(s.audio, second, error);
        run(second, 6 * second, 0);
        return audio.time - video.time;
    };
    fail_unless(near(skew(400 * millisecond), 400 * millisecond, 2 * millisecond) && jumps == 1);
    fail_unless(near(skew(-400 * millisecond), -400 * millisecond, 2 * millisecond) && jumps == 1);
    fail_unless(near(skew(3'600 * second), 0, 2 * millisecond) && jumps == 0);
}
GST_END_TEST

static Suite *rtp_clock_suite() {
    Suite *s = suite_create("rtp_clock");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_units);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_receive_stats);
    tcase_add_test(tc, test_timeline);
    tcase_add_test(tc, test_jumps);
    tcase_add_test(tc, test_synchronous);
    return s;
}
GST_CHECK_MAIN(rtp_clock)
