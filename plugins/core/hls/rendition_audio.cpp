// SPDX-License-Identifier: LGPL-2.1-or-later
// Audio that is a rendition by itself: its segments are as long as their frames, and its parts have
// a beat of their own.
#include "core/hls/rendition.h"

#include <algorithm>
#include <iterator>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// Timestamps that are rounded to milliseconds make a part of the same frames longer or shorter.
constexpr int64_t rounding = 2 * millisecond;
// Frames that are further apart than this are a gap; ns.
constexpr int64_t hole = 100 * millisecond;

int64_t shortest(int64_t target) {
    return target * 85 / 100 + 1000;
}

/// The longest duration that rounds to the announced one.
int64_t longest(uint64_t announced) {
    return static_cast<int64_t>(announced) * second + second / 2 - 1000;
}

} // namespace

/// Where the queue's first `count` frames end: at the next one, if that follows.
int64_t Rendition::end_of_audio(size_t count) const {
    const Track &t = track(Kind::audio);
    const Sample &last = t.queue[count - 1].sample;
    const int64_t end = last.pts + last.duration;
    if (count < t.queue.size() && t.queue[count].run == t.run &&
        (t.queue[count].sample.pts < end + hole || last.duration == 0))
        return t.queue[count].sample.pts;
    return end;
}

void Rendition::write_audio(const Segment &reference) {
    if (reference.begins) {
        open_ = {};
        Track &t = track(Kind::audio);
        size_t late = 0;
        while (late < t.queue.size() && t.queue[late].run == t.run &&
               t.queue[late].sample.pts < reference.place.begin)
            ++late;
        drop(t, late);
    }
    if (options_.has_parts)
        write_audio_parts(reference);
    else
        write_audio_segment(reference);
}

void Rendition::write_audio_segment(const Segment &reference) {
    Segment piece = begin_piece(reference);
    Track &t = track(Kind::audio);
    const Place &place = reference.place;
    const size_t count = boundary(Kind::audio, place, true).value_or(t.queue.size());
    int64_t begin = place.segment, end = place.segment + reference.duration;
    if (count > 0) {
        const int64_t first = t.queue.front().sample.pts, last = end_of_audio(count);
        if (first < begin + hole) begin = first;
        if (place.is_last || std::abs(last - place.end) < hole) end = last;
    }
    piece.program_date_time += (begin - place.segment) / millisecond;
    std::array<Entries, 2> entries;
    entries[1] = collect(Kind::audio, reference);
    piece.data = write_media(piece, std::move(entries), reference, 0, begin);
    open_.duration =
        std::clamp<int64_t>(end - begin, millisecond, longest(reference.target_duration));
    finish_piece(std::move(piece));
}

/// As many whole frames as fit into the reference's parts; that duration, if they fill it.
void Rendition::fix_part_target(const Segment &reference) {
    const Track &t = track(Kind::audio);
    if (part_target_ > 0 || t.queue.empty()) return;
    part_target_ = reference.part_target;
    const int64_t frame = t.queue.front().sample.duration;
    if (frame <= 0 || frame > part_target_) return;
    const int64_t whole = part_target_ / frame * frame;
    if (whole - rounding < shortest(part_target_))
        part_target_ = (whole + rounding + millisecond - 1) / millisecond * millisecond;
}

/// The parts that end in the reference's piece. What does not fill a part waits for the next piece,
/// or becomes the segment's last part.
void Rendition::write_audio_parts(const Segment &reference) {
    Track &t = track(Kind::audio);
    const Place &place = reference.place;
    fix_part_target(reference);
    if (part_target_ == 0) part_target_ = reference.part_target;
    const auto available = [&] {
        return boundary(Kind::audio, place, reference.complete).value_or(t.queue.size());
    };
    if (reference.begins) {
        const bool follows = available() > 0 && t.queue.front().sample.pts < place.begin + hole;
        at_ = follows ? t.queue.front().sample.pts : place.begin;
        open_.begin = at_;
    }
    const size_t before = finished_.size();
    for (;;) {
        const size_t count = available();
        size_t frames = 0;
        while (frames < count && end_of_audio(frames + 1) <= at_ + part_target_ + 1000)
            ++frames;
        // Frames later than the part begin after a hole.
        if (frames == count) break;
        if (frames == 0 && t.queue.front().sample.pts < at_ + part_target_) {
            write_audio_part(reference, 1, at_ + part_target_); // a frame that is too long
            continue;
        }
        const int64_t end = frames > 0 ? end_of_audio(frames) : at_ + part_target_;
        write_audio_part(reference, frames, end);
    }
    const size_t rest = available();
    // Nothing came: gaps keep the beat.
    while ((rest == 0 && place.end - at_ >= part_target_) ||
           (rest > 0 && t.queue.front().sample.pts >= at_ + part_target_))
        write_audio_part(reference, 0, at_ + part_target_);
    if (!reference.complete) return;
    if (rest > 0)
        write_audio_part(reference, rest, std::min(end_of_audio(rest), at_ + part_target_));
    // What is missing at its end.
    const int64_t least = rest > 0 ? hole : shortest(part_target_);
    while (!place.is_last && place.end - at_ >= least)
        write_audio_part(reference, 0, std::min(place.end, at_ + part_target_));
    if (finished_.size() > before) {
        finished_.back().complete = true;
    } else if (open_.has_pieces) { // its last part has been taken
        Segment piece = begin_piece(reference);
        piece.part_target = part_target_;
        finish_piece(std::move(piece));
    }
    open_ = {};
}

void Rendition::write_audio_part(const Segment &reference, size_t frames, int64_t end) {
    Track &t = track(Kind::audio);
    Segment piece = begin_piece(reference);
    piece.part_target = part_target_;
    piece.complete = false;
    if (open_.begin)
        piece.program_date_time += (*open_.begin - reference.place.segment) / millisecond;
    std::array<Entries, 2> entries;
    for (; frames > 0; --frames) {
        kept_bytes_ -= t.queue.front().sample.data.size();
        entries[1].push_back(std::move(t.queue.front()));
        t.queue.pop_front();
    }
    const int64_t duration = std::max(end - at_, millisecond);
    Bytes data = write_media(piece, std::move(entries), reference, 0, at_);
    at_ = end;
    open_.duration += duration;
    const bool starts = !data.empty();
    piece.parts.push_back({std::move(data), duration, starts});
    finish_piece(std::move(piece));
}

} // namespace penstock::hls
