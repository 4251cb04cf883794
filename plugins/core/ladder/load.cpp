// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ladder/load.h"

#include <algorithm>

namespace penstock::ladder {

std::optional<size_t> Load::look(int64_t now, std::span<const Reading> rungs) {
    std::optional<size_t> worst;
    bool late = false;
    for (size_t i = 0; i < rungs.size() && i < rungs_.size(); ++i) {
        const Reading &rung = rungs[i];
        if (rung.cost > 0) rungs_[i].cost = rung.cost;
        if (!rung.running || rungs_[i].stopped) continue;
        late = late || rung.lag > limits_.lag;
        const auto is_worse = [&](const Reading &other) {
            return rung.is_full != other.is_full ? rung.is_full : rung.cost > other.cost;
        };
        if (!worst || is_worse(rungs[*worst])) worst = i;
    }
    if (!late) {
        late_since_.reset();
        if (trial_since_ && now - *trial_since_ > 2 * limits_.patience) trial_since_.reset();
        return std::nullopt;
    }
    if (!late_since_) late_since_ = now;
    if (now - *late_since_ < limits_.patience) return std::nullopt;
    late_since_.reset(); // those that are left get the same time to catch up
    trial_since_.reset();
    State &state = rungs_[*worst];
    // One that ran for long after its last return is not known to be too much.
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
