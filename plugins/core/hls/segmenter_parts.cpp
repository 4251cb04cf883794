// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes segments in parts: where a part ends, which samples it has, and how long it is said to be.
#include "core/hls/segmenter.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// Timestamps that are rounded to milliseconds make a part of the same frames longer or shorter.
constexpr int64_t rounding = 2 * millisecond;
// The last audio frame may extend this far beyond the last video frame; ns.
constexpr int64_t overhang = 100 * millisecond;

/// The duration that a part must have, if it is not the last of its segment; a microsecond more,
/// since playlists round to that.
int64_t shortest(int64_t target) {
    return target * 85 / 100 + 1000;
}

int64_t decoding_time(const Sample &sample) {
    return sample.dts.value_or(sample.pts);
}

} // namespace

void Segmenter::open_segment() {
    if (open_) return;
    open_ = Open();
    open_->begin = cuts_.front().pts - behind_;
    const auto &video = track(Kind::video).queue;
    if (video.empty() || (video_shift_ && !cuts_.front().at_video)) return;
    video_shift_ = (cuts_.front().at_video ? cuts_.front().pts : video.front().sample.pts) -
                   decoding_time(video.front().sample);
}

/// A video frame's decoding time, moved to where its segment's display begins.
int64_t Segmenter::part_time(const Sample &sample) const {
    return decoding_time(sample) + video_shift_.value_or(sample.pts - decoding_time(sample));
}

/// Whether a part of `length` ns, which has that many frames, ends before a frame that is `step` ns
/// after the one before it. The first part fixes the target duration.
bool Segmenter::ends_part(int64_t length, int64_t step, size_t frames) {
    if (part_target_ > 0) return length >= shortest(part_target_) && length + step > part_target_;
    if (frames == 0) return false;
    const int64_t frame = length / static_cast<int64_t>(frames);
    if (length < options_.part_duration - frame / 2) return false;
    const int64_t whole = std::clamp(length, millisecond, second) + rounding + millisecond - 1;
    part_target_ = whole / millisecond * millisecond;
    return true;
}

/// The video frame of the oldest segment before which its next part ends.
std::optional<Segmenter::Boundary> Segmenter::video_boundary() {
    const auto &queue = track(Kind::video).queue;
    const bool more = cuts_.size() > 1;
    int64_t previous = 0;
    for (size_t i = 0; i < queue.size(); ++i) {
        const Sample &sample = queue[i].sample;
        const bool own_begin = i == 0 && !open_->has_begun && cuts_.front().at_video;
        if (more && queue[i].begins_cut && !own_begin) break;
        if (more && !cuts_[1].at_video && sample.pts >= cuts_[1].pts) break;
        const int64_t time = part_time(sample);
        const int64_t step = i > 0 ? time - previous : sample.duration;
        previous = time;
        if (ends_part(time - open_->begin, step, i)) return Boundary{time, i};
    }
    return std::nullopt;
}

std::optional<Segmenter::Boundary> Segmenter::audio_boundary() {
    const auto &queue = track(Kind::audio).queue;
    for (size_t i = 0; i < queue.size(); ++i) {
        const Sample &sample = queue[i].sample;
        if (cuts_.size() > 1 && sample.pts >= cuts_[1].pts) break;
        const int64_t step = i > 0 ? sample.pts - queue[i - 1].sample.pts : sample.duration;
        if (!ends_part(sample.pts - open_->begin, step, i)) continue;
        size_t video = 0;
        for (const Entry &entry : track(Kind::video).queue)
            if (part_time(entry.sample) < sample.pts)
                ++video;
            else
                break;
        return Boundary{sample.pts, video};
    }
    return std::nullopt;
}

/// Whether the first part waits until the format of a declared track is known.
bool Segmenter::waits_for_format() const {
    if (emitted_ || open_->has_begun || !options_.realtime) return false;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const Track &t = tracks_[i];
        const int64_t begin = cuts_.front().pts;
        if (t.declared && !t.ended && !t.present() &&
            tracks_[1 - i].position.value_or(begin) - begin <= options_.wait_undeclared)
            return true;
    }
    return false;
}

/// Writes the parts of the oldest segment that have come to their end.
void Segmenter::finish_parts() {
    while (options_.part_duration > 0 && running()) {
        open_segment();
        std::optional<Boundary> at = video_boundary();
        // Audio alone decides only if video is away.
        if (!at && !holds_up(Kind::video, std::numeric_limits<int64_t>::max()))
            at = audio_boundary();
        if (!at || waits_for_format()) return;
        const int64_t end = std::min(at->time, open_->begin + part_target_);
        if (holds_up(Kind::audio, end)) return;
        emit_part(*at);
    }
}

void Segmenter::emit_part(const Boundary &at) {
    const int64_t duration = std::min(at.time - open_->begin, part_target_);
    make_room(duration);
    const int64_t end = open_->begin + duration;
    Entries video, audio;
    auto &video_queue = track(Kind::video).queue;
    auto &audio_queue = track(Kind::audio).queue;
    for (size_t i = 0; i < at.video; ++i) {
        video.push_back(std::move(video_queue.front()));
        video_queue.pop_front();
    }
    while (!audio_queue.empty() && audio_queue.front().sample.pts < end) {
        audio.push_back(std::move(audio_queue.front()));
        audio_queue.pop_front();
    }
    write_part(std::move(video), std::move(audio), duration, at.time);
}

/// Finishes the oldest segment; see emit().
void Segmenter::emit_parts(int64_t end, bool last) {
    open_segment();
    while (const auto at = video_boundary())
        emit_part(*at);
    Entries video, audio;
    if (!track(Kind::video).queue.empty() &&
        (!open_->has_begun || cuts_.size() == 1 || !track(Kind::video).queue.front().begins_cut))
        video = collect_video();
    audio = collect_audio(end, last);
    write_rest(end, last, std::move(video), std::move(audio));
    const bool is_empty = open_->parts == 0;
    const bool discontinuity = cuts_.front().discontinuity;
    end_pieces();
    if (!is_empty) finished_.back().place.is_last = last;
    cuts_.pop_front();
    if (is_empty) pass_on_discontinuity(discontinuity);
}

void Segmenter::end_pieces() {
    const Segment piece = open_->piece;
    const bool is_empty = open_->parts == 0;
    open_.reset();
    if (is_empty) return;
    // Its last part, if that has not been taken yet; otherwise a piece without one.
    if (finished_.empty()) {
        finished_.push_back(piece);
        finished_.back().begins = false;
        finished_.back().place.has_media = false;
    }
    finished_.back().complete = true;
}

/// Ends the segment here if it would become too long with another part of `duration`.
void Segmenter::make_room(int64_t duration) {
    if (open_->parts == 0 || open_->piece.duration + duration <= limit()) return;
    const int64_t begin = open_->begin;
    end_pieces();
    cuts_.front() = {begin, false, false, false, false};
    behind_ = 0;
    open_segment();
}

/// The last part, or more where frames are missing.
void Segmenter::write_rest(int64_t end, bool last, Entries video, Entries audio) {
    int64_t media_end = open_->begin;
    for (const Entries *entries : {&std::as_const(video), &std::as_const(audio)})
        for (const Entry &entry : *entries)
            media_end = std::max(media_end, entry.sample.pts + entry.sample.duration);
    if (last) {
        const Entries &entries = video.empty() ? audio : video;
        std::vector<Sample> samples;
        for (const Entry &entry : entries)
            samples.push_back(entry.sample);
        end = samples.empty() ? open_->begin : end_of(samples);
    }
    if (part_target_ == 0)
        part_target_ =
            std::max(options_.part_duration, std::min(end - open_->begin, second)) + rounding;
    int64_t rest = end - open_->begin, left_out = 0;
    // What is missing in all tracks is left out.
    if (const int64_t room = std::max<int64_t>(limit() - open_->piece.duration, 0); rest > room) {
        const int64_t shorter = std::clamp<int64_t>(media_end - open_->begin, 0, room);
        left_out = rest - shorter;
        rest = shorter;
        end -= left_out;
    }
    const auto take_before = [](Entries &entries, auto time_of, int64_t time) {
        const auto until = std::find_if(entries.begin(), entries.end(), [&](const Entry &entry) {
            return time_of(entry.sample) >= time;
        });
        Entries taken(std::make_move_iterator(entries.begin()), std::make_move_iterator(until));
        entries.erase(entries.begin(), until);
        return taken;
    };
    const auto video_time = [this](const Sample &sample) { return part_time(sample); };
    const auto audio_time = [](const Sample &sample) { return sample.pts; };
    while (rest > part_target_) {
        const int64_t until = open_->begin + part_target_;
        make_room(part_target_);
        Entries first = take_before(video, video_time, until);
        Entries heard = take_before(audio, audio_time, until);
        const int64_t next = video.empty() ? until : part_time(video.front().sample);
        write_part(std::move(first), std::move(heard), part_target_, next);
        rest -= part_target_;
    }
    const bool is_empty = video.empty() && audio.empty();
    if (!is_empty || rest >= shortest(part_target_)) {
        const int64_t duration = std::max(rest, millisecond);
        make_room(duration);
        write_part(std::move(video), std::move(audio), duration, last ? 0 : end);
        rest -= duration;
    }
    // The next part lasts as much longer.
    behind_ = last || left_out > 0 ? 0 : rest;
    const int64_t silent = std::max<int64_t>(behind_, 0);
    open_->piece.place.end += silent;
    if (open_->parts > 0 && !finished_.empty()) finished_.back().place.end += silent;
    if (!last) *offset_ -= left_out;
}

/// Returns false if nothing was written: a segment does not begin with a gap.
bool Segmenter::write_part(Entries video, Entries audio, int64_t duration, int64_t next) {
    Open &open = *open_;
    const bool first = open.parts == 0;
    open.has_begun = true;
    open.begin += duration;
    std::array<TrackSamples, 2> inputs;
    std::optional<int64_t> arrival;
    int64_t media_end = open.begin;
    for (size_t i = 0; i < inputs.size(); ++i) {
        Track &t = tracks_[i];
        inputs[i].format = open.formats[i];
        for (Entry &entry : i == 0 ? video : audio) {
            forget(entry);
            if (first && !inputs[i].format) inputs[i].format = entry.format;
            // A segment has a single configuration.
            if (!inputs[i].format || !inputs[i].format->same(*entry.format)) {
                drop();
                continue;
            }
            arrival = std::min(arrival.value_or(entry.arrival), entry.arrival);
            media_end =
                std::max(media_end, entry.sample.pts + std::min(entry.sample.duration, overhang));
            inputs[i].samples.push_back(std::move(entry.sample));
        }
        // A track that sends nothing at the moment may go on in this segment.
        const bool was = t.in_program && !cuts_.front().discontinuity;
        if (first && !inputs[i].format && t.present() && (was || (!t.ended && !t.stalled)))
            inputs[i].format = t.format;
    }
    Part part;
    part.duration = duration;
    if (arrival) {
        SegmentTimes times{*offset_, next, 0, cuts_.front().pts, first};
        if (first) times.date = date_of(times.begin, *arrival);
        // The writer may fill in decoding times; what is said of the samples is read before.
        part.independent =
            inputs[0].samples.empty() ? !inputs[0].format : inputs[0].samples.front().keyframe;
        metadata_.move_to(*writer_, open.begin);
        part.data = writer_->write(inputs[0], inputs[1], times);
        if (first) open.piece.program_date_time = times.date / millisecond;
    }
    if (part.data.empty() && first) return false;
    if (first) begin_piece(inputs);
    part.independent = part.independent && !part.data.empty();
    open.piece.has_video = open.piece.has_video || !inputs[0].samples.empty();
    open.piece.has_audio = open.piece.has_audio || !inputs[1].samples.empty();
    open.piece.duration += duration;
    // In a pause the segment before may have gone on beyond the cut.
    if (first) open.piece.place.segment = std::max(cuts_.front().pts, open.begin - duration);
    open.piece.place = {open.piece.place.segment, open.begin - duration, open.begin, *offset_};
    ++open.parts;
    stream_end_ = std::max(stream_end_, media_end + *offset_);
    finished_.push_back(open.piece);
    finished_.back().begins = first;
    finished_.back().parts.push_back(std::move(part));
    return true;
}

/// Fills in what the pieces of a segment have in common, once its first part is written.
void Segmenter::begin_piece(const std::array<TrackSamples, 2> &inputs) {
    Segment &piece = open_->piece;
    piece.complete = false;
    piece.target_duration = announced_;
    piece.part_target = part_target_;
    piece.independent =
        inputs[0].samples.empty() ? !inputs[0].format : inputs[0].samples.front().keyframe;
    piece.discontinuity = cuts_.front().discontinuity && emitted_;
    if (changes_program(inputs)) piece.discontinuity = true;
    describe(piece, inputs);
    piece.init = writer_->init();
    if (emitted_ && !std::equal(init_.begin(), init_.end(), piece.init.begin(), piece.init.end()))
        piece.discontinuity = true;
    init_ = piece.init;
    for (size_t i = 0; i < inputs.size(); ++i)
        open_->formats[i] = inputs[i].format;
    stats_.discontinuities += piece.discontinuity;
    emitted_ = true;
}

} // namespace penstock::hls
