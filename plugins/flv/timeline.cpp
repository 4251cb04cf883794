// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/timeline.h"

#include "core/timing/unwrap.h"

#include <algorithm>
#include <cstdlib>

namespace penstock::flv {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t confirmed = 1'000; // ms by which a buffer's time may exceed the step of its tag

// Unwraps `timestamp` plus `wraps` to the value closest to `near`.
int64_t unroll(int64_t near, uint32_t timestamp, int64_t wraps) {
    return near + static_cast<int32_t>(timestamp + static_cast<uint32_t>(wraps) -
                                       static_cast<uint32_t>(near));
}

} // namespace

void Timeline::start(int64_t at) {
    tracks_ = {};
    start_ = at;
}

// Starts a track: on the other track's timeline, unless their timestamps are unrelated.
void Timeline::begin(Track &track, const Track &other, uint32_t timestamp) {
    track.seen = true;
    if (!other.seen) {
        track.milliseconds = timestamp;
        track.offset = start_ - track.milliseconds * millisecond;
        return;
    }
    track.wraps = other.wraps;
    track.milliseconds = unroll(other.milliseconds, timestamp, track.wraps);
    track.epoch = other.epoch;
    track.offset = std::abs(track.milliseconds - other.milliseconds) > apart_limit
                       ? other.last - track.milliseconds * millisecond
                       : other.offset;
}

// Follows the next tag of a track. Returns true if it jumped: it then joins the other track if that
// has already jumped, or continues at the current output time.
bool Timeline::follow(Track &track, const Track &other, uint32_t timestamp) {
    int64_t now = unroll(track.milliseconds, timestamp, track.wraps);
    // Encoders that mask the top byte wrap at 2^31, those without extended timestamps at 2^24.
    const auto wrap = timing::wrap_in((now - track.milliseconds) * millisecond,
                                      back_limit * millisecond, gap_limit * millisecond);
    if (wrap && *wrap % millisecond == 0) {
        track.wraps += *wrap / millisecond;
        now += *wrap / millisecond;
    }
    const int64_t moved = now - track.milliseconds;
    if (moved <= gap_limit && moved >= -back_limit) {
        track.milliseconds = now;
        return false;
    }
    if (other.seen && other.epoch > track.epoch) {
        const int64_t near = unroll(other.milliseconds, timestamp, other.wraps);
        if (std::abs(near - other.milliseconds) <= apart_limit) {
            track.wraps = other.wraps;
            track.milliseconds = near;
            track.offset = other.offset;
            track.epoch = other.epoch;
            return true;
        }
    }
    const int64_t reached = other.seen ? std::max(track.last, other.last) : track.last;
    track.milliseconds = now;
    track.offset = reached - now * millisecond;
    track.epoch = std::max(track.epoch, other.epoch) + 1;
    return true;
}

Timeline::Time Timeline::map(unsigned index, uint32_t timestamp, std::optional<int64_t> time) {
    Track &track = tracks_[index];
    const Track &other = tracks_[1 - index];
    const bool first = !track.seen;
    const int64_t offset_before = track.offset, timestamp_before = track.milliseconds;
    Time result;
    if (first)
        begin(track, other, timestamp);
    else
        result.discont = follow(track, other, timestamp);
    if (time) {
        track.offset = *time - track.milliseconds * millisecond;
        const int64_t change = std::abs(track.offset - offset_before);
        result.finer = !first && change > 0 && change < millisecond;
        const int64_t moved = *time - track.last;
        const int64_t counted = (track.milliseconds - timestamp_before) * millisecond;
        const bool unconfirmed =
            moved > apart_limit * millisecond && moved - counted > confirmed * millisecond;
        result.discont = !first && (unconfirmed || moved < -back_limit * millisecond);
        if (result.discont) track.last = *time;
    }
    result.time = std::max<int64_t>(track.milliseconds * millisecond + track.offset, 0);
    if (!first) result.time = std::max(result.time, track.last);
    track.last = result.time;
    return result;
}

int64_t Timeline::beside(unsigned index, uint32_t timestamp) const {
    const Track &track = tracks_[index].seen ? tracks_[index] : tracks_[1 - index];
    if (!track.seen) return start_;
    const int64_t now = unroll(track.milliseconds, timestamp, track.wraps);
    if (std::abs(now - track.milliseconds) > apart_limit) return track.last;
    return std::max<int64_t>(now * millisecond + track.offset, 0);
}

DecodeLead::Times DecodeLead::place(int64_t dts, int64_t pts) {
    if (pts < dts - longest)
        pts = dts - lead_;
    else
        lead_ = std::max(lead_, dts - pts);
    last_ = std::max(last_, dts - lead_);
    return {last_, std::max(pts, last_)};
}

SampleClock::Time SampleClock::next(int64_t time, unsigned samples, unsigned rate, bool exact) {
    const bool was_anchored = anchored_ && rate == rate_;
    int64_t expected = 0;
    if (was_anchored)
        // Does not overflow 64 bits for 200 years at any AAC rate.
        expected = anchor_ + static_cast<int64_t>(count_ / rate_ * 1'000'000'000 +
                                                  count_ % rate_ * 1'000'000'000 / rate_);
    const bool drifted = was_anchored && std::abs(time - expected) > max_drift;
    if (!was_anchored || drifted || exact) {
        anchored_ = true;
        anchor_ = expected = time;
        count_ = 0;
        rate_ = rate;
    }
    count_ += samples;
    return {expected, drifted};
}

} // namespace penstock::flv
