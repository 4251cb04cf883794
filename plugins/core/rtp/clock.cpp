// SPDX-License-Identifier: LGPL-2.1-or-later
// Times of RTP.
#include "core/rtp/clock.h"

#include <algorithm>
#include <cstdlib>

namespace penstock::rtp {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int64_t unix_begin = 2'208'988'800; ///< s from 1900 to 1970
/// Reports that differ more from what the last one foretold are of a clock that was set; ns.
constexpr int64_t max_report_step = 200'000'000;
/// A report's timestamp is at most so far from the packets'; ns.
constexpr int64_t max_report_distance = 60'000'000'000;
constexpr int64_t slew_share = 100; ///< of the time that passes
constexpr int64_t follow_share = 4; ///< of a window's lateness

} // namespace

uint64_t ntp_of(int64_t time) {
    const int64_t rest = (time % second + second) % second;
    const auto seconds = static_cast<uint64_t>((time - rest) / second + unix_begin);
    return seconds << 32 | (static_cast<uint64_t>(rest) << 32) / uint64_t(second);
}

int64_t unix_time_of(uint64_t ntp) {
    auto seconds = static_cast<int64_t>(ntp >> 32);
    if (!(ntp >> 63)) seconds += int64_t(1) << 32; // since 2036 (RFC 4330, 3)
    const auto rest = static_cast<int64_t>((ntp & 0xFFFFFFFF) * uint64_t(second) >> 32);
    return (seconds - unix_begin) * second + rest;
}

size_t MediaClock::add_track(uint32_t rate) {
    tracks_.emplace_back().rate = std::clamp<uint32_t>(rate, 1, 1'000'000'000);
    return tracks_.size() - 1;
}

void MediaClock::restart(size_t index) {
    Track &track = tracks_[index];
    track.begun = false;
    track.unwrapper.reset();
    track.report.reset();
    track.jumped = true;
}

bool MediaClock::Track::has_jumped(int64_t now_ticks, int64_t now) const {
    const int64_t step = nanoseconds_of(now_ticks - ticks, rate);
    if (step < -max_step || step > std::max<int64_t>(now - arrival, 0) + max_step) return true;
    const int64_t time = time_of(now_ticks);
    return time > now + max_ahead || time < now - max_behind;
}

/// Begins at the arrival, but not before what was told already, if that is not far ahead.
void MediaClock::Track::begin(int64_t now_ticks, int64_t now) {
    begun = true;
    anchor_ticks = ticks = now_ticks;
    anchor = latest > now && latest <= now + max_step ? latest : now;
    window_begin = now;
    lateness = now - anchor;
    correction = 0;
    report.reset();
}

bool MediaClock::Track::is_near(int64_t report_ticks) const {
    const int64_t distance = nanoseconds_of(report_ticks - ticks, rate);
    return distance >= -max_report_distance && distance <= max_report_distance;
}

void MediaClock::Track::slew(int64_t passed) {
    const int64_t most = std::clamp<int64_t>(passed, 0, second) / slew_share;
    const int64_t step = std::clamp(correction, -most, most);
    anchor += step;
    correction -= step;
}

/// At once, or slowly if it is little.
void MediaClock::Track::correct(int64_t by) {
    correction = by;
    if (by >= -max_slew && by <= max_slew) return;
    anchor += by;
    correction = 0;
    jumped = true;
}

MediaClock::Stamp MediaClock::stamp(size_t index, uint32_t timestamp, int64_t arrival) {
    Track &track = tracks_[index];
    const int64_t ticks = track.unwrapper.unwrap(timestamp);
    if (!track.begun) {
        const auto report = track.report; // one that came before the first packet
        track.begin(ticks, arrival);
        if (report && track.is_near(report->ticks)) track.report = report;
    } else if (track.has_jumped(ticks, arrival)) {
        track.begin(ticks, arrival);
        track.jumped = true;
    } else {
        track.slew(arrival - track.arrival);
    }
    track.ticks = ticks;
    track.arrival = arrival;
    track.lateness = std::min(track.lateness, arrival - track.time_of(ticks));
    if (arrival - track.window_begin >= window) end_window(index);
    const Stamp stamp{track.time_of(ticks), track.jumped};
    track.jumped = false;
    track.latest = stamp.jumped ? stamp.time : std::max(track.latest, stamp.time);
    return stamp;
}

/// How much later than the first track with a report this one has to be.
std::optional<int64_t> MediaClock::skew_of(size_t index) const {
    const Track &track = tracks_[index];
    const auto usable = [&](const Track &t) {
        return t.begun && t.report && t.report->epoch == epoch_;
    };
    const auto first = std::find_if(tracks_.begin(), tracks_.end(), usable);
    if (!usable(track) || &*first == &track) return std::nullopt;
    const int64_t wanted = first->time_of(first->report->ticks) - first->report->time;
    const int64_t is = track.time_of(track.report->ticks) - track.report->time;
    // Sender reports are not believed where the packets' arrivals contradict them.
    const int64_t skew = wanted - is;
    if (std::abs(track.lateness - skew) > max_skew && std::abs(skew) > max_skew)
        return std::nullopt;
    return skew;
}

void MediaClock::follow_arrivals(Track &track) {
    if (track.lateness > max_late)
        track.correct(track.lateness);
    else
        track.correction = track.lateness / follow_share;
}

void MediaClock::end_window(size_t index) {
    Track &track = tracks_[index];
    if (const auto skew = skew_of(index))
        track.correct(*skew);
    else
        follow_arrivals(track);
    track.window_begin = track.arrival;
    track.lateness = track.arrival - track.time_of(track.ticks);
}

void MediaClock::sender_report(size_t index, uint64_t ntp, uint32_t timestamp) {
    Track &track = tracks_[index];
    if (ntp == 0) return;
    Report report{unix_time_of(ntp), 0, epoch_};
    report.ticks = track.unwrapper.last() ? track.unwrapper.peek(timestamp)
                                          : track.unwrapper.unwrap(timestamp);
    if (track.begun && !track.is_near(report.ticks)) return;
    if (track.report) {
        const int64_t foretold =
            track.report->time + nanoseconds_of(report.ticks - track.report->ticks, track.rate);
        // An earlier report of another epoch is not compared: this one begins to count.
        if (track.report->epoch == epoch_ && std::abs(report.time - foretold) > max_report_step)
            report.epoch = ++epoch_;
    }
    track.report = report;
}

std::optional<int64_t> MediaClock::sender_time(size_t index, uint32_t timestamp) const {
    const Track &track = tracks_[index];
    if (!track.report) return std::nullopt;
    return track.report->time +
           nanoseconds_of(track.unwrapper.peek(timestamp) - track.report->ticks, track.rate);
}

} // namespace penstock::rtp
