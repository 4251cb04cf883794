// SPDX-License-Identifier: LGPL-2.1-or-later
// The samples of a rendition, and which of them belong to a piece.
#include "core/hls/rendition.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// A track that goes back or ahead by more than these has started a new timeline; ns.
constexpr int64_t backward_limit = second;
constexpr int64_t forward_limit = 10 * second;
// Timestamps of renditions may be rounded to milliseconds, and to another frame rate; ns.
constexpr int64_t keyframe_tolerance = 10 * millisecond;
constexpr int64_t tolerance = 5 * millisecond;
// A frame that is this much earlier than the piece is too late for it; ns.
constexpr int64_t lateness = 40 * millisecond;
// Times of the same moment on one timeline are this near; ns.
constexpr int64_t vicinity = 2 * second;
// After so many segments without a keyframe at their beginning, one begins without.
constexpr unsigned patient_segments = 3;

bool jumps(int64_t from, int64_t to) {
    return to < from - backward_limit || to > from + forward_limit;
}

} // namespace

Rendition::Rendition(Options options, std::unique_ptr<SegmentWriter> writer)
    : options_(std::move(options)), writer_(std::move(writer)),
      about_(std::make_shared<const About>()), part_target_(options_.part_target) {
    for (Track &t : tracks_)
        t.arrived = now();
}

void Rendition::set_format(FormatPtr format) {
    Track &t = track(format->kind);
    t.ended = false;
    if (!t.has_sent) t.arrived = now();
    if (t.configured && t.configured->same(*format) &&
        t.configured->nal_length_size == format->nal_length_size &&
        t.configured->make_adts == format->make_adts)
        return;
    t.configured = format;
    t.format = std::move(format);
}

void Rendition::set_about(About about) {
    knows_frame_rate_ = about.frame_rate > 0;
    // A frame rate that was measured stays.
    if (!knows_frame_rate_) about.frame_rate = about_->frame_rate;
    about_ = std::make_shared<const About>(std::move(about));
}

void Rendition::drop(Track &t, size_t count) {
    for (; count > 0; --count) {
        kept_bytes_ -= t.queue.front().sample.data.size();
        t.queue.pop_front();
        ++dropped_;
    }
}

Result Rendition::add(Kind kind, Sample sample) {
    Track &t = track(kind);
    if (!t.format) {
        ++dropped_;
        return Result::error("a sample before its caps");
    }
    FormatPtr format;
    const Result result = learn(t.format, sample.data, sample.keyframe, format);
    if (!result.is_ok()) {
        ++dropped_;
        return result;
    }
    const int64_t time = kind == Kind::video ? sample.dts.value_or(sample.pts) : sample.pts;
    if (t.last && jumps(*t.last, time)) {
        ++t.next_run;
        t.position.reset();
    } else if (t.last && kind == Kind::audio && time <= *t.last) {
        ++dropped_;
        return Result::ok();
    }
    t.last = time;
    t.position = std::max(t.position.value_or(sample.pts), sample.pts + sample.duration);
    t.arrived = now();
    t.has_sent = true;
    t.ended = false;
    t.format = format;
    kept_bytes_ += sample.data.size();
    t.queue.push_back({std::move(sample), std::move(format), t.next_run});
    enforce_bounds(t);
    return Result::ok();
}

void Rendition::enforce_bounds(Track &t) {
    if (kept_bytes_ <= options_.max_bytes && t.queue.size() <= options_.max_samples) return;
    drop(t, (t.queue.size() + 1) / 2);
    t.needs_keyframe = true;
}

void Rendition::gap(Kind kind, int64_t time) {
    Track &t = track(kind);
    t.position = std::max(t.position.value_or(time), time);
    t.arrived = now();
}

void Rendition::end(Kind kind) {
    track(kind).ended = true;
}

void Rendition::flush() {
    for (Track &t : tracks_) {
        const FormatPtr configured = t.configured, format = t.format;
        drop(t, t.queue.size());
        t = Track();
        t.configured = configured;
        t.format = format;
        t.arrived = now();
    }
    references_.clear();
    metadata_.clear();
    reference_end_.reset();
    open_ = {};
}

void Rendition::finish() {
    is_final_ = true;
    advance();
    is_final_ = false;
}

void Rendition::follow(const Segment &reference) {
    const bool jump = reference_end_ && jumps(*reference_end_, reference.place.begin);
    if (!references_.empty() && !jump) {
        // The reference began anew where this track goes on.
        Place &before = references_.back().piece.place;
        if (std::exchange(before.is_last, false))
            before.end = std::max(before.end, reference.place.segment);
    }
    reference_end_ = reference.place.end;
    references_.push_back({reference, jump});
}

bool Rendition::take(Segment &segment) {
    if (finished_.empty()) return false;
    segment = std::move(finished_.front());
    finished_.pop_front();
    return true;
}

bool Rendition::is_silent(const Track &t) const {
    if (t.ended) return true;
    const int64_t behind =
        references_.back().piece.place.end - references_.front().piece.place.begin;
    if (behind > options_.max_behind) return true;
    const int64_t wait = t.has_sent ? options_.patience : options_.first_patience;
    return options_.realtime && now() - t.arrived > wait;
}

/// Follows the reference, or the track, to a new timeline.
void Rendition::switch_run(Kind kind, const Reference &reference) {
    Track &t = track(kind);
    const Place &place = reference.piece.place;
    const auto is_near = [&](const Entry &entry) {
        return entry.sample.pts > place.begin - vicinity && entry.sample.pts < place.end + vicinity;
    };
    if (reference.jumps) {
        t.switching = true;
        t.shift.reset();
    }
    while (!t.queue.empty()) {
        const Entry &front = t.queue.front();
        if (front.run == t.run) {
            if (!t.switching || is_near(front)) break;
            drop(t, 1);
            t.needs_keyframe = true;
            continue;
        }
        if (!t.switching && !is_near(front)) return; // the reference will follow
        t.run = front.run;
        break;
    }
    if (!t.queue.empty()) t.switching = false;
}

/// A sample's time among the pieces.
int64_t Rendition::time_of(Kind kind, const Sample &sample) const {
    if (kind == Kind::audio) return sample.pts;
    const Track &t = track(kind);
    return t.shift ? sample.dts.value_or(sample.pts) + *t.shift : sample.pts;
}

/// Whether this frame begins the segment that begins at `time`.
bool Rendition::is_begin(Kind kind, const Sample &sample, int64_t time) const {
    return kind == Kind::video && sample.keyframe &&
           std::abs(sample.pts - time) <= keyframe_tolerance;
}

/// The number of samples that come before the end of the piece; nullopt: there may be more.
std::optional<size_t> Rendition::boundary(Kind kind, const Place &place, bool complete) const {
    const Track &t = track(kind);
    const int64_t end = place.end - (kind == Kind::video ? tolerance : 0);
    const bool begins = place.begin <= place.segment;
    for (size_t i = 0; i < t.queue.size(); ++i) {
        const Entry &entry = t.queue[i];
        if (entry.run != t.run) return i;
        if (place.is_last) continue;
        if (complete && is_begin(kind, entry.sample, place.end)) return i;
        // Of a new segment's frames the times are known when it is written.
        const bool is_first = begins && i == 0 && is_begin(kind, entry.sample, place.segment);
        if (!is_first && time_of(kind, entry.sample) >= end) return i;
    }
    return std::nullopt;
}

bool Rendition::waits_for(Kind kind, const Segment &reference) const {
    const Track &t = track(kind);
    if (is_final_ || !has(kind) || !t.format || !reference.place.has_media) return false;
    if (boundary(kind, reference.place, reference.complete)) return false;
    const bool may_be_done = kind == Kind::audio || t.queue.empty();
    if (may_be_done && !t.switching && !reference.place.is_last && t.run == t.next_run &&
        t.position.value_or(INT64_MIN) >= reference.place.end)
        return false;
    return !is_silent(t);
}

/// Whether this rendition can begin with the reference's piece; `wait`: that is not known yet.
bool Rendition::may_begin(const Reference &reference, bool &wait) {
    const Kind kind = main();
    Track &t = track(kind);
    const Segment &piece = reference.piece;
    wait = false;
    if (!piece.begins) return false;
    if (!t.format || t.queue.empty()) {
        wait = !is_final_ && !is_silent(t);
        return false;
    }
    for (const Entry &entry : t.queue) {
        if (entry.run != t.run || entry.sample.pts >= piece.place.end) break;
        if (entry.sample.pts < piece.place.segment - keyframe_tolerance) continue;
        if (kind == Kind::audio || entry.sample.keyframe) return true;
    }
    if (waits_for(kind, piece)) {
        wait = true;
        return false;
    }
    return t.queue.front().sample.pts < piece.place.end && ++skipped_ > patient_segments;
}

void Rendition::advance() {
    while (!references_.empty()) {
        const Reference &reference = references_.front();
        for (const Kind kind : {Kind::video, Kind::audio})
            if (has(kind)) switch_run(kind, reference);
        if (!has_begun_) {
            bool wait = false;
            has_begun_ = may_begin(reference, wait);
            if (wait) return;
            if (!has_begun_) {
                references_.pop_front();
                continue;
            }
        }
        if (waits_for(Kind::video, reference.piece) || waits_for(Kind::audio, reference.piece))
            return;
        if (has(Kind::video))
            write(reference.piece);
        else
            write_audio(reference.piece);
        references_.pop_front();
    }
}

/// Takes the samples of the piece.
Rendition::Entries Rendition::collect(Kind kind, const Segment &reference) {
    Track &t = track(kind);
    const Place &place = reference.place;
    if (reference.begins) {
        // Finds the segment's first frame; what is before it, is late.
        size_t first = 0;
        while (first < t.queue.size() && t.queue[first].run == t.run &&
               !is_begin(kind, t.queue[first].sample, place.segment) &&
               time_of(kind, t.queue[first].sample) < place.segment - tolerance)
            ++first;
        const bool is_there = first < t.queue.size() && t.queue[first].run == t.run;
        if (kind == Kind::video && is_there) {
            const Sample &sample = t.queue[first].sample;
            if (is_begin(kind, sample, place.segment))
                t.shift = place.segment - sample.dts.value_or(sample.pts);
            else if (!t.shift && sample.keyframe)
                t.shift = sample.pts - sample.dts.value_or(sample.pts);
        }
        if (first > 0) {
            if (kind == Kind::video) t.needs_keyframe = true;
            drop(t, first);
        }
    }
    size_t count = boundary(kind, place, reference.complete).value_or(t.queue.size());
    while (count > 0) {
        const Entry &front = t.queue.front();
        const bool late =
            !reference.begins &&
            time_of(kind, front.sample) < place.begin - (kind == Kind::video ? lateness : second);
        if (kind == Kind::video && late) t.needs_keyframe = true;
        const bool unusable = kind == Kind::video && t.needs_keyframe && !front.sample.keyframe;
        if (!late && !unusable) break;
        drop(t, 1);
        --count;
    }
    Entries taken;
    for (; count > 0; --count) {
        if (kind == Kind::video && t.queue.front().sample.keyframe) t.needs_keyframe = false;
        kept_bytes_ -= t.queue.front().sample.data.size();
        taken.push_back(std::move(t.queue.front()));
        t.queue.pop_front();
    }
    return taken;
}

} // namespace penstock::hls
