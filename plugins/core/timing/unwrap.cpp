// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/timing/unwrap.h"

namespace penstock::timing {
namespace {

constexpr int64_t millisecond = 1'000'000;

/// The time of `ticks` of a 90 kHz clock.
constexpr int64_t of_90khz(int64_t ticks) {
    return ticks / 9 * 100'000 + ticks % 9 * 100'000 / 9;
}

constexpr int64_t periods[] = {
    (int64_t(1) << 32) * millisecond, (int64_t(1) << 31) * millisecond, of_90khz(int64_t(1) << 33),
    of_90khz(int64_t(1) << 32),       (int64_t(1) << 24) * millisecond,
};
constexpr int64_t shortest = periods[4];
constexpr int64_t longest = periods[0];

} // namespace

std::optional<int64_t> wrap_in(int64_t step, int64_t backward, int64_t forward) {
    // Most steps are small; and the sums below can't overflow.
    if (step < -2 * longest || step > 2 * longest) return std::nullopt;
    if (step > -shortest / 2 && step < shortest / 2) return std::nullopt;
    for (const int64_t period : periods)
        for (const int64_t add : {period, -period})
            if (step + add >= -backward && step + add <= forward) return add;
    return std::nullopt;
}

} // namespace penstock::timing
