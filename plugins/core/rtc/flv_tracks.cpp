// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds the first frames of simulcast until the layers are in order.
#include "core/rtc/flv_tracks.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace penstock::rtc {
namespace {

/// Of a held frame beside its bytes.
constexpr size_t frame_overhead = 256;

} // namespace

void FlvTracks::add(bool is_video, size_t section) {
    Track track;
    track.is_video = is_video;
    track.section = section;
    if (!is_video) track.id = next_audio_++;
    tracks_.push_back(track);
}

void FlvTracks::push(size_t index, TrackFrame &&frame, uint64_t pixels, int64_t now) {
    Track &track = tracks_[index];
    if (track.is_video) {
        if (!track.has_begun && decided_) track.id = next_video_++;
        if (!first_) first_ = now;
    }
    track.has_begun = true;
    track.pixels = pixels;
    track.bytes += frame.bytes.size();
    held_bytes_ += frame.bytes.size() + frame_overhead;
    held_.push_back({index, std::move(frame)});
}

bool FlvTracks::is_due(int64_t now) const {
    return now >= *first_ + limits_.wait || held_bytes_ > limits_.max_held ||
           std::all_of(tracks_.begin(), tracks_.end(),
                       [](const Track &track) { return !track.is_video || track.has_begun; });
}

void FlvTracks::decide() {
    decided_ = true;
    std::vector<Track *> order;
    for (Track &track : tracks_)
        if (track.is_video && track.has_begun) order.push_back(&track);
    std::stable_sort(order.begin(), order.end(), [](const Track *a, const Track *b) {
        return std::tuple(a->section, b->pixels, b->bytes) <
               std::tuple(b->section, a->pixels, a->bytes);
    });
    for (Track *track : order)
        track->id = next_video_++;
}

void FlvTracks::pop(int64_t now, std::vector<Out> &out) {
    // Before any video there is nothing to decide about.
    if (first_ && !decided_) {
        if (!is_due(now)) return;
        decide();
    }
    for (Held &held : held_)
        out.push_back({held.track, *tracks_[held.track].id, std::move(held.frame)});
    held_.clear();
    held_bytes_ = 0;
}

std::optional<int64_t> FlvTracks::deadline() const {
    if (decided_ || !first_) return std::nullopt;
    return *first_ + limits_.wait;
}

} // namespace penstock::rtc
