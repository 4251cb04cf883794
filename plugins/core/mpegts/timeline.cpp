// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/timeline.h"

#include <algorithm>
#include <utility>

namespace penstock::mpegts {
namespace {

constexpr int64_t second = 1'000'000'000;
/// A reference that is further in front of the first unit says nothing about where the file begins.
constexpr int64_t longest_lead = 10 * second;
constexpr size_t max_notes = 16;

int64_t ns_of(int64_t ticks) {
    constexpr int64_t limit = int64_t(1) << 46; // 25 years of 90 kHz
    ticks = std::clamp(ticks, -limit, limit);
    return ticks / 9 * 100'000 + ticks % 9 * 100'000 / 9;
}

std::optional<int64_t> ns_of(const std::optional<int64_t> &ticks) {
    return ticks ? std::optional(ns_of(*ticks)) : std::nullopt;
}

} // namespace

Timeline::Timeline() : arrival_(second) {
}

size_t Timeline::add_track(timing::Media media) {
    const size_t track = repair_.add_track();
    repair_.set_format(track, {media});
    if (tracks_.size() <= track) tracks_.resize(track + 1);
    tracks_[track] = {media, 0, std::nullopt, 0};
    return track;
}

void Timeline::remove_track(size_t track) {
    repair_.remove_track(track);
}

void Timeline::set_reorder(size_t track, unsigned reorder) {
    if (std::exchange(tracks_[track].reorder, reorder) == reorder) return;
    timing::Format format;
    format.media = tracks_[track].media;
    format.reorder = reorder;
    repair_.set_format(track, format);
}

std::optional<Timeline::Times> Timeline::place(size_t index, const Given &given) {
    Track &track = tracks_[index];
    auto dts = ns_of(given.dts), pts = ns_of(given.pts);
    const auto decoded = dts ? dts : pts;
    if (!anchor_) {
        if (!decoded) return std::nullopt;
        if (given.arrival) {
            anchor_ = *given.arrival - *decoded;
        } else {
            const int64_t reference = ns_of(given.reference).value_or(*decoded);
            const int64_t lead = *decoded - reference;
            anchor_ = start_ - (lead >= 0 && lead <= longest_lead ? reference : *decoded);
        }
    }
    if (!decoded && track.media == timing::Media::sparse) {
        // A section is for the time at which it comes.
        if (!newest_) return std::nullopt;
        return Times{*newest_, *newest_, false};
    }
    if (dts) *dts += *anchor_;
    if (pts) *pts += *anchor_;
    timing::Delivery delivery;
    delivery.arrival = given.arrival;
    delivery.is_key = given.is_key;
    const timing::Repaired repaired = repair_.frame(index, {dts, pts, std::nullopt}, delivery);
    for (timing::Note &note : repair_.take_notes()) {
        jumps_ += note.trouble == timing::Trouble::jump;
        // Each kind once: some streams have it with every frame.
        if (note.count == 1 && notes_.size() < max_notes) notes_.push_back(std::move(note.text));
    }

    Times times;
    times.dts = repaired.stamps.dts.value_or(repaired.stamps.pts.value_or(0));
    times.pts = repaired.stamps.pts.value_or(times.dts);
    times.discontinuity = repaired.discont;
    if (given.arrival) {
        if (track.media != timing::Media::sparse) {
            const uint64_t moves = arrival_.moves();
            const int64_t offset = arrival_.step(times.dts, *given.arrival);
            jumps_ += arrival_.moves() - moves;
            times.discontinuity |= std::exchange(track.offset, offset) != offset;
        }
        times.dts += track.offset;
        times.pts += track.offset;
    }
    if (times.dts < start_ && track.media != timing::Media::video) return std::nullopt;
    times.dts = std::max(times.dts, track.last ? *track.last + 1 : start_);
    times.pts = std::max(times.pts, times.dts);
    track.last = times.dts;
    newest_ = std::max(newest_.value_or(times.dts), times.dts);
    return times;
}

void Timeline::reset(int64_t start) {
    repair_.reset();
    arrival_.reset();
    for (Track &track : tracks_) {
        track.last.reset();
        track.offset = 0;
    }
    anchor_.reset();
    newest_.reset();
    start_ = start;
}

std::vector<std::string> Timeline::take_notes() {
    return std::exchange(notes_, {});
}

} // namespace penstock::mpegts
