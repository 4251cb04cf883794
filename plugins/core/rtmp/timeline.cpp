// SPDX-License-Identifier: LGPL-2.1-or-later
// Distinguishes progress from jumps, and positions the output after a jump. All times are ms.
#include "core/rtmp/timeline.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

constexpr int64_t a_frame = 40;
constexpr int64_t max_jitter = 100;    // a smaller step back is jitter
constexpr int64_t max_forward = 10000; // always counts as progress
constexpr int64_t wait_slack = 2000;   // by which a step may exceed the wait for its packet
constexpr int64_t max_apart = 2000;    // between tracks on one line when they are first compared
constexpr int64_t max_late = 10000;    // of a track that starts later with the same timestamps

int64_t elapsed(int64_t from, int64_t to) {
    return from == Timeline::unknown || to == Timeline::unknown ? 0
                                                                : std::max<int64_t>(to - from, 0);
}

// The signed difference of two timestamps that wrap at 2^bits.
int32_t difference(uint32_t a, uint32_t b, unsigned bits) {
    return static_cast<int32_t>((a - b) << (32 - bits)) >> (32 - bits);
}

bool fits(uint32_t timestamp, unsigned bits) {
    return bits == 32 || timestamp >> bits == 0;
}

} // namespace

void Timeline::restart() {
    for (State &state : tracks_)
        state.running = false;
}

std::optional<int64_t> Timeline::progress(const State &state, uint32_t timestamp,
                                          int64_t arrival) const {
    const int64_t waited = elapsed(state.arrival, arrival);
    // Encoders that mask the top bit wrap at 2^31; those without extended timestamps at 2^24.
    for (const unsigned bits : {32u, 31u, 24u}) {
        if (!fits(timestamp, bits) || !fits(state.in, bits)) continue;
        const int64_t step = difference(timestamp, state.in, bits);
        if (step >= -max_jitter && step <= std::max(max_forward, waited + wait_slack)) return step;
    }
    return std::nullopt;
}

int64_t Timeline::map(Track track, uint32_t timestamp, uint32_t composition, int64_t arrival) {
    State &state = tracks_[track];
    jump_.reset();
    const auto step =
        state.running ? progress(state, timestamp, arrival) : std::optional<int64_t>();
    if (step) {
        state.raw += *step;
    } else {
        if (state.running) jump_ = difference(timestamp, state.in, 32);
        place(state, tracks_[1 - track], timestamp, arrival);
    }
    state.in = timestamp;
    state.arrival = arrival;
    state.running = true;
    // The second track may be earlier than the first, but not below 0.
    state.out = std::max(state.raw, state.sent ? state.out : 0);
    state.sent = true;
    last_shown_ = std::max(last_shown_, state.out + composition);
    return state.out;
}

int64_t Timeline::beside(Track track, uint32_t timestamp) const {
    const State &state = tracks_[track];
    const int32_t ahead = difference(timestamp, state.in, 32);
    const int64_t out = state.raw + std::clamp<int64_t>(ahead, -max_beside, max_beside);
    return std::max<int64_t>(out, 0);
}

// When both tracks jump, the second follows the first.
void Timeline::place(State &state, const State &other, uint32_t timestamp, int64_t arrival) {
    if (!other.running || (state.running && state.line == other.line)) {
        begin_line(state, timestamp, arrival, !other.running && !state.running);
        return;
    }
    const int64_t waited = elapsed(other.arrival, arrival);
    const int64_t ahead = difference(timestamp, other.in, 32) + state.skew - other.skew;
    const int64_t since_first = difference(timestamp, other.first, 32);
    const bool too_far = ahead > waited + max_apart;
    const bool together = ahead >= -max_apart && !too_far;
    const bool late =
        ahead >= -max_late && !too_far && since_first >= -max_apart && since_first <= max_apart;
    state.first = timestamp;
    state.line = other.line;
    state.raw = other.raw + ahead;
    if (together || late) return;
    const int64_t by_arrival = other.raw + std::min(waited, max_forward);
    state.skew += by_arrival - state.raw;
    state.raw = by_arrival;
}

void Timeline::begin_line(State &state, uint32_t timestamp, int64_t arrival, bool new_run) {
    if (new_run)
        for (State &each : tracks_)
            each.skew = 0;
    // Even if every packet jumps, the output does not get ahead of the clock.
    const int64_t most = last_line_arrival_ == unknown || arrival == unknown
                             ? a_frame
                             : std::clamp<int64_t>(arrival - last_line_arrival_, 1, a_frame);
    if (resume_ == Resume::at_arrival && arrival != unknown)
        state.raw = std::max(arrival, started_ ? last_shown_ + 1 : 0);
    else if (!started_)
        state.raw = 0;
    else if (new_run)
        state.raw = last_shown_ + most;
    else
        state.raw = std::max(last_shown_ + 1, state.out + most);
    state.first = timestamp;
    state.line = ++lines_;
    last_line_arrival_ = arrival;
    started_ = true;
}

} // namespace penstock::rtmp
