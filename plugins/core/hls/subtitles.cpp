// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/subtitles.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// A reference that goes back or ahead by more than these is on a new timeline; ns.
constexpr int64_t backward_limit = second, forward_limit = 10 * second;
// Cues that are this far from a new timeline's beginning belong to the old one; ns.
constexpr int64_t vicinity = 60 * second;
constexpr int64_t longest_cue = 3600 * second;

size_t size_of(const webvtt::Cue &cue) {
    return cue.text.size() + cue.id.size() + cue.settings.size() + 64;
}

} // namespace

void Subtitles::set_about(About about) {
    about.is_text = true;
    about_ = std::make_shared<const About>(std::move(about));
}

bool Subtitles::add(webvtt::Cue cue) {
    has_ended_ = false;
    position_ = std::max(position_.value_or(cue.begin), cue.begin);
    cue.end = std::min(cue.end, cue.begin + longest_cue);
    if (cue.text.empty() || cue.end <= cue.begin) return false;
    const auto later =
        std::upper_bound(cues_.begin(), cues_.end(), cue.begin,
                         [](int64_t time, const Kept &kept) { return time < kept.cue.begin; });
    bytes_ += size_of(cue);
    cues_.insert(later, {std::move(cue), false});
    while (is_full())
        drop_front();
    return true;
}

bool Subtitles::is_full() const {
    if (!options_.realtime) return bytes_ > options_.max_file_bytes;
    return cues_.size() > options_.max_cues || bytes_ > options_.max_bytes;
}

void Subtitles::drop_front() {
    dropped_ += !cues_.front().is_written;
    bytes_ -= size_of(cues_.front().cue);
    cues_.pop_front();
}

void Subtitles::gap(int64_t time) {
    position_ = std::max(position_.value_or(time), time);
}

void Subtitles::flush() {
    cues_.clear();
    bytes_ = 0;
    references_.clear();
    position_.reset();
    reference_end_.reset();
    late_.clear();
    duration_ = 0;
    has_begun_ = false;
}

void Subtitles::finish() {
    is_final_ = true;
    advance();
    is_final_ = false;
}

void Subtitles::follow(const Segment &reference) {
    const Place &place = reference.place;
    const bool jumps = reference_end_ && (place.begin < *reference_end_ - backward_limit ||
                                          place.begin > *reference_end_ + forward_limit);
    if (jumps) {
        finish(); // what is there of the old timeline
        for (size_t i = cues_.size(); i > 0; --i) {
            const webvtt::Cue &cue = cues_[i - 1].cue;
            // A file that has a gap goes on, and its later cues may be here already.
            const bool is_ahead = !options_.realtime && place.begin > *reference_end_;
            if (cue.end > place.begin - vicinity && (is_ahead || cue.begin < place.end + vicinity))
                continue;
            bytes_ -= size_of(cue);
            cues_.erase(cues_.begin() + static_cast<ptrdiff_t>(i - 1));
        }
        position_.reset();
    }
    reference_end_ = place.end;
    references_.push_back({reference, now()});
}

bool Subtitles::waits_for(const Reference &reference) const {
    const Place &place = reference.piece.place;
    if (is_final_ || has_ended_ || !place.has_media) return false;
    if (position_ && *position_ >= place.end) return false;
    if (options_.realtime) return position_ && now() - reference.since < options_.patience;
    return references_.back().piece.place.end - place.begin < options_.max_behind;
}

void Subtitles::advance() {
    while (!references_.empty() && !waits_for(references_.front())) {
        const Segment reference = std::move(references_.front().piece);
        references_.pop_front();
        if (!has_begun_ && !reference.begins) continue;
        has_begun_ = true;
        write(reference);
    }
}

/// The text of what is shown between `begin` and the end of `place`, and of cues that came too late
/// for what is before.
Bytes Subtitles::text_of(const Place &place, int64_t begin, bool is_whole) {
    std::vector<webvtt::Cue> shown;
    if (is_whole)
        std::copy_if(late_.begin(), late_.end(), std::back_inserter(shown),
                     [&](const webvtt::Cue &cue) { return cue.end <= begin; });
    for (Kept &kept : cues_) {
        const webvtt::Cue &cue = kept.cue;
        if (cue.begin >= place.end) break;
        if (cue.end > begin) {
            shown.push_back(cue);
        } else if (!kept.is_written) {
            shown.push_back(cue);
            late_.push_back(cue);
        } else {
            continue;
        }
        kept.is_written = true;
    }
    // Both clocks begin with the stream's, in whole milliseconds.
    const int64_t local =
        std::max<int64_t>(place.segment + place.offset, 0) / millisecond * millisecond;
    for (webvtt::Cue &cue : shown) {
        cue.begin = std::max<int64_t>(cue.begin + place.offset, 0);
        cue.end = std::max<int64_t>(cue.end + place.offset, 0);
    }
    const auto ticks = static_cast<uint64_t>(local / millisecond) * 90;
    return webvtt::write(shown, local, ticks & mpegts::timestamp_mask);
}

void Subtitles::write(const Segment &reference) {
    const Place &place = reference.place;
    if (reference.begins) {
        duration_ = 0;
        late_.clear();
    }
    Segment piece = piece_beside(reference);
    piece.about = about_;
    if (!options_.has_parts) {
        piece.duration = reference.duration;
        piece.data = text_of(place, place.segment, true);
    } else {
        for (const Part &part : reference.parts) {
            piece.parts.push_back({text_of(place, place.begin, false), part.duration, true});
            duration_ += part.duration;
        }
        piece.duration = duration_;
        if (reference.complete) piece.data = text_of(place, place.segment, true);
    }
    if (reference.complete) forget(place.end);
    finished_.push_back(std::move(piece));
}

/// Cues that have ended before this and are written.
void Subtitles::forget(int64_t end) {
    for (size_t i = 0; i < cues_.size() && cues_[i].cue.begin < end;) {
        if (!cues_[i].is_written || cues_[i].cue.end > end) {
            ++i;
            continue;
        }
        bytes_ -= size_of(cues_[i].cue);
        cues_.erase(cues_.begin() + static_cast<ptrdiff_t>(i));
    }
}

bool Subtitles::take(Segment &segment) {
    if (finished_.empty()) return false;
    segment = std::move(finished_.front());
    finished_.pop_front();
    return true;
}

} // namespace penstock::hls
