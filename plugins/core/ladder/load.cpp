// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ladder/load.h"

#include <algorithm>

namespace penstock::ladder {

std::optional<size_t> Load::look(int64_t now, std::span<const Reading> rungs) {
    std::optional<size_t> worst;
    int64_t lag = 0;
    const auto is_stuck = [&](size_t i) {
        return late_since_ && rungs[i].is_full && rungs[i].out == rungs_[i].late_out;
    };
    for (size_t i = 0; i < rungs.size() && i < rungs_.size(); ++i) {
        const Reading &rung = rungs[i];
        if (rung.cost > 0) rungs_[i].cost = rung.cost;
        if (!rung.running || rungs_[i].stopped) continue;
        lag = std::max(lag, rung.lag);
        const auto is_worse = [&](size_t other) {
            return is_stuck(i) != is_stuck(other) ? is_stuck(i) : rung.cost > rungs[other].cost;
        };
        if (!worst || is_worse(*worst)) worst = i;
    }
    if (lag <= limits_.lag) {
        late_since_.reset();
        if (trial_since_ && now - *trial_since_ > 2 * limits_.patience) trial_since_.reset();
        return std::nullopt;
    }
    const bool is_new = !late_since_;
    late_lag_ = is_new ? lag : std::max(late_lag_, lag);
    if (!is_new && now - *late_since_ < limits_.patience) return std::nullopt;
    // After a burst, or without the rung that was too much, the others may be late for long.
    if (is_new || late_lag_ - lag > (now - *late_since_) / 10) {
        late_since_ = now;
        late_lag_ = lag;
        for (size_t i = 0; i < rungs.size() && i < rungs_.size(); ++i)
            rungs_[i].late_out = rungs[i].out;
        if (!is_new || limits_.patience > 0) return std::nullopt;
    }
    late_since_.reset(); // those that are left get the same time to catch up
    trial_since_.reset();
    State &state = rungs_[*worst];
    // A rung that ran for long after its last return gets the short delay again.
    const bool ran_long = state.stops == 0 || now - state.returned_at > 2 * state.delay;
    state.delay = ran_long ? limits_.retry : std::min(2 * state.delay, limits_.longest_retry);
    state.stopped = true;
    ++state.stops;
    state.due = now + state.delay;
    return worst;
}

bool Load::may_return(size_t rung, int64_t now) const {
    if (!rungs_[rung].stopped || now < rungs_[rung].due || late_since_ || trial_since_)
        return false;
    return std::none_of(rungs_.begin(), rungs_.end(), [&](const State &other) {
        return other.stopped && now >= other.due && other.cost < rungs_[rung].cost;
    });
}

void Load::returned(size_t rung, int64_t now) {
    rungs_[rung].stopped = false;
    rungs_[rung].returned_at = now;
    trial_since_ = now;
}

} // namespace penstock::ladder
