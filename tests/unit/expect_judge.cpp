// SPDX-License-Identifier: LGPL-2.1-or-later
// The judgement of `penstock test` about received media: each limit, failures and warnings.
#include "expect/judge.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::expect;

namespace {

constexpr int64_t ms = 1'000'000;

/// `seconds` of 25 video and 50 audio frames per second, each received 100 ms after it is due; a
/// keyframe each second.
Received steady(int seconds, int64_t latency = -1) {
    Received out;
    out.video.codec = "h264";
    out.video.width = 320;
    out.audio.codec = "aac";
    for (int i = 0; i < seconds * 25; ++i)
        out.video.frames.push_back(
            {i * 40 * ms, i * 40 * ms, (100 + i * 40) * ms, latency, i % 25 == 0});
    for (int i = 0; i < seconds * 50; ++i)
        out.audio.frames.push_back({i * 20 * ms, i * 20 * ms, (100 + i * 20) * ms, -1, false});
    return out;
}

/// The failed checks, as "first frame, fps".
std::string failed(const Limits &limits, const Received &received, int64_t ended = 5000 * ms,
                   Verdict verdict = Verdict::failure) {
    std::string out;
    for (const Check &check : judge("udp", limits, received, measure(received, 0, ended), ""))
        if (check.verdict == verdict) out += (out.empty() ? "" : ", ") + check.what;
    return out;
}

bool near(double a, double b) {
    return a > b - 0.001 && a < b + 0.001;
}

} // namespace

GST_START_TEST(test_steady) {
    const Measures measures = measure(steady(5, 30 * ms), 0, 5100 * ms);
    fail_unless(near(*measures.first, 0.1));
    fail_unless(near(*measures.fps, 25));
    fail_unless(near(*measures.keyframe, 1) && !measures.keyframe_is_open);
    fail_unless(near(*measures.skew, 0.02), "%f", *measures.skew);
    fail_unless(near(*measures.latency, 0.03));
    fail_unless(near(measures.media, 4.96) && near(measures.watched, 5));
    fail_unless(measures.backwards == 0);
}
GST_END_TEST

GST_START_TEST(test_nothing) {
    const Received nothing;
    const Measures measures = measure(nothing, 0, 5000 * ms);
    fail_unless(!measures.first && !measures.fps && !measures.skew && !measures.keyframe);
    fail_unless_equals_string(failed({}, nothing).c_str(), "first frame");
}
GST_END_TEST

GST_START_TEST(test_each_limit) {
    fail_unless_equals_string(failed({}, steady(5)).c_str(), "");
    Limits limits;
    limits.within = 0.05;
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "first frame");
    limits = {.fps_min = 28, .fps_max = 31};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "fps");
    limits = {.fps_min = 24, .fps_max = 26};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "");
    limits = {.keyframe_interval = 0.5};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "keyframe interval");
    limits = {.skew = 0.01};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "A/V skew");
    limits = {.latency = 0.5};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "latency"); // not known
    fail_unless_equals_string(failed(limits, steady(5, 400 * ms)).c_str(), "");
    fail_unless_equals_string(failed(limits, steady(5, 600 * ms)).c_str(), "latency");
    limits = {.video = Limits::Media{.codec = "h265", .width = 321}};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "video, video width");
    limits = {.audio = Limits::Media{.is_wanted = false}};
    fail_unless_equals_string(failed(limits, steady(5)).c_str(), "audio");
}
GST_END_TEST

GST_START_TEST(test_what_stops_or_goes_back) {
    // Two seconds of media within six seconds.
    fail_unless_equals_string(failed({}, steady(2), 6000 * ms).c_str(), "flow");
    Received back = steady(5);
    back.video.frames[60].dts -= 300 * ms;
    fail_unless_equals_string(failed({}, back).c_str(), "timestamps");
    // A step back in the first second, or a small one, is tolerated.
    back = steady(5);
    back.video.frames[10].dts -= 300 * ms;
    back.audio.frames[200].dts -= 100 * ms;
    fail_unless_equals_string(failed({}, back).c_str(), "");
}
GST_END_TEST

GST_START_TEST(test_keyframe_that_never_comes_again) {
    Received once = steady(5);
    for (size_t i = 1; i < once.video.frames.size(); ++i)
        once.video.frames[i].is_keyframe = false;
    const Measures measures = measure(once, 0, 5000 * ms);
    fail_unless(measures.keyframe_is_open && near(*measures.keyframe, 4.96));
    const Limits limits{.keyframe_interval = 10};
    fail_unless_equals_string(failed(limits, once).c_str(), "keyframe interval");
}
GST_END_TEST

GST_START_TEST(test_what_is_warned_of) {
    const auto warned = [](const Limits &limits, const Received &received) {
        return failed(limits, received, 5000 * ms, Verdict::warning);
    };
    Received received = steady(5);
    received.video.profile = "High@L3";
    fail_unless_equals_string(warned({}, received).c_str(), "");
    received.video.is_hardly_playable = true;
    fail_unless_equals_string(warned({}, received).c_str(), "video profile");
    for (size_t i = 1; i < received.video.frames.size(); ++i)
        received.video.frames[i].is_keyframe = false;
    fail_unless_equals_string(warned({}, received).c_str(), "video profile, keyframe interval");
    // An explicit limit decides instead of the default.
    fail_unless_equals_string(warned({.keyframe_interval = 10}, received).c_str(), "video profile");
    Received seldom = steady(13);
    for (size_t i = 1; i < seldom.video.frames.size(); ++i)
        seldom.video.frames[i].is_keyframe = i % 150 == 0;
    fail_unless_equals_string(warned({}, seldom).c_str(), "keyframe interval");
}
GST_END_TEST

GST_START_TEST(test_values_of_parameters) {
    description::Problems problems;
    const auto description = description::load_description(
        description::Source("a.yaml", "summary: s\npipeline: fakesrc ! fakesink\n"
                                      "parameters:\n  fps: {type: int, default: 50}\n"
                                      "  wait: {type: duration, default: 3s}\n"
                                      "expect:\n  fps: ${fps}\n  within: ${wait:ms}\n"
                                      "  keyframe-interval: 4s\n  duration: 1s\n"
                                      "  over: {hls: {fps: {min: 3}, skew: 1s}}\n"),
        problems);
    fail_unless(description != nullptr);
    std::vector<std::string> errors;
    const description::Binding binding(
        *description, {{"wait", "1500ms"}}, [](const char *) -> const char * { return nullptr; },
        errors);
    std::string error;
    const auto limits = Limits::make(description->expect, "rtmp", binding, &error);
    fail_unless(limits.has_value(), "%s", error.c_str());
    fail_unless(near(limits->within, 1.5));
    fail_unless(near(*limits->fps_min, 47.5) && near(*limits->fps_max, 52.5));
    fail_unless(near(limits->duration, 10)); // room for two keyframe intervals
    fail_unless(!limits->skew);
    const auto over = Limits::make(description->expect, "hls", binding, &error);
    fail_unless(over.has_value(), "%s", error.c_str());
    fail_unless(near(*over->fps_min, 3) && !over->fps_max && near(*over->skew, 1));
    fail_unless(near(*over->keyframe_interval, 4) && near(over->within, 1.5));
}
GST_END_TEST

static Suite *expect_judge_suite() {
    Suite *suite = suite_create("expect");
    TCase *tc = tcase_create("general");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_steady);
    tcase_add_test(tc, test_nothing);
    tcase_add_test(tc, test_each_limit);
    tcase_add_test(tc, test_what_stops_or_goes_back);
    tcase_add_test(tc, test_keyframe_that_never_comes_again);
    tcase_add_test(tc, test_what_is_warned_of);
    tcase_add_test(tc, test_values_of_parameters);
    return suite;
}

GST_CHECK_MAIN(expect_judge)
