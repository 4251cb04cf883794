// SPDX-License-Identifier: LGPL-2.1-or-later
// Ladders: rungs as text, their sizes, and which of them is dropped and tried again; times are
// given.
#include "core/ladder/load.h"
#include "core/ladder/rungs.h"

#include "check.hpp"

using namespace penstock::ladder;

namespace {

std::vector<Rung> parsed(std::string_view text) {
    std::vector<Rung> rungs;
    const auto result = parse_rungs(text, rungs);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return rungs;
}

std::string why_not(std::string_view text) {
    std::vector<Rung> rungs;
    return parse_rungs(text, rungs).reason();
}

/// "1280x720", or "none".
std::string size(unsigned height, Frame frame) {
    const auto found = size_of({height, 1'000'000}, frame);
    return found ? std::to_string(found->width) + "x" + std::to_string(found->height) : "none";
}

constexpr int64_t ms = 1'000'000, second = 1000 * ms;

/// Three rungs, the first is the costliest.
struct Machine {
    Load load{3,
              {.lag = second,
               .patience = 5 * second,
               .retry = 30 * second,
               .longest_retry = 100 * second}};
    std::vector<Load::Reading> rungs{
        {true, 0, false, 900, 0}, {true, 0, false, 400, 0}, {true, 0, false, 200, 0}};
    int64_t now = 1000 * second;

    /// Looks each 100 ms; the rung that was stopped, or -1 if none was until `seconds` were over.
    int run(double seconds) {
        const int64_t end = now + int64_t(seconds * double(second));
        while (now < end) {
            now += 100 * ms;
            if (const auto stopped = load.look(now, rungs)) {
                rungs[*stopped].running = false;
                return int(*stopped);
            }
        }
        return -1;
    }
    void set_lag(int64_t lag) {
        for (auto &rung : rungs)
            rung.lag = lag;
    }
    void bring_back(size_t rung) {
        fail_unless(load.may_return(rung, now));
        load.returned(rung, now);
        rungs[rung].running = true;
    }
};

} // namespace

GST_START_TEST(test_text) {
    const std::vector<Rung> all = parsed(default_rungs);
    fail_unless(
        all ==
        std::vector<Rung>({{1080, 5'000'000}, {720, 2'500'000}, {480, 1'200'000}, {360, 800'000}}));
    fail_unless(parsed("360:800000, 720:2500000") ==
                std::vector<Rung>({{720, 2'500'000}, {360, 800'000}}));
    for (const char *wrong :
         {"", ",", "720", "720:", ":5", "720:5000000,", "720p:2500000", "-2:50000", "720:2500000:1",
          "99999999999999999999:1000000", "720:1e6"})
        fail_unless(why_not(wrong).find("HEIGHT:BITRATE") != std::string::npos, "%s", wrong);
    fail_unless(why_not("721:2500000").find("even") != std::string::npos);
    fail_unless(why_not("62:2500000").find("64") != std::string::npos);
    fail_unless(why_not("4322:2500000").find("4320") != std::string::npos);
    fail_unless(why_not("720:9999").find("10000") != std::string::npos);
    fail_unless(why_not("720:2500000,720:1000000").find("once") != std::string::npos);
    std::string many = "64:50000";
    for (int i = 1; i < 8; ++i)
        many += "," + std::to_string(64 + 2 * i) + ":50000";
    fail_unless_equals_int(parsed(many).size(), 8);
    fail_unless(why_not(many + ",100:50000").find("8") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_sizes) {
    fail_unless_equals_string(size(720, {{1920, 1080}}).c_str(), "1280x720");
    fail_unless_equals_string(size(480, {{1920, 1080}}).c_str(), "854x480");
    fail_unless_equals_string(size(360, {{1920, 1080}}).c_str(), "640x360");
    // Not the source's own size, and nothing larger.
    fail_unless_equals_string(size(1080, {{1920, 1080}}).c_str(), "none");
    fail_unless_equals_string(size(1080, {{1280, 720}}).c_str(), "none");
    fail_unless_equals_string(size(1080, {{1922, 1082}}).c_str(), "1918x1080");
    // Upright, 4:3, cinema, odd.
    fail_unless_equals_string(size(720, {{1080, 1920}}).c_str(), "720x1280");
    fail_unless_equals_string(size(480, {{960, 720}}).c_str(), "640x480");
    fail_unless_equals_string(size(360, {{1920, 804}}).c_str(), "860x360");
    fail_unless_equals_string(size(360, {{853, 481}}).c_str(), "638x360");
    // Pixels that are not square: 16:9 and 4:3 in 720x576, 4:3 in 720x480.
    fail_unless_equals_string(size(480, {{720, 576}, 64, 45}).c_str(), "854x480");
    fail_unless_equals_string(size(360, {{720, 576}, 16, 15}).c_str(), "480x360");
    fail_unless_equals_string(size(480, {{720, 480}, 8, 9}).c_str(), "none");
    fail_unless_equals_string(size(360, {{720, 480}, 8, 9}).c_str(), "480x360");
    // Nonsense.
    fail_unless_equals_string(size(360, {{0, 720}}).c_str(), "none");
    fail_unless_equals_string(size(360, {{1280, 0}}).c_str(), "none");
    fail_unless_equals_string(size(64, {{16000, 100}}).c_str(), "none");
    fail_unless_equals_string(size(360, {{1280, 720}, 0, 0}).c_str(), "640x360");
    fail_unless_equals_string(size(360, {{1280, 720}, 0xffffffff, 1}).c_str(), "none");
}
GST_END_TEST

// Whatever the frame: even sides, the height asked for, the display aspect ratio within a pixel.
GST_START_TEST(test_any_size) {
    std::mt19937 engine(1);
    const auto any = [&](unsigned most) { return unsigned(engine() % most) + 1; };
    for (int i = 0; i < rounds(20000); ++i) {
        const Frame frame{{any(8000), any(8000)}, any(64), any(64)};
        const unsigned height = any(500) * 2 + 62;
        const auto found = size_of({height, 1}, frame);
        if (!found) continue;
        const double wanted = double(frame.size.width) * frame.pixel_width /
                              (double(frame.size.height) * frame.pixel_height);
        fail_unless_equals_int(std::min(found->width, found->height), height);
        fail_unless(found->width % 2 == 0 && found->height % 2 == 0);
        fail_unless(height < frame.size.height);
        const double longer = height * std::max(wanted, 1 / wanted);
        fail_unless(std::abs(std::max(found->width, found->height) - longer) <= 1.001, "%ux%u",
                    found->width, found->height);
    }
}
GST_END_TEST

// Late for less than the patience, or not late enough, is fine.
GST_START_TEST(test_patience) {
    Machine machine;
    machine.set_lag(second);
    fail_unless_equals_int(machine.run(20), -1);
    for (int i = 0; i < 10; ++i) {
        machine.set_lag(3 * second);
        fail_unless_equals_int(machine.run(4.9), -1);
        machine.set_lag(0);
        fail_unless_equals_int(machine.run(0.2), -1);
    }
    machine.set_lag(second + 1);
    fail_unless_equals_int(machine.run(5.2), 0);
    fail_unless(machine.load.is_stopped(0));
    fail_unless_equals_int(machine.load.stops(0), 1);
}
GST_END_TEST

// The one that stands still comes before the costliest; each gets the same patience.
GST_START_TEST(test_which) {
    Machine machine;
    machine.set_lag(2 * second);
    machine.rungs[1].is_full = true;
    fail_unless_equals_int(machine.run(5.2), 1);
    fail_unless_equals_int(machine.run(4.9), -1);
    fail_unless_equals_int(machine.run(0.3), 0);
    fail_unless_equals_int(machine.run(5.2), 2);
    // None is left.
    fail_unless_equals_int(machine.run(60), -1);
    // A rung that does not run is not stopped, however late it looks.
    Machine other;
    other.rungs[0].running = false;
    other.set_lag(2 * second);
    fail_unless_equals_int(other.run(5.2), 1);
    // The decoder waits for one that works: it is no more at fault than the others.
    Machine busy;
    busy.set_lag(2 * second);
    busy.rungs[1].is_full = true;
    fail_unless_equals_int(busy.run(1), -1);
    busy.rungs[1].out += second;
    fail_unless_equals_int(busy.run(4.2), 0);
}
GST_END_TEST

// What catches up is left alone, however long that takes; a rung that stops catching up is dropped.
GST_START_TEST(test_catches_up) {
    Machine machine;
    // A burst of a GOP comes frame by frame, if fast.
    machine.set_lag(second + 1);
    fail_unless_equals_int(machine.run(0.1), -1);
    for (int64_t lag = 9 * second; lag > 3 * second; lag -= second / 5) {
        machine.set_lag(lag);
        fail_unless_equals_int(machine.run(1), -1);
    }
    fail_unless_equals_int(machine.run(10.4), 0);
    // As do the others once it is gone.
    machine.set_lag(2 * second);
    fail_unless_equals_int(machine.run(4), -1);
    machine.set_lag(second);
    fail_unless_equals_int(machine.run(20), -1);
}
GST_END_TEST

// Back after a while, the cheapest first, one at a time, and later each time that it was too much.
GST_START_TEST(test_return) {
    Machine machine;
    machine.set_lag(2 * second);
    fail_unless_equals_int(machine.run(5.2), 0);
    fail_unless_equals_int(machine.run(5.2), 1);
    machine.set_lag(0);
    machine.run(24);
    fail_if(machine.load.may_return(0, machine.now), "30 s are not over");
    machine.run(20);
    fail_if(machine.load.may_return(0, machine.now), "the cheaper one is first");
    machine.bring_back(1);
    fail_if(machine.load.may_return(0, machine.now), "the other is on trial");
    machine.run(9.9);
    fail_if(machine.load.may_return(0, machine.now), "the other is on trial still");
    machine.run(0.3);
    machine.bring_back(0);
    // Too much again, and again: it waits for twice as long, up to the limit.
    for (const int64_t delay : {60, 100, 100}) {
        machine.set_lag(2 * second);
        fail_unless_equals_int(machine.run(5.2), 0);
        fail_unless_equals_int(machine.load.delay(0) / second, delay);
        machine.set_lag(0);
        machine.run(double(delay) - 0.2);
        fail_if(machine.load.may_return(0, machine.now));
        machine.run(0.3);
        machine.bring_back(0);
    }
    // It ran for long: the next time begins with the first delay.
    machine.run(201);
    machine.set_lag(2 * second);
    fail_unless_equals_int(machine.run(5.2), 0);
    fail_unless_equals_int(machine.load.delay(0) / second, 30);
    // While others are late, none returns.
    machine.set_lag(0);
    machine.run(30);
    fail_unless(machine.load.may_return(0, machine.now));
    machine.set_lag(2 * second);
    machine.run(0.1);
    fail_if(machine.load.may_return(0, machine.now));
}
GST_END_TEST

// One that is due but has no pad any more must not keep the costlier ones from coming back.
GST_START_TEST(test_forget) {
    Machine machine;
    machine.set_lag(2 * second);
    fail_unless_equals_int(machine.run(5.2), 0);
    fail_unless_equals_int(machine.run(5.2), 1);
    machine.set_lag(0);
    machine.run(40);
    fail_if(machine.load.may_return(0, machine.now), "the cheaper one is first");
    machine.load.forget(1);
    fail_if(machine.load.is_stopped(1));
    fail_unless_equals_int(machine.load.stops(1), 0);
    machine.bring_back(0);
}
GST_END_TEST

static Suite *ladder_rungs_suite() {
    Suite *s = suite_create("ladder_rungs");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_sizes);
    tcase_add_test(tc, test_any_size);
    tcase_add_test(tc, test_patience);
    tcase_add_test(tc, test_which);
    tcase_add_test(tc, test_catches_up);
    tcase_add_test(tc, test_return);
    tcase_add_test(tc, test_forget);
    return s;
}
GST_CHECK_MAIN(ladder_rungs)
