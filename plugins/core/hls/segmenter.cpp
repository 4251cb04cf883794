// SPDX-License-Identifier: LGPL-2.1-or-later
// Tracks, their order in time, and cuts by video. segmenter_audio.cpp handles audio input,
// segmenter_finish.cpp the output.
#include "core/hls/segmenter.h"

#include <algorithm>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
// A track that goes back by more than this has started a new timeline; ns.
constexpr int64_t backward_limit = second;
// So has one that jumps ahead by more than this, unless as much real time has passed; ns.
constexpr int64_t forward_limit = 10 * second;
// A discontinuity flag counts only with a gap of at least this; ns.
constexpr int64_t hole = second / 2;
// Longer durations are ignored; ns.
constexpr int64_t longest_sample = 60 * second;
// A keyframe this soon after a segment was begun by time becomes its first frame; ns.
constexpr int64_t short_segment = second / 10;
// What most encoders for live streams have between keyframes; s. It has to be announced with the
// first part.
constexpr int64_t usual_interval = 2;
constexpr size_t max_splits = 64;
// Bound that prevents overflow of sums: 18 years; ns.
constexpr int64_t time_limit = int64_t(1) << 59;

bool in_range(int64_t time) {
    return time > -time_limit && time < time_limit;
}

/// Where a stream's timeline begins; ns. A package in fragmented MP4 begins at 0, so that players
/// which open its file itself do not take what is before for a part of it. MPEG-TS has clock
/// references before the first frame.
int64_t origin_of(const Container &container, bool is_package) {
    const bool is_mp4 = container.file_extension == ".mp4";
    return is_mp4 && is_package ? 0 : SegmentWriter::origin;
}

} // namespace

Segmenter::Segmenter(Options options, std::unique_ptr<SegmentWriter> writer)
    : options_(std::move(options)), writer_(std::move(writer)), announced_(options_.announced),
      part_target_(options_.part_target) {
    if (options_.part_duration > 0 && announced_ == 0)
        announced_ = static_cast<uint64_t>(
            std::max((options_.target_duration + second - 1) / second, usual_interval));
}

void Segmenter::warn(std::string text) {
    if (warnings_.size() < 16) warnings_.push_back(std::move(text));
}

/// ns after which a keyframe ends a segment.
int64_t Segmenter::target() const {
    if (announced_ == 0) return options_.target_duration;
    return std::min(options_.target_duration, static_cast<int64_t>(announced_) * second);
}

/// The longest duration (ns) that still rounds to the announced one, also in microseconds.
int64_t Segmenter::limit() const {
    if (announced_ == 0) return time_limit;
    return static_cast<int64_t>(announced_) * second + second / 2 - 1000 - options_.margin;
}

void Segmenter::declare(Kind kind) {
    track(kind).declared = true;
    track(kind).ended = false;
}

void Segmenter::set_format(FormatPtr format) {
    Track &t = track(format->kind);
    t.declared = true;
    t.ended = false;
    // Repeated caps carry no information; the samples may have updated the format since.
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
    sample.duration = std::clamp<int64_t>(sample.duration, 0, longest_sample);
    FormatPtr format;
    const Result result = learn(t.format, sample.data, sample.keyframe, format);
    if (!result.is_ok()) {
        drop();
        // Warns at the first occurrence and then at powers of two, with the count.
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

/// Whether a step of a track's time from `from` to `to` begins a new timeline.
bool Segmenter::jumps(const Track &t, const Track &other, int64_t from, int64_t to) {
    const int64_t step = to - from;
    if (step < -backward_limit) return true;
    if (step <= forward_limit) return false;
    // The step was a pause if the other track has advanced as far, or as much real time has passed.
    if (other.position && std::abs(to - *other.position) <= forward_limit) return false;
    return !options_.realtime || now() - t.arrived < step / 2;
}

/// A process that is restored on another machine finds its monotonic clock put back: waits must not
/// become hours.
int64_t Segmenter::now() {
    if (!options_.monotonic_clock) return 0;
    const int64_t time = options_.monotonic_clock();
    if (time < clock_) clock_set_ += clock_ - time;
    clock_ = time;
    return time + clock_set_;
}

/// Updates the time that the track has reached.
void Segmenter::moved(Kind kind, int64_t time) {
    Track &t = track(kind);
    Track &other = track(kind == Kind::video ? Kind::audio : Kind::video);
    t.silence = 0;
    t.arrived = now();
    // A gap in this track does not mean that the other is silent.
    const int64_t step = time - t.reached.value_or(time);
    other.silence += std::clamp<int64_t>(step, 0, options_.max_lag);
    t.reached = std::max(t.reached.value_or(time), time);
}

/// Whether the track is silent while the other continues. Real time counts as well, so that a burst
/// of the other track does not matter.
bool Segmenter::silent(Kind kind) {
    const Track &t = track(kind);
    if (t.silence <= options_.max_lag) return false;
    return !options_.monotonic_clock || now() - t.arrived > options_.max_lag;
}

void Segmenter::add_video(Sample sample, FormatPtr format) {
    Track &t = track(Kind::video);
    const int64_t time = sample.dts.value_or(sample.pts);
    if (t.last_dts && jumps(t, track(Kind::audio), *t.last_dts, time)) {
        warn("video jumps from " + std::to_string(*t.last_dts / 1'000'000) + " to " +
             std::to_string(time / 1'000'000) + " ms: going on with a discontinuity");
        discontinuity(Kind::video);
    }
    // Another source that goes on where the last one was needs none, unless its format is another.
    const bool goes_on = t.latest && sample.pts > *t.latest && sample.pts <= *t.position + hole;
    if (sample.discontinuity && t.last_dts &&
        ((sample.keyframe && !goes_on) || time > t.position.value_or(time) + hole ||
         time < *t.last_dts - hole))
        discontinuity(Kind::video);
    moved(Kind::video, sample.pts);
    paused_ = false;
    const bool dropped = !sample.keyframe && need_keyframe_;
    const bool begins = !dropped && begin_segment(sample, format);
    t.last_dts = time;
    t.last_pts = sample.pts;
    t.latest = std::max(t.latest.value_or(sample.pts), sample.pts);
    t.position = std::max(t.position.value_or(sample.pts), sample.pts + sample.duration);
    if (dropped) return drop();
    if (sample.keyframe && begins) {
        t.format = format;
        need_keyframe_ = false;
        force_cut_ = false;
        video_driven_ = true;
    }
    push(t, {std::move(sample), std::move(format), 0, begins, false});
}

/// Begins a segment with this frame if needed.
bool Segmenter::begin_segment(const Sample &sample, const FormatPtr &format) {
    const Track &t = track(Kind::video);
    if (!sample.keyframe) {
        if (!must_cut_before(sample)) return false;
        if (cuts_.back().keyframe && ++late_keys_ == 2)
            warn("the next keyframe is late: segments end after " + std::to_string(announced_) +
                 " s without one, and players cannot begin with those that follow; shorten the "
                 "encoder's keyframe interval, or raise target-duration to it");
        cut(sample.pts, true, false, false);
        return true;
    }
    const bool changed = t.accepted && !t.accepted->same(*format);
    const bool new_format = changed || force_cut_ || need_keyframe_;
    if (!running()) {
        start(sample.pts, true);
        return true;
    }
    if (sample.pts <= cuts_.back().pts) {
        if (video_driven_ && !new_format) return false;
        // The current segment contains nothing from before this frame.
        finish_run();
        next_discontinuity_ = true;
        start(sample.pts, true);
        return true;
    }
    const int64_t length = sample.pts - cuts_.back().pts;
    const bool long_enough = length >= target() - options_.tolerance;
    const bool first_keyframe = !cuts_.back().keyframe && length > short_segment;
    const bool is_asked_for = is_split(sample.pts);
    if (video_driven_ && !new_format && !long_enough && !first_keyframe && !is_asked_for &&
        !must_cut_before(sample))
        return false;
    // A single one is no interval that somebody has set.
    if (cuts_.back().keyframe && late_keys_ < 2) late_keys_ = 0;
    cut(sample.pts, true, true, new_format);
    return true;
}

void Segmenter::split(int64_t time) {
    const bool is_past = running() && time <= cuts_.back().pts + options_.tolerance;
    if (!in_range(time) || is_past || splits_.size() >= max_splits) return;
    splits_.push_back(time);
}

/// Whether a segment should begin at this time, at the latest. Such times are forgotten.
bool Segmenter::is_split(int64_t pts) {
    return std::erase_if(splits_, [&](int64_t time) { return time <= pts + options_.tolerance; }) >
           0;
}

/// Whether the current segment would become too long with this frame, or before the next.
bool Segmenter::must_cut_before(const Sample &sample) const {
    const Track &t = tracks_[static_cast<size_t>(Kind::video)];
    // Only if all earlier frames are displayed earlier.
    if (!running() || sample.pts <= cuts_.back().pts || sample.pts <= t.latest.value_or(INT64_MIN))
        return false;
    const int64_t length = sample.pts - cuts_.back().pts;
    if (length > limit()) return true;
    const int64_t step = t.latest ? sample.pts - *t.latest : 0;
    return length >= target() && length + step > limit();
}

void Segmenter::start(int64_t pts, bool at_video) {
    // The stream's timeline never goes back, so no time becomes negative; and where media are
    // missing it continues without a gap, at which players would wait.
    if (!offset_ || pts + *offset_ < stream_end_ || (emitted_ && next_discontinuity_)) {
        const int64_t back = offset_ ? stream_end_ - (pts + *offset_) : 0;
        const bool is_package = !options_.fixes_target;
        offset_ = (emitted_ ? stream_end_ : origin_of(writer_->container(), is_package)) - pts;
        // Only for a step back of the whole timeline, not for overlapping frames.
        if (back > hole) date_anchor_.reset();
    }
    cuts_.push_back({pts, std::exchange(next_discontinuity_, false), true, at_video, at_video});
    if (at_video) align_queued_audio(pts);
    Track &audio = track(Kind::audio);
    while (!audio.queue.empty() && audio.queue.front().sample.pts < pts) {
        forget(audio.queue.front());
        audio.queue.pop_front();
        drop();
    }
    for (Entry &entry : audio.queue)
        entry.after_gap = false;
}

void Segmenter::cut(int64_t pts, bool at_video, bool keyframe, bool discontinuity) {
    cuts_.push_back({pts, discontinuity, false, at_video, keyframe});
}

void Segmenter::push(Track &t, Entry entry) {
    if (entry.arrival == 0)
        entry.arrival = (options_.wall_clock ? options_.wall_clock() : 0) - entry.sample.pts;
    stats_.kept_bytes += entry.sample.data.size();
    ++stats_.kept_samples;
    t.accepted = entry.format;
    t.queue.push_back(std::move(entry));
}

/// Updates the statistics when an entry leaves its queue.
void Segmenter::forget(Entry &entry) {
    stats_.kept_bytes -= entry.sample.data.size();
    --stats_.kept_samples;
}

void Segmenter::clear_queue(Track &t) {
    for (Entry &entry : t.queue)
        forget(entry);
    t.queue.clear();
}

/// Ends the current segment before its target duration, because it has grown too large. False if it
/// has no other keyframe.
bool Segmenter::cut_at_newest_keyframe() {
    if (!running() || !video_driven_) return false;
    auto &queue = track(Kind::video).queue;
    const auto key = std::find_if(queue.rbegin(), queue.rend(), [&](const Entry &entry) {
        return entry.sample.keyframe && entry.sample.pts > cuts_.back().pts;
    });
    if (key == queue.rend()) return false;
    key->begins_cut = true;
    cut(key->sample.pts, true, true, false);
    return true;
}

void Segmenter::enforce_bounds() {
    const auto over = [&] {
        return stats_.kept_bytes > options_.max_bytes || stats_.kept_samples > options_.max_samples;
    };
    const auto emit_all = [&] {
        while (cuts_.size() > 1) {
            divide(cuts_[1].pts);
            emit(cuts_[1].pts, false);
        }
    };
    if (!over()) return;
    emit_all();
    if (!over()) return;
    if (!running() && !track(Kind::audio).queue.empty()) {
        start_audio_only();
        emit_all();
        if (!over()) return;
    }
    if (cut_at_newest_keyframe()) {
        emit_all();
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
    moved(kind, time);
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

void Segmenter::reset_tracks() {
    for (Track &t : tracks_) {
        t.last_pts.reset();
        t.last_dts.reset();
        t.latest.reset();
        t.position.reset();
        t.reached.reset();
        t.silence = 0;
        t.stalled = false;
        t.accepted = nullptr;
    }
    skewed_since_.reset();
    open_.reset();
    video_shift_.reset();
    behind_ = 0;
    force_cut_ = false;
    paused_ = false;
    video_driven_ = false;
    need_keyframe_ = true;
}

void Segmenter::flush() {
    for (Track &t : tracks_)
        clear_queue(t);
    reset_tracks();
    splits_.clear();
    metadata_.clear();
    audio_shift_ = 0;
    cuts_.clear();
    next_discontinuity_ = emitted_;
}

} // namespace penstock::hls
