// SPDX-License-Identifier: LGPL-2.1-or-later
// Finishes segments: when, with which samples, and with which duration.
#include "core/hls/segmenter.h"

#include <algorithm>
#include <limits>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// The date is corrected when media clock and wall clock differ by this; ns.
constexpr int64_t date_drift = 500 * millisecond;
// A first segment in which all tracks have nothing for this long ends before; ns.
constexpr int64_t longest_silence = 60 * second;
// The last audio frame may extend this far beyond the last video frame without adding duration; ns.
constexpr int64_t overhang = 100 * millisecond;

void add_codec(std::string &list, const std::string &codec) {
    if (codec.empty()) return;
    if (!list.empty()) list += ",";
    list += codec;
}

} // namespace

Segment piece_beside(const Segment &reference) {
    Segment piece;
    piece.begins = reference.begins;
    piece.complete = reference.complete;
    piece.discontinuity = reference.discontinuity;
    piece.program_date_time = reference.program_date_time;
    piece.target_duration = reference.target_duration;
    piece.part_target = reference.part_target;
    piece.part_hold_back = 3 * reference.part_target;
    piece.number = reference.number;
    piece.place = reference.place;
    return piece;
}

/// The end of a track's samples. An unknown duration is estimated by the samples' mean distance.
int64_t Segmenter::end_of(const std::vector<Sample> &samples) {
    int64_t first = std::numeric_limits<int64_t>::max(), last = std::numeric_limits<int64_t>::min();
    int64_t duration = 0;
    for (const Sample &sample : samples) {
        first = std::min(first, sample.pts);
        if (sample.pts < last) continue;
        last = sample.pts;
        duration = sample.duration;
    }
    const auto steps = static_cast<int64_t>(samples.size()) - 1;
    if (duration <= 0) duration = steps > 0 ? (last - first) / steps : 40 * millisecond;
    return last + duration;
}

/// Whether the segment before `pts` has to wait for this track.
bool Segmenter::holds_up(Kind kind, int64_t pts) {
    Track &t = track(kind);
    if (t.ended || t.stalled) return false;
    // Without real time, a track whose format has not come yet is only late.
    if (!t.present()) return t.declared && !options_.realtime;
    if (t.position && *t.position >= pts) return false;
    if (!options_.realtime) return true;
    t.stalled = silent(kind);
    return !t.stalled;
}

void Segmenter::finish_ready() {
    for (;;) {
        finish_parts();
        if (cuts_.size() <= 1) return;
        const int64_t end = cuts_[1].pts;
        if (holds_up(Kind::video, end) || holds_up(Kind::audio, end)) return;
        divide(end);
        emit(cuts_[1].pts, false);
    }
}

/// If the oldest segment, which ends at `end`, is too long, ends it earlier at an audio frame.
void Segmenter::divide(int64_t end) {
    const int64_t begin = cuts_.front().pts;
    if (end - begin <= limit()) return;
    for (const Entry &entry : track(Kind::audio).queue) {
        const int64_t pts = entry.sample.pts;
        if (pts >= end) return;
        if (pts < begin + target() - options_.tolerance) continue;
        cuts_.insert(cuts_.begin() + 1, {pts, false, false, false, false});
        return;
    }
}

std::vector<Segmenter::Entry> Segmenter::collect_video() {
    Track &t = track(Kind::video);
    std::vector<Entry> entries;
    entries.reserve(t.queue.size());
    const bool more = cuts_.size() > 1;
    while (!t.queue.empty()) {
        Entry &entry = t.queue.front();
        // The first entry may be the beginning of this segment itself.
        const bool own_begin = entries.empty() && cuts_.front().at_video;
        if (more && entry.begins_cut && !own_begin) break;
        if (more && !cuts_[1].at_video && entry.sample.pts >= cuts_[1].pts) break;
        entry.begins_cut = false;
        entries.push_back(std::move(entry));
        t.queue.pop_front();
    }
    return entries;
}

std::vector<Segmenter::Entry> Segmenter::collect_audio(int64_t end, bool last) {
    Track &t = track(Kind::audio);
    std::vector<Entry> entries;
    entries.reserve(t.queue.size());
    while (!t.queue.empty()) {
        Entry &entry = t.queue.front();
        if (last ? entry.after_gap && video_driven_ : entry.sample.pts >= end) break;
        entries.push_back(std::move(entry));
        t.queue.pop_front();
    }
    return entries;
}

/// The date (ns since 1970) of a time in the tracks.
int64_t Segmenter::date_of(int64_t pts, int64_t arrival) {
    if (!options_.wall_clock) return 0;
    // The earliest arrival is the best estimate of the capture time; others were delayed more.
    if (!date_anchor_ || (options_.realtime && std::abs(arrival - *date_anchor_) > date_drift))
        date_anchor_ = arrival;
    int64_t date = std::max<int64_t>(pts + *date_anchor_, 0);
    if (may_step_back()) {
        --free_dates_;
    } else if (dated_) {
        // Media that were delayed, as by a machine that is too slow, have put the dates off. What
        // comes in time again leads them back, slowly: they never go backwards.
        const int64_t least =
            dated_->date + std::clamp<int64_t>(pts - dated_->pts, 0, target()) / 2;
        if (date < least) {
            date = least;
            date_anchor_ = date - pts;
        }
    }
    dated_ = Dated{pts, date};
    return date;
}

/// Whether the wall clock was set: media that came before and after it are in two segments.
bool Segmenter::may_step_back() {
    if (!options_.monotonic_clock || !options_.realtime) return free_dates_ = 1;
    const int64_t shift = options_.wall_clock() - options_.monotonic_clock();
    if (clock_shift_ && std::abs(shift - *clock_shift_) > date_drift) free_dates_ = 2;
    clock_shift_ = shift;
    return free_dates_ > 0;
}

/// Whether the tracks differ from those of the segment before.
bool Segmenter::changes_program(const std::array<TrackSamples, 2> &inputs) {
    bool changes = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const bool now = inputs[i].format != nullptr;
        changes = changes || (emitted_ && now != tracks_[i].in_program);
        tracks_[i].in_program = now;
    }
    return changes;
}

/// Fills in what is known of the tracks.
void Segmenter::describe(Segment &segment, const std::array<TrackSamples, 2> &inputs) {
    segment.has_video = !inputs[0].samples.empty();
    segment.has_audio = !inputs[1].samples.empty();
    for (const TrackSamples &input : inputs) {
        if (!input.format) continue;
        add_codec(segment.codecs, input.format->codec_string);
        segment.width = std::max(segment.width, input.format->width);
        segment.height = std::max(segment.height, input.format->height);
    }
}

/// Finishes the oldest segment. `last`: with the available samples, whose end is its end.
void Segmenter::emit(int64_t end, bool last) {
    if (options_.part_duration > 0) return emit_parts(end, last);
    std::array<std::vector<Entry>, 2> entries{collect_video(), collect_audio(end, last)};
    const Cut begin = cuts_.front();
    cuts_.pop_front();

    Segment segment;
    std::array<TrackSamples, 2> inputs;
    std::optional<int64_t> arrival;
    for (size_t i = 0; i < entries.size(); ++i) {
        Track &t = tracks_[i];
        inputs[i].samples.reserve(entries[i].size());
        for (Entry &entry : entries[i]) {
            forget(entry);
            if (!inputs[i].format) inputs[i].format = entry.format;
            // A segment has a single configuration.
            if (!inputs[i].format->same(*entry.format)) {
                drop();
                continue;
            }
            arrival = std::min(arrival.value_or(entry.arrival), entry.arrival);
            inputs[i].samples.push_back(std::move(entry.sample));
        }
        // A paused track stays in the program, so that the next segment can continue it.
        const bool was = t.in_program && t.present() && !begin.discontinuity;
        if (!inputs[i].format && was) inputs[i].format = t.format;
    }
    const bool empty = inputs[0].samples.empty() && inputs[1].samples.empty();
    const bool video = !inputs[0].samples.empty(), audio = !inputs[1].samples.empty();
    const int64_t video_end = video ? end_of(inputs[0].samples) : begin.pts;
    const int64_t audio_end = audio ? end_of(inputs[1].samples) : begin.pts;
    // A long frame may be displayed for less than its duration.
    int64_t media_end = begin.pts;
    for (const TrackSamples &input : inputs)
        for (const Sample &sample : input.samples)
            media_end = std::max(media_end, sample.pts + overhang);
    media_end = std::min(media_end, std::max(video_end, audio_end));
    if (last && !empty)
        end = !video || (audio && audio_end > video_end + overhang) ? audio_end : video_end;
    segment.duration = empty ? 0 : end - begin.pts;
    if (segment.duration > limit())
        segment.duration = audio ? std::min(media_end - begin.pts, limit())
                                 : static_cast<int64_t>(announced_) * second;
    // Nothing is announced yet that would limit it: a jump must not become the target duration.
    if (announced_ == 0 && !last && !empty && end - media_end > longest_silence)
        segment.duration = media_end - begin.pts;
    const int64_t offset = *offset_;
    // Time that is missing in all tracks is removed from the stream's timeline.
    if (!last) *offset_ -= end - begin.pts - segment.duration;
    if (empty || segment.duration <= 0) return pass_on_discontinuity(begin.discontinuity);
    segment.target_duration = announced_;
    if (announced_ == 0)
        segment.target_duration =
            static_cast<uint64_t>(std::max((options_.target_duration + second - 1) / second,
                                           (segment.duration + second / 2) / second));
    if (options_.fixes_target) announced_ = segment.target_duration;
    segment.independent = !video || inputs[0].samples.front().keyframe;
    segment.discontinuity = begin.discontinuity && emitted_;
    if (changes_program(inputs)) segment.discontinuity = true;
    describe(segment, inputs);
    const int64_t date = date_of(begin.pts, *arrival);
    segment.program_date_time = date / millisecond;
    metadata_.move_to(*writer_, begin.pts + segment.duration);
    segment.data = writer_->write(
        inputs[0], inputs[1], {offset, last ? 0 : begin.pts + segment.duration, date, begin.pts});
    if (segment.data.empty()) return pass_on_discontinuity(segment.discontinuity);
    segment.init = writer_->init();
    segment.place = {begin.pts, begin.pts, begin.pts + segment.duration, offset, true, last};
    const bool same_init =
        std::equal(init_.begin(), init_.end(), segment.init.begin(), segment.init.end());
    if (emitted_ && !same_init) segment.discontinuity = true;
    init_ = segment.init;
    stream_end_ = std::max(stream_end_, std::max(begin.pts + segment.duration, media_end) + offset);
    stats_.discontinuities += segment.discontinuity;
    emitted_ = true;
    finished_.push_back(std::move(segment));
}

/// The oldest segment is empty: the next one has its discontinuity.
void Segmenter::pass_on_discontinuity(bool discontinuity) {
    bool &next = cuts_.empty() ? next_discontinuity_ : cuts_.front().discontinuity;
    next = next || discontinuity;
}

void Segmenter::finish_run() {
    while (cuts_.size() > 1) {
        divide(cuts_[1].pts);
        emit(cuts_[1].pts, false);
    }
    std::optional<int64_t> end;
    for (const Entry &entry : track(Kind::audio).queue)
        if (!entry.after_gap || !video_driven_) end = entry.sample.pts + 1;
    while (running()) {
        if (end) divide(*end);
        const bool last = cuts_.size() == 1;
        emit(last ? 0 : cuts_[1].pts, last);
    }
    // Data that did not become part of a segment are discarded, and the next run starts anew.
    clear_queue(track(Kind::video));
    reset_tracks();
}

void Segmenter::finish() {
    if (!running()) start_audio_only();
    finish_run();
    clear_queue(track(Kind::audio));
    next_discontinuity_ = emitted_;
}

bool Segmenter::take(Segment &segment) {
    if (finished_.empty()) return false;
    segment = std::move(finished_.front());
    finished_.pop_front();
    return true;
}

} // namespace penstock::hls
