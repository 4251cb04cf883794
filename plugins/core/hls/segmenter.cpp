// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes in: order, gaps, and where segments begin. segmenter_finish.cpp has what goes out.
#include "core/hls/segmenter.h"

#include <algorithm>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
// A track that goes back or forth by more than this has begun a new timeline.
constexpr int64_t backward_limit = second;
constexpr int64_t forward_limit = 10 * second;
// A hole after which audio may belong to a new run of the video, and a discontinuity is believed.
constexpr int64_t hole = second / 2;
// Beyond it sums overflow, and no running time gets there: 18 years.
constexpr int64_t time_limit = int64_t(1) << 59;

bool in_range(int64_t time) {
    return time > -time_limit && time < time_limit;
}

} // namespace

Segmenter::Segmenter(Options options, std::unique_ptr<SegmentWriter> writer)
    : options_(std::move(options)), writer_(std::move(writer)) {
}

void Segmenter::warn(std::string text) {
    if (warnings_.size() < 16) warnings_.push_back(std::move(text));
}

void Segmenter::declare(Kind kind) {
    track(kind).declared = true;
    track(kind).ended = false;
}

void Segmenter::set_format(FormatPtr format) {
    Track &t = track(format->kind);
    t.declared = true;
    t.ended = false;
    // The same caps again say nothing; the samples may know better by now.
    if (t.configured && t.configured->same(*format) &&
        t.configured->nal_length_size == format->nal_length_size &&
        t.configured->make_adts == format->make_adts)
        return;
    const bool changed = !t.format || !t.format->same(*format);
    t.configured = format;
    if (format->kind == Kind::video && changed && t.format) need_keyframe_ = true;
    t.format = std::move(format);
}

void Segmenter::remove(Kind kind) {
    end(kind);
    Track &t = track(kind);
    t.declared = false;
    t.configured = nullptr;
    t.format = nullptr;
    finish_ready();
}

void Segmenter::add(Kind kind, Sample sample) {
    Track &t = track(kind);
    ++stats_.samples;
    if (!t.format) return drop();
    if (!in_range(sample.pts) || (sample.dts && !in_range(*sample.dts))) return drop();
    if (sample.dts && *sample.dts > sample.pts) sample.dts = sample.pts;
    FormatPtr format;
    const Result result = learn(t.format, sample.data, sample.keyframe, format);
    if (!result.is_ok()) {
        drop();
        // The first says what is wrong, the later ones how often: powers of two.
        if (++broken_, (broken_ & (broken_ - 1)) == 0)
            warn("dropped " + result.reason() + " (" + std::to_string(broken_) + " so far)");
        return;
    }
    t.ended = false;
    t.stalled = false;
    if (kind == Kind::video)
        add_video(std::move(sample), std::move(format));
    else
        add_audio(std::move(sample), std::move(format));
    enforce_bounds();
    finish_ready();
}

void Segmenter::add_video(Sample sample, FormatPtr format) {
    Track &t = track(Kind::video);
    const int64_t time = sample.dts.value_or(sample.pts);
    if (t.last_dts && (time < *t.last_dts - backward_limit || time > *t.last_dts + forward_limit)) {
        warn("video jumps from " + std::to_string(*t.last_dts / 1'000'000) + " to " +
             std::to_string(time / 1'000'000) + " ms: going on with a discontinuity");
        discontinuity(Kind::video);
    }
    if (sample.discontinuity && t.last_dts &&
        (sample.keyframe || time > t.position.value_or(time) + hole || time < *t.last_dts - hole))
        discontinuity(Kind::video);
    t.last_dts = time;
    t.last_pts = sample.pts;
    t.position = std::max(t.position.value_or(sample.pts), sample.pts + sample.duration);
    audio_alone_ = 0;
    if (!sample.keyframe && need_keyframe_) return drop();
    if (sample.keyframe) {
        const bool changed = t.accepted && !t.accepted->same(*format);
        const bool new_format = changed || force_cut_ || need_keyframe_;
        if (!running())
            start(sample.pts, true);
        else if (sample.pts <= cuts_.back().pts && (!video_driven_ || new_format)) {
            // Nothing of the running segment comes before this picture.
            finish_run();
            next_discontinuity_ = true;
            start(sample.pts, true);
        } else if (!video_driven_ || new_format)
            cut(sample.pts, true, new_format);
        else if (sample.pts - cuts_.back().pts >= options_.target_duration - options_.tolerance)
            cut(sample.pts, true, false);
        else
            return push(t, {std::move(sample), std::move(format), 0, false, false});
        t.format = format;
        need_keyframe_ = false;
        force_cut_ = false;
        video_driven_ = true;
        return push(t, {std::move(sample), std::move(format), 0, true, false});
    }
    push(t, {std::move(sample), std::move(format), 0, false, false});
}

/// False for a sample that can't be used any more.
bool Segmenter::order_audio(const Sample &sample) {
    Track &t = track(Kind::audio);
    if (!t.last_pts || sample.pts > *t.last_pts) return true;
    if (sample.pts > *t.last_pts - backward_limit) return false;
    const auto forget_later = [&] {
        while (!t.queue.empty() && t.queue.back().sample.pts >= sample.pts) {
            stats_.kept_bytes -= t.queue.back().sample.data.size();
            --stats_.kept_samples;
            t.queue.pop_back();
            drop();
        }
        t.position.reset();
    };
    if (running() && !video_driven_) {
        warn("audio jumps back: going on with a discontinuity");
        finish_run();
        next_discontinuity_ = true;
        return true;
    }
    const auto &video = track(Kind::video).last_pts;
    if (running() && video && std::abs(sample.pts - *video) >= std::abs(*t.last_pts - *video)) {
        // Audio went back and video did not, yet: it is of no use until video follows.
        return false;
    }
    forget_later();
    return true;
}

void Segmenter::add_audio(Sample sample, FormatPtr format) {
    Track &t = track(Kind::audio);
    if (!order_audio(sample)) return drop();
    const bool gap = t.position && sample.pts > *t.position + hole;
    const bool after_gap = gap || (!t.queue.empty() && t.queue.back().after_gap);
    if (running() && !video_driven_ && gap && sample.pts > *t.position + forward_limit) {
        warn("audio jumps ahead: going on with a discontinuity");
        finish_run();
        next_discontinuity_ = true;
    }
    if (sample.discontinuity && gap) discontinuity(Kind::audio);
    // A hole is no sound that came without pictures.
    if (t.last_pts) audio_alone_ += std::clamp<int64_t>(sample.pts - *t.last_pts, 0, hole);
    t.last_pts = sample.pts;
    t.position = sample.pts + sample.duration;
    const bool changed = t.accepted && !t.accepted->same(*format);
    t.format = format;
    if (changed && running() && video_driven_) force_cut_ = true;
    if (changed && running() && !video_driven_) {
        finish_run();
        next_discontinuity_ = true;
    }
    Entry entry{std::move(sample), std::move(format), 0, false, after_gap};
    if (running() && video_driven_ && options_.realtime &&
        audio_alone_ > std::max(forward_limit, 3 * options_.target_duration)) {
        warn("video has stopped: going on with audio alone");
        leave_video();
        track(Kind::video).stalled = true;
    }
    if (running()) return queue_audio(std::move(entry));
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

/// The way of an audio frame into the run: it may begin a segment.
void Segmenter::queue_audio(Entry entry) {
    const int64_t pts = entry.sample.pts;
    if (cuts_.front().fresh && pts < cuts_.front().pts) return drop();
    if (!video_driven_ && pts >= audio_floor_ &&
        pts - cuts_.back().pts >= options_.target_duration - options_.tolerance)
        cut(pts, false, false);
    push(track(Kind::audio), std::move(entry));
}

void Segmenter::start_audio_only() {
    Track &t = track(Kind::audio);
    if (t.queue.empty()) return;
    std::deque<Entry> held = std::exchange(t.queue, {});
    for (const Entry &entry : held) {
        stats_.kept_bytes -= entry.sample.data.size();
        --stats_.kept_samples;
    }
    track(Kind::video).stalled = true;
    video_driven_ = false;
    need_keyframe_ = true;
    audio_floor_ = held.front().sample.pts;
    start(held.front().sample.pts, false);
    for (Entry &entry : held)
        queue_audio(std::move(entry));
}

void Segmenter::start(int64_t pts, bool at_video) {
    // The stream's own timeline never goes back, so nothing in it becomes negative; and where
    // something is missing it goes on without a hole, in front of which players would wait.
    if (!offset_ || pts + *offset_ < stream_end_ || (emitted_ && next_discontinuity_)) {
        const int64_t back = offset_ ? stream_end_ - (pts + *offset_) : 0;
        offset_ = (emitted_ ? stream_end_ : SegmentWriter::origin) - pts;
        // A step back of the whole timeline; a frame's overlap is none.
        if (back > hole) date_anchor_.reset();
    }
    cuts_.push_back({pts, std::exchange(next_discontinuity_, false), true, at_video});
    Track &audio = track(Kind::audio);
    while (!audio.queue.empty() && audio.queue.front().sample.pts < pts) {
        stats_.kept_bytes -= audio.queue.front().sample.data.size();
        --stats_.kept_samples;
        audio.queue.pop_front();
        drop();
    }
    for (Entry &entry : audio.queue)
        entry.after_gap = false;
}

void Segmenter::cut(int64_t pts, bool at_video, bool discontinuity) {
    cuts_.push_back({pts, discontinuity, false, at_video});
}

void Segmenter::push(Track &t, Entry entry) {
    if (entry.arrival == 0)
        entry.arrival = (options_.wall_clock ? options_.wall_clock() : 0) - entry.sample.pts;
    stats_.kept_bytes += entry.sample.data.size();
    ++stats_.kept_samples;
    t.accepted = entry.format;
    t.queue.push_back(std::move(entry));
}

void Segmenter::clear_queue(Track &t) {
    for (const Entry &entry : t.queue)
        stats_.kept_bytes -= entry.sample.data.size();
    stats_.kept_samples -= t.queue.size();
    t.queue.clear();
}

void Segmenter::enforce_bounds() {
    const auto over = [&] {
        return stats_.kept_bytes > options_.max_bytes || stats_.kept_samples > options_.max_samples;
    };
    if (!over()) return;
    while (cuts_.size() > 1)
        emit(cuts_[1].pts, false);
    if (!over()) return;
    if (!running() && !track(Kind::audio).queue.empty()) {
        start_audio_only();
        while (cuts_.size() > 1)
            emit(cuts_[1].pts, false);
        if (!over()) return;
    }
    warn("no keyframe in " + std::to_string(stats_.kept_samples) + " samples of " +
         std::to_string(stats_.kept_bytes >> 10) +
         " KiB: dropped, going on at the next keyframe; shorten the encoder's keyframe interval");
    drop(stats_.kept_samples);
    flush();
}

void Segmenter::gap(Kind kind, int64_t time) {
    if (!in_range(time)) return;
    Track &t = track(kind);
    t.position = std::max(t.position.value_or(time), time);
    finish_ready();
}

void Segmenter::discontinuity(Kind kind) {
    const bool relevant = kind == Kind::video || !video_driven_;
    if (!relevant) return;
    if (kind == Kind::audio && !running()) return;
    finish_run();
    next_discontinuity_ = emitted_;
}

void Segmenter::end(Kind kind) {
    track(kind).ended = true;
    if (kind == Kind::video) {
        if (running() && video_driven_)
            leave_video();
        else if (!running())
            start_audio_only();
        need_keyframe_ = true;
    }
    finish_ready();
}

/// Audio alone says from now on where segments begin.
void Segmenter::leave_video() {
    Track &video = track(Kind::video);
    Track &audio = track(Kind::audio);
    video_driven_ = false;
    need_keyframe_ = true;
    const int64_t last_cut = cuts_.back().pts;
    // The last pictures stay with their keyframe, and so does what little sound follows them.
    audio_floor_ = std::max(video.position.value_or(last_cut), last_cut) + hole;
    // Audio that came meanwhile is cut as if it came now.
    std::deque<Entry> later;
    while (!audio.queue.empty() && audio.queue.back().sample.pts > last_cut) {
        stats_.kept_bytes -= audio.queue.back().sample.data.size();
        --stats_.kept_samples;
        later.push_front(std::move(audio.queue.back()));
        audio.queue.pop_back();
    }
    for (Entry &entry : later)
        queue_audio(std::move(entry));
}

void Segmenter::flush() {
    for (Track &t : tracks_) {
        clear_queue(t);
        t.last_pts.reset();
        t.last_dts.reset();
        t.position.reset();
        t.stalled = false;
        t.accepted = nullptr;
    }
    force_cut_ = false;
    audio_alone_ = 0;
    cuts_.clear();
    video_driven_ = false;
    need_keyframe_ = true;
    next_discontinuity_ = emitted_;
}

} // namespace penstock::hls
