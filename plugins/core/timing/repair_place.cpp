// SPDX-License-Identifier: LGPL-2.1-or-later
// Distinguishes pauses, holes and jumps, and keeps tracks that belong together on one timeline.
#include "core/timing/repair.h"

#include "core/timing/bounded.h"
#include "core/timing/unwrap.h"

#include <algorithm>
#include <cstdlib>

namespace penstock::timing {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int64_t least_step = 1'000'000;
/// By which a step may exceed the wait for its frame.
constexpr int64_t wait_slack = 2 * second;
/// Of a live track that is delivered later than another with the same timestamps.
constexpr int64_t max_late = 10 * second;
/// Of tracks from a file whose threads run ahead of one another as far as queues allow.
constexpr int64_t max_apart = 60 * second;
/// Jumps that follow one another faster are nonsense.
constexpr int64_t nonsense = second / 2;
/// By which a track that passes through another's hole may lag behind.
constexpr int64_t nearly = second / 2;
/// Drift is taken out by at most this part of the time.
constexpr int64_t slew_part = 200;

int64_t waited(const Delivery &from, const Delivery &to) {
    return from.arrival && to.arrival ? std::max<int64_t>(*to.arrival - *from.arrival, 0) : 0;
}

/// Whether the order in which frames of the two came tells what is simultaneous.
bool comparable(const Delivery &a, const Delivery &b) {
    return (a.arrival && b.arrival) || a.thread == b.thread;
}

std::string milliseconds(int64_t time) {
    return std::to_string(time / 1'000'000) + " ms";
}

std::string ahead_of(int64_t time, const std::string &what) {
    return milliseconds(std::abs(time)) + (time < 0 ? " behind " : " ahead of ") + what;
}

} // namespace

/// The running track that has followed the newest jump, but `index`.
const Repair::Track *Repair::newest_other(size_t index) const {
    const Track *found = nullptr;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const Track &track = tracks_[i];
        if (i == index || !track.running || track.format.media == Media::sparse) continue;
        if (!found || track.line > found->line ||
            (track.line == found->line && track.out > found->out))
            found = &track;
    }
    return found;
}

/// Whether a hole is a real pause: of this track alone, or of all in real time.
bool Repair::is_pause(size_t index, int64_t to, const Delivery &delivery) const {
    const Track &track = tracks_[index];
    if (track.format.media == Media::sparse) return true;
    const int64_t length = add(to, -track.in);
    if (delivery.arrival && length <= waited(track.delivery, delivery) + wait_slack) return true;
    bool is_known = true;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const Track &other = tracks_[i];
        if (i == index || !other.running || other.line != track.line) continue;
        // Another track has passed through it.
        const int64_t slack = std::max(limits_.max_gap, nearly);
        if (add(other.covered, other.skew) >= add(to, track.skew) - slack) return true;
        is_known = is_known && comparable(other.delivery, delivery);
    }
    // If nothing tells how far apart the tracks are delivered, synchronism is worth more than a
    // closed hole.
    return !is_known && length <= limits_.max_jump;
}

Repair::Step Repair::step_of(size_t index, const Times &times, const Delivery &delivery) const {
    const Track &track = tracks_[index];
    const int64_t step = add(times.dts, -track.in);
    if (step == 0 && track.format.is_split) return Step::same;
    if (step < -limits_.max_backward) return Step::jump;
    const int64_t usual = std::max(track.covered, add(track.in, nominal(track)));
    if (add(times.dts, -usual) <= limits_.max_gap) return Step::progress;
    const Track *other = newest_other(index);
    const bool follows = other && other->line > track.line;
    if (!follows && is_pause(index, times.dts, delivery)) return Step::hole;
    if (follows || delivery.arrival || limits_.gap == Gap::close) return Step::jump;
    return add(times.dts, -usual) > limits_.max_jump ? Step::jump : Step::hole;
}

void Repair::place(size_t index, const Times &times, const Delivery &delivery) {
    Track &track = tracks_[index];
    const Track *other = newest_other(index);
    // The lead of this track may be another now.
    for (Track &each : tracks_) {
        each.gauge.reset();
        each.to_slew = 0;
    }
    if (other && (!track.running || other->line > track.line)) {
        join(index, *other, times, delivery);
        return;
    }
    begin_line(index, times, delivery);
}

/// Puts the track on the line of another: by its timestamps if those are related, else beside it.
void Repair::join(size_t index, const Track &other, const Times &times, const Delivery &delivery) {
    Track &track = tracks_[index];
    const bool known = comparable(other.delivery, delivery);
    const int64_t reach = known ? limits_.max_skew : std::max(limits_.max_skew, max_apart);
    const int64_t pause = waited(other.delivery, delivery);
    const int64_t common = add(other.shift, -other.skew);
    const int64_t given = add(times.dts, -track.wrap);
    track.line = other.line;
    if (!track.running) track.skew = 0;
    // Of two tracks that begin at a wrap one may already be behind it.
    const int64_t apart = add(add(given, track.skew), -add(other.in, other.skew));
    for (const int64_t wrap : {int64_t(0), other.wrap, wrap_in(apart, reach, reach).value_or(0)}) {
        const int64_t in = add(given, wrap);
        const int64_t ahead = add(add(in, track.skew), -add(other.in, other.skew));
        const bool too_far = ahead > pause + reach;
        const bool together = ahead >= -reach && !too_far;
        const bool late = (!delivery.arrival || ahead >= -max_late) && !too_far &&
                          std::abs(add(in, -line_first_)) <= limits_.max_skew;
        if (!together && !late) continue;
        track.wrap = wrap;
        track.in = in;
        track.shift = add(common, track.skew);
        return;
    }
    track.wrap = 0;
    track.in = given;
    const int64_t beside = add(other.out, std::min(pause, max_late));
    const int64_t ahead = add(add(given, add(common, track.skew)), -beside);
    track.shift = add(beside, -given);
    track.skew = add(track.shift, -common);
    note(Trouble::skew, index, ahead,
         name(index) + " timestamps are " + ahead_of(ahead, "the other track's") +
             ": moved beside it");
}

/// The first to jump decides where all go on: behind what was put out so far, and in a live stream
/// as much later as the frame came later.
void Repair::begin_line(size_t index, const Times &times, const Delivery &delivery) {
    Track &track = tracks_[index];
    const int64_t given = add(times.dts, -track.wrap);
    if (!track.sent) {
        track.shift = line_shift_;
    } else {
        int64_t shown = track.shown;
        for (const Track &other : tracks_)
            if (other.running) shown = std::max(shown, other.shown);
        const int64_t composition = std::clamp<int64_t>(
            add(times.pts.value_or(times.dts), -times.dts) + track.lower, 0, 10 * second);
        const int64_t next = add(track.out, std::max(nominal(track), least_step));
        // In the middle of a GOP the order of display goes on over the jump.
        int64_t dts = delivery.is_key ? std::max(next, shown - composition) : next;
        if (delivery.arrival) {
            const int64_t by_clock = track.out + waited(track.delivery, delivery);
            const bool is_nonsense = line_arrival_ && *delivery.arrival - *line_arrival_ < nonsense;
            dts =
                is_nonsense ? std::max(track.out + least_step, by_clock) : std::max(dts, by_clock);
        }
        const int64_t jump = add(times.dts, -track.covered);
        track.shift = add(add(dts, track.lower), -given);
        line_shift_ = add(track.shift, -track.skew);
        if (track.running)
            note(Trouble::jump, index, jump,
                 name(index) + " timestamps jumped by " + milliseconds(jump) +
                     ": carried on without the jump");
    }
    track.wrap = 0;
    track.in = given;
    track.line = ++lines_;
    line_first_ = given;
    line_arrival_ = delivery.arrival;
}

// --- drift --------------------------------------------------------------------------------

/// Drift is that of video against the first audio track, since players follow the audio; without
/// audio, against the first track.
std::optional<size_t> Repair::reference() const {
    std::optional<size_t> found;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        if (!tracks_[i].running || tracks_[i].format.media == Media::sparse) continue;
        if (tracks_[i].format.media == Media::audio) return i;
        if (!found) found = i;
    }
    return found;
}

void Repair::measure_drift(size_t index) {
    Track &track = tracks_[index];
    const auto main = reference();
    if (!main || *main == index || track.format.media == Media::sparse) return;
    const Track &other = tracks_[*main];
    // Once for each frame of the other: while it pauses nothing can be told.
    if (track.compared == other.stats.frames || !comparable(track.delivery, other.delivery)) return;
    track.compared = other.stats.frames;
    const int64_t later = waited(other.delivery, track.delivery);
    const auto drift = track.gauge.add(track.out, add(track.out, -other.out) - later);
    if (!drift) return;
    track.stats.drift = *drift;
    const bool is_slewing = track.to_slew != 0;
    const bool too_much = limits_.max_drift > 0 && std::abs(*drift) > limits_.max_drift;
    if (too_much && !is_slewing)
        note(Trouble::drift, index, *drift,
             name(index) + " has drifted " + ahead_of(*drift, name(*main)) + ": taken out slowly");
    if (too_much || (is_slewing && std::abs(*drift) > limits_.max_drift / 4))
        track.to_slew = *drift;
    else
        track.to_slew = 0;
}

void Repair::slew(size_t index, int64_t step) {
    Track &track = tracks_[index];
    const int64_t most = step / slew_part;
    const int64_t part = std::clamp(track.to_slew, -most, most);
    track.to_slew -= part;
    track.shift = add(track.shift, -part);
    track.skew = add(track.skew, -part);
}

} // namespace penstock::timing
