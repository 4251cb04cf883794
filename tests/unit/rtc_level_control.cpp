// SPDX-License-Identifier: LGPL-2.1-or-later
// What a viewer gets whose network can't follow: the policy alone, with networks that are
// simulated.
#include "core/rtc/keyframe_hold.h"
#include "core/rtc/level_control.h"
#include "core/rtc/repair_delay.h"
#include "core/rtc/sent_spans.h"

#include <algorithm>
#include <deque>
#include <random>

#include "check.hpp"

using namespace penstock::rtc;

namespace {

constexpr int64_t ms = 1'000'000, second = 1'000'000'000;
constexpr int64_t begin = 1'000 * second;

/// A stream of 2.15 Mbit/s with sound, and a keyframe every two seconds.
StreamRates stream() {
    StreamRates rates;
    rates.audio = 75'000;
    rates.rungs[0] = {2'100'000, 250'000};
    return rates;
}

/// The same with two lower tracks.
StreamRates ladder() {
    StreamRates rates = stream();
    rates.rungs[1] = {700'000, 90'000};
    rates.rungs[2] = {220'000, 30'000};
    return rates;
}

/// A network with a bottleneck, behind which the viewer reports as a browser does: packets that are
/// missing at once, reports five times a second, and no estimate unless it is set.
struct Network {
    explicit Network(StreamRates of) : rates(of) {
        control.set_can_pad(true);
        control.begin(now);
    }
    void run(double seconds) {
        const int64_t end = now + int64_t(seconds * second);
        for (; now < end; now += 5 * ms) {
            send();
            report();
            const Level before = control.level();
            if (control.check(rates, now)) {
                fail_unless(control.level() != before);
                ++changes;
                changed = now;
            }
        }
    }
    Level level() const { return control.level(); }

    LevelControl control;
    StreamRates rates;
    double capacity = 1e9; ///< bit/s
    double loss = 0;       ///< share, at random
    double queue = 0.3;    ///< s
    int64_t trip = 40 * ms;
    int64_t now = begin, changed = begin;
    unsigned changes = 0;
    bool is_blocked = false;
    uint64_t audio_sent = 0, audio_lost = 0;

private:
    static constexpr double packet = 1'200 * 8;
    /// The bitrate of the video at the present level.
    double video() const {
        switch (control.level().detail) {
        case Detail::none:
            return 0;
        case Detail::keyframes:
            return std::min(double(control.keyframe_rate()),
                            double(rates.rungs[control.level().rung].keyframes));
        case Detail::all:
            break;
        }
        return rates.rungs[control.level().rung].all;
    }
    /// Whether a packet of so many bits gets through.
    bool carry(double bits) {
        const double waits = std::max(free_at_ - double(now), 0.0);
        if (waits > queue * second) return false;
        free_at_ = double(now) + waits + bits / capacity * second;
        return !(chance_(random_) < loss);
    }
    void send() {
        constexpr double step = 0.005;
        video_due_ += video() * step;
        padding_due_ += double(control.padding()) * step;
        audio_due_ += rates.audio * step;
        for (; video_due_ >= packet; video_due_ -= packet) {
            const bool arrives = carry(packet);
            control.sent(1, size_t(packet / 8));
            ++highest_;
            if (arrives) continue;
            ++lost_;
            missing_.push_back(now + trip + int64_t(std::max(free_at_ - double(now), 0.0)));
        }
        for (; padding_due_ >= packet; padding_due_ -= packet) {
            lost_padding_ += !carry(packet);
            ++highest_padding_;
            control.repeated(size_t(packet / 8), true);
        }
        constexpr double sample = 0.02;
        for (; audio_due_ >= rates.audio * sample; audio_due_ -= rates.audio * sample) {
            control.sent(1, size_t(rates.audio * sample / 8));
            ++audio_sent;
            audio_lost += !carry(rates.audio * sample);
        }
        while (!missing_.empty() && missing_.front() <= now) {
            missing_.pop_front();
            control.missed(1);
        }
    }
    void report() {
        control.blocked(is_blocked, now);
        if (now - reported_ < 200 * ms) return;
        reported_ = now;
        control.reported(LevelControl::Source::video, highest_, lost_);
        control.reported(LevelControl::Source::repetitions, highest_padding_, lost_padding_);
        control.round_trip(trip + int64_t(std::max(free_at_ - double(now), 0.0)), now);
    }

    std::mt19937 random_{1};
    std::uniform_real_distribution<double> chance_;
    std::deque<int64_t> missing_;
    double free_at_ = 0, video_due_ = 0, padding_due_ = 0, audio_due_ = 0;
    uint32_t highest_ = 1, highest_padding_ = 1;
    int32_t lost_ = 0, lost_padding_ = 0;
    int64_t reported_ = 0;
};

} // namespace

GST_START_TEST(test_rates) {
    const StreamRates rates = ladder();
    const Level best, middle{Detail::all, 1}, lowest{Detail::all, 2};
    const Level keyframes{Detail::keyframes, 2}, sound{Detail::none, 2};
    fail_unless(rates.below(best) == middle && rates.below(middle) == lowest);
    fail_unless(rates.below(lowest) == keyframes && rates.below(keyframes) == sound);
    fail_unless(!rates.below(sound) && !rates.above(best));
    fail_unless(rates.above(sound) == keyframes && rates.above(keyframes) == lowest);
    fail_unless(rates.above(lowest) == middle && rates.above(middle) == best);
    fail_unless(rates.needed(sound) < rates.needed(keyframes));
    fail_unless(rates.needed(keyframes) < rates.needed(lowest));
    // A track that sends more than the one above it is left out; without sound the last are
    // keyframes.
    StreamRates odd = rates;
    odd.audio = 0;
    odd.rungs[1].all = 3'000'000;
    fail_unless(odd.below(best) == lowest && odd.above(lowest) == best);
    fail_unless(!odd.below(keyframes));
}
GST_END_TEST

GST_START_TEST(test_enough) {
    Network network(stream());
    network.run(60);
    fail_unless_equals_int(network.changes, 0);
    fail_unless(network.control.padding() == 0 && network.audio_lost == 0);
    fail_unless(network.control.reason() == LevelControl::Reason::none);
}
GST_END_TEST

/// Random losses are repaired, and a lower level would not help against them.
GST_START_TEST(test_losses) {
    Network network(stream());
    network.loss = 0.08;
    network.run(120);
    fail_unless_equals_int(network.changes, 0);
}
GST_END_TEST

GST_START_TEST(test_keyframes) {
    for (const double capacity : {1e6, 3e5}) {
        Network network(stream());
        network.run(5);
        network.capacity = capacity;
        network.run(1.5);
        fail_unless(network.level() == (Level{Detail::keyframes, 0}), "%g", capacity);
        network.run(3);
        // From now on the sound is undisturbed but for what attempts cost.
        network.audio_sent = network.audio_lost = 0;
        network.run(60);
        fail_unless(network.level() == (Level{Detail::keyframes, 0}), "%g", capacity);
        fail_unless(network.audio_lost * 100 <= network.audio_sent, "%g: %u of %u", capacity,
                    unsigned(network.audio_lost), unsigned(network.audio_sent));
        network.capacity = 1e9;
        network.run(45);
        fail_unless(network.level() == Level(), "%g", capacity);
        const unsigned changes = network.changes;
        network.run(60);
        fail_unless_equals_int(network.changes, changes);
    }
}
GST_END_TEST

GST_START_TEST(test_sound_alone) {
    Network network(stream());
    network.run(5);
    network.capacity = 90'000;
    network.run(6);
    fail_unless(network.level().detail == Detail::none);
    network.run(3);
    network.audio_sent = network.audio_lost = 0;
    network.run(60);
    fail_unless(network.level().detail == Detail::none);
    fail_unless(network.audio_lost * 50 <= network.audio_sent, "%u of %u",
                unsigned(network.audio_lost), unsigned(network.audio_sent));
    network.capacity = 1e9;
    network.run(90);
    fail_unless(network.level() == Level());
}
GST_END_TEST

GST_START_TEST(test_lower_tracks) {
    for (const auto &[capacity, rung] : {std::pair(1e6, 1), std::pair(4e5, 2)}) {
        Network network(ladder());
        network.run(5);
        network.capacity = capacity;
        network.run(30);
        fail_unless(network.level() == (Level{Detail::all, uint8_t(rung)}), "%g: %d of %d",
                    capacity, int(network.level().detail), network.level().rung);
        network.capacity = 1e9;
        network.run(60);
        fail_unless(network.level() == Level());
    }
}
GST_END_TEST

/// The publisher's best layer pauses, and comes back.
GST_START_TEST(test_track_pauses) {
    Network network(ladder());
    network.run(5);
    network.rates.rungs[0] = {};
    network.run(1);
    fail_unless(network.level() == (Level{Detail::all, 1}));
    network.rates = ladder();
    network.run(30);
    fail_unless(network.level() == Level());
}
GST_END_TEST

/// An estimate that follows a stream which has begun to send more is no trouble; one that falls is.
GST_START_TEST(test_estimate) {
    Network network(stream());
    network.control.estimated(300'000, network.now);
    for (unsigned i = 0; i < 50; ++i) {
        network.run(0.2);
        network.control.estimated(300'000 + i * 5'000, network.now);
    }
    fail_unless_equals_int(network.changes, 0);
    for (unsigned i = 0; i < 10; ++i) {
        network.run(0.2);
        network.control.estimated(500'000 - i * 40'000, network.now);
    }
    fail_unless(network.level() == (Level{Detail::keyframes, 0}));
    fail_unless(network.control.reason() == LevelControl::Reason::estimate);
}
GST_END_TEST

/// A long queue loses nothing, but everything is late; and TCP takes no more.
GST_START_TEST(test_delay) {
    Network network(stream());
    network.queue = 20;
    network.run(3);
    network.capacity = 1.2e6;
    network.run(3);
    fail_unless(network.level() == (Level{Detail::keyframes, 0}));
    fail_unless(network.control.reason() == LevelControl::Reason::delay);

    Network tcp(stream());
    tcp.run(3);
    tcp.is_blocked = true;
    tcp.run(1.5);
    fail_unless(tcp.level().detail != Detail::all);
    fail_unless(tcp.control.reason() == LevelControl::Reason::blocked);
}
GST_END_TEST

/// A second of losses is forgotten; after a pause nothing is believed.
GST_START_TEST(test_short_trouble) {
    Network network(stream());
    network.run(5);
    network.loss = 0.2;
    network.run(1);
    network.loss = 0;
    network.run(20);
    fail_unless_equals_int(network.changes, 0);
    network.now += 100 * second;
    network.run(20);
    fail_unless_equals_int(network.changes, 0);
}
GST_END_TEST

/// Frames are held back while packets are lost, and some time longer.
GST_START_TEST(test_repair_delay) {
    RepairDelay repair;
    int64_t now = begin;
    const auto report = [&](uint32_t packets, int32_t lost) {
        static uint32_t highest = 100;
        static int32_t all_lost = 0;
        repair.reported(highest += packets, all_lost += lost, now += second);
    };
    report(0, 0);
    report(1'000, 5);
    fail_unless_equals_int(repair.delay(40 * ms, now), 0);
    report(1'000, 20);
    fail_unless_equals_int(repair.delay(40 * ms, now), 230);
    // Of a twentieth there is time for one request more.
    report(1'000, 50);
    fail_unless_equals_int(repair.delay(40 * ms, now), 360);
    fail_unless_equals_int(repair.delay(5 * second, now), RepairDelay::longest);
    for (int i = 0; i < 29; ++i)
        report(1'000, 0);
    fail_unless_equals_int(repair.delay(40 * ms, now), 360);
    report(1'000, 0);
    report(1'000, 0);
    fail_unless_equals_int(repair.delay(40 * ms, now), 0);
    // A few packets say nothing; together they do.
    report(100, 50);
    fail_unless_equals_int(repair.delay(40 * ms, now), 0);
    report(100, 0);
    fail_unless_equals_int(repair.delay(40 * ms, now), 360);
}
GST_END_TEST

/// A keyframe is complete when what was before has been repaired, or has had its time.
GST_START_TEST(test_keyframe_hold) {
    KeyframeHold hold;
    const int64_t trip = 40 * ms, longest = 250 * ms;
    fail_unless(!hold.is_due(begin) && !hold.keeps(0));
    hold.asked(90, begin, trip);
    hold.begin(100, 120, begin, trip, longest);
    fail_unless(hold.keeps(120) && !hold.keeps(119));
    // A first request may have been lost, and a second is under way.
    fail_unless(!hold.is_due(begin + 169 * ms) && hold.is_due(begin + 170 * ms));
    // The keyframe's own packets do not matter.
    hold.asked(105, begin + 100 * ms, trip);
    fail_unless(hold.is_due(begin + 170 * ms));
    // What was asked for may be asked for again.
    hold.asked(99, begin + 100 * ms, trip);
    fail_unless(!hold.is_due(begin + 229 * ms) && hold.is_due(begin + 230 * ms));
    hold.asked(99, begin + 200 * ms, trip);
    fail_unless(!hold.is_due(begin + 249 * ms) && hold.is_due(begin + 250 * ms));
    hold.end();
    fail_unless(!hold.is_holding() && !hold.keeps(120) && !hold.is_due(begin + second));
    // Places wrap.
    hold.begin(5, 9, begin, trip, longest);
    hold.asked(0xFFFFFFFF, begin + 100 * ms, trip);
    fail_unless(!hold.is_due(begin + 229 * ms));
}
GST_END_TEST

/// A network that only loses some packets carries all again, although of few packets many may be
/// lost by chance.
GST_START_TEST(test_comes_back_with_losses) {
    Network network(stream());
    network.loss = 0.05;
    network.capacity = 300'000;
    network.run(10);
    fail_unless(network.level().detail != Detail::all);
    network.capacity = 1e9;
    network.run(40);
    fail_unless(network.level() == Level());
}
GST_END_TEST

/// Two tracks in one sequence: a number alone does not say of which it is.
GST_START_TEST(test_sent_spans) {
    SentSpans spans;
    spans.begin(1'000);
    fail_unless_equals_int(spans.take(50, 3, false, 0), 1'000);
    fail_unless_equals_int(spans.take(53, 2, false, 1), 1'003);
    fail_unless_equals_int(spans.take(55, 1, false, 1), 1'005);
    const auto first = spans.find(1'002), second_one = spans.find(1'003), last = spans.find(1'005);
    fail_unless(first && first->number == 52 && first->rung == 0);
    fail_unless(second_one && second_one->number == 53 && second_one->rung == 1);
    fail_unless(last && last->number == 55 && last->rung == 1);
    fail_unless(!spans.find(1'006) && !spans.find(999));
}
GST_END_TEST

static Suite *rtc_level_control_suite() {
    Suite *suite = suite_create("rtc_level_control");
    TCase *tc = tcase_create("rtc_level_control");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_rates);
    tcase_add_test(tc, test_enough);
    tcase_add_test(tc, test_losses);
    tcase_add_test(tc, test_keyframes);
    tcase_add_test(tc, test_sound_alone);
    tcase_add_test(tc, test_lower_tracks);
    tcase_add_test(tc, test_track_pauses);
    tcase_add_test(tc, test_estimate);
    tcase_add_test(tc, test_delay);
    tcase_add_test(tc, test_short_trouble);
    tcase_add_test(tc, test_repair_delay);
    tcase_add_test(tc, test_keyframe_hold);
    tcase_add_test(tc, test_comes_back_with_losses);
    tcase_add_test(tc, test_sent_spans);
    return suite;
}
GST_CHECK_MAIN(rtc_level_control)
