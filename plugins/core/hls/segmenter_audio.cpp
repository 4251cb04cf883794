// SPDX-License-Identifier: LGPL-2.1-or-later
// Audio input of the segmenter: order, skew against video, and cuts by audio.
#include "core/hls/segmenter.h"

#include <algorithm>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
// A larger step back begins a new timeline; ns.
constexpr int64_t backward_limit = second;
// After a gap of this size audio may belong to a new run of the video; ns.
constexpr int64_t hole = second / 2;
// A segment cut by time ends at an audio frame if one begins within this; ns.
constexpr int64_t nearby = second / 10;

} // namespace

/// Shifts audio whose timestamps differ too much from the video's. Returns false, to drop the
/// sample, until the difference has lasted for some time.
bool Segmenter::align_audio(Sample &sample) {
    const int64_t raw = sample.pts;
    sample.pts += audio_shift_;
    const Track &video = track(Kind::video);
    if (!options_.realtime || !options_.monotonic_clock || !video.position || video.ended)
        return true;
    // Video, or all media, may have paused since its last frame.
    const int64_t earliest = *video.position;
    const int64_t expected = earliest + std::max<int64_t>(now() - video.arrived, 0);
    const auto near = [&](int64_t pts) {
        return pts >= earliest - options_.max_skew && pts <= expected + options_.max_skew;
    };
    if (near(sample.pts)) {
        skewed_since_.reset();
        return true;
    }
    // When the whole stream jumps, one track jumps first.
    if (!skewed_since_ || raw < *skewed_since_) skewed_since_ = raw;
    if (raw - *skewed_since_ < hole) return false;
    audio_shift_ = near(raw) ? 0 : expected - raw;
    skewed_since_.reset();
    sample.pts = raw + audio_shift_;
    warn("audio's timestamps are " + std::to_string((raw - expected) / 1'000'000) +
         " ms away from video's: moved by " + std::to_string(audio_shift_ / 1'000'000) + " ms");
    return true;
}

/// The same for queued audio that waits for the first keyframe, which has this pts.
void Segmenter::align_queued_audio(int64_t pts) {
    Track &audio = track(Kind::audio);
    if (!options_.realtime || !options_.monotonic_clock || audio.queue.empty()) return;
    // A run that has ended leaves audio behind a gap, and no position.
    const int64_t reached = audio.position.value_or(audio.queue.back().sample.pts);
    const int64_t expected = pts - std::max<int64_t>(now() - audio.arrived, 0);
    if (reached >= expected - options_.max_skew && reached <= pts + options_.max_skew) return;
    const int64_t change = expected - reached;
    warn("audio's timestamps are " + std::to_string(-change / 1'000'000) +
         " ms away from video's: moved there");
    audio_shift_ += change;
    for (Entry &entry : audio.queue) {
        entry.sample.pts += change;
        entry.arrival -= change;
    }
    if (audio.position) *audio.position += change;
    if (audio.last_pts) *audio.last_pts += change;
    if (audio.latest) *audio.latest += change;
}

/// Returns false for a sample that can no longer be used.
bool Segmenter::order_audio(const Sample &sample) {
    Track &t = track(Kind::audio);
    // Samples that one run left for the next may be from another timeline.
    std::optional<int64_t> last = t.last_pts;
    if (!last && !t.queue.empty()) last = t.queue.back().sample.pts;
    if (!last || sample.pts > *last) return true;
    if (sample.pts > *last - backward_limit) return false;
    if (running() && !video_driven_) {
        warn("audio jumps back: going on with a discontinuity");
        finish_run();
        next_discontinuity_ = true;
        return true;
    }
    const auto &video = track(Kind::video).last_pts;
    // Audio that went back without video is unusable until video follows.
    if (running() && video && std::abs(sample.pts - *video) >= std::abs(*last - *video))
        return false;
    while (!t.queue.empty() && t.queue.back().sample.pts >= sample.pts) {
        forget(t.queue.back());
        t.queue.pop_back();
        drop();
    }
    t.position.reset();
    return true;
}

void Segmenter::add_audio(Sample sample, FormatPtr format) {
    Track &t = track(Kind::audio);
    if (!align_audio(sample) || !order_audio(sample)) return drop();
    const bool gap = t.position && sample.pts > *t.position + hole;
    const bool after_gap = gap || (!t.queue.empty() && t.queue.back().after_gap);
    if (running() && !video_driven_ && gap &&
        jumps(t, track(Kind::video), *t.position, sample.pts)) {
        warn("audio jumps ahead: going on with a discontinuity");
        finish_run();
        next_discontinuity_ = true;
    }
    if (sample.discontinuity && gap) discontinuity(Kind::audio);
    const bool changed = t.accepted && !t.accepted->same(*format);
    t.format = format;
    if (changed && running() && video_driven_) force_cut_ = true;
    if (changed && running() && !video_driven_) {
        finish_run();
        next_discontinuity_ = true;
    }
    moved(Kind::audio, sample.pts);
    t.last_pts = sample.pts;
    t.position = sample.pts + sample.duration;
    Entry entry{std::move(sample), std::move(format), 0, false, after_gap};
    if (running()) {
        queue_audio(std::move(entry));
        return cut_in_pause();
    }
    push(t, std::move(entry));
    const Track &video = track(Kind::video);
    const bool may_come = !video.ended && !video.stalled;
    const int64_t wait = !video.declared  ? options_.wait_undeclared
                         : video.last_dts ? options_.wait_keyframe
                                          : options_.wait_declared;
    const int64_t held = *t.position - t.queue.front().sample.pts;
    const bool patient = held <= wait || (video.declared && !options_.realtime);
    if (!may_come || !patient) start_audio_only();
}

/// Queues an audio frame for the run; without video it may begin a segment.
void Segmenter::queue_audio(Entry entry) {
    const int64_t pts = entry.sample.pts;
    if (cuts_.front().fresh && pts < cuts_.front().pts) return drop();
    if (!video_driven_ && pts >= audio_floor_ && pts > cuts_.back().pts &&
        (is_split(pts) || pts - cuts_.back().pts >= target() - options_.tolerance))
        cut(pts, false, false, false);
    push(track(Kind::audio), std::move(entry));
}

/// Cuts segments by the audio's time while video is silent: later than the target by the lateness
/// allowed for keyframes.
void Segmenter::cut_in_pause() {
    const Track &video = track(Kind::video);
    const Track &audio = track(Kind::audio);
    if (!video_driven_ || !options_.realtime || !video.position || !silent(Kind::video)) return;
    // The expected position of video. Audio timestamps may be ahead of it.
    const int64_t end = *video.position + video.silence;
    while (end - cuts_.back().pts >= target() + options_.max_lag) {
        if (!std::exchange(paused_, true)) warn("video pauses: segments go on by the audio's time");
        int64_t pts = cuts_.back().pts + target();
        for (const Entry &entry : audio.queue) {
            if (entry.sample.pts < pts - options_.tolerance) continue;
            if (entry.sample.pts < pts + nearby) pts = entry.sample.pts;
            break;
        }
        cut(pts, false, false, false);
    }
}

void Segmenter::start_audio_only() {
    Track &t = track(Kind::audio);
    if (t.queue.empty()) return;
    std::deque<Entry> held = std::exchange(t.queue, {});
    for (Entry &entry : held)
        forget(entry);
    track(Kind::video).stalled = true;
    video_driven_ = false;
    need_keyframe_ = true;
    audio_floor_ = held.front().sample.pts;
    start(held.front().sample.pts, false);
    for (Entry &entry : held)
        queue_audio(std::move(entry));
}

/// From now on audio alone determines the cuts.
void Segmenter::leave_video() {
    Track &video = track(Kind::video);
    Track &audio = track(Kind::audio);
    video_driven_ = false;
    need_keyframe_ = true;
    const int64_t last_cut = cuts_.back().pts;
    // The last frames stay with their keyframe, and so does the little audio that follows them.
    audio_floor_ = std::max(video.position.value_or(last_cut), last_cut) + hole;
    // Audio that arrived meanwhile is cut as if it arrived now.
    std::deque<Entry> later;
    while (!audio.queue.empty() && audio.queue.back().sample.pts > last_cut) {
        forget(audio.queue.back());
        later.push_front(std::move(audio.queue.back()));
        audio.queue.pop_back();
    }
    for (Entry &entry : later)
        queue_audio(std::move(entry));
}

} // namespace penstock::hls
