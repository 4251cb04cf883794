// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/measure.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace penstock::expect {
namespace {

/// Audio timestamp steps below this are corrections by a sender that lost time; ns.
constexpr int64_t small_step = 200'000'000;
/// Frames within this time after joining arrive in a burst; they are ignored for pace and delay;
/// ns.
constexpr int64_t settling = 1'000'000'000;

double seconds(int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

std::optional<double> percentile95(std::vector<int64_t> values) {
    if (values.empty()) return std::nullopt;
    const size_t at = (values.size() - 1) * 95 / 100;
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
    return seconds(values[at]);
}

int64_t span_of(const std::vector<Frame> &frames) {
    if (frames.empty()) return 0;
    const auto [first, last] = std::minmax_element(
        frames.begin(), frames.end(), [](const Frame &a, const Frame &b) { return a.pts < b.pts; });
    return last->pts - first->pts;
}

void measure_keyframes(const std::vector<Frame> &frames, Measures &out) {
    std::optional<int64_t> last;
    int64_t longest = 0;
    size_t count = 0;
    for (const Frame &frame : frames) {
        if (!frame.is_keyframe) continue;
        if (last) longest = std::max(longest, frame.pts - *last);
        last = frame.pts;
        ++count;
    }
    if (frames.empty()) return;
    out.keyframe_is_open = count < 2;
    out.keyframe = seconds(count < 2 ? span_of(frames) : longest);
}

/// The offset between the newest video and audio frame at each arrival; returns the 95th
/// percentile.
std::optional<double> measure_skew(const Received &received) {
    const auto &video = received.video.frames, &audio = received.audio.frames;
    if (video.empty() || audio.empty()) return std::nullopt;
    const int64_t begin = std::max(video.front().arrival, audio.front().arrival) + settling;
    std::vector<int64_t> apart;
    int64_t picture = INT64_MIN, sound = INT64_MIN;
    for (size_t v = 0, a = 0; v < video.size() || a < audio.size();) {
        const bool is_video =
            a == audio.size() || (v < video.size() && video[v].arrival <= audio[a].arrival);
        const Frame &frame = is_video ? video[v++] : audio[a++];
        int64_t &newest = is_video ? picture : sound;
        newest = std::max(newest, frame.pts);
        if (picture != INT64_MIN && sound != INT64_MIN && frame.arrival >= begin)
            apart.push_back(std::abs(picture - sound));
    }
    return percentile95(std::move(apart));
}

size_t count_backwards(const std::vector<Frame> &frames) {
    size_t count = 0;
    for (size_t i = 1; i < frames.size(); ++i)
        count += frames[i].dts < frames[i - 1].dts - small_step &&
                 frames[i].arrival >= frames.front().arrival + settling;
    return count;
}

} // namespace

Measures measure(const Received &received, int64_t started, int64_t ended) {
    Measures out;
    const auto &video = received.video.frames, &audio = received.audio.frames;
    const auto &leading = video.empty() ? audio : video;
    if (leading.empty()) return out;
    int64_t first = leading.front().arrival;
    if (!audio.empty()) first = std::min(first, audio.front().arrival);
    out.first = seconds(first - started);
    out.watched = seconds(ended - first);
    out.media = seconds(span_of(leading));
    if (const int64_t span = span_of(video); video.size() > 1 && span > 0)
        out.fps = static_cast<double>(video.size() - 1) / seconds(span);
    measure_keyframes(video, out);
    out.skew = measure_skew(received);
    std::vector<int64_t> latencies;
    for (const Frame &frame : video)
        if (frame.latency >= 0 && frame.arrival >= first + settling)
            latencies.push_back(frame.latency);
    out.latency = percentile95(std::move(latencies));
    out.backwards = count_backwards(video) + count_backwards(audio);
    return out;
}

} // namespace penstock::expect
