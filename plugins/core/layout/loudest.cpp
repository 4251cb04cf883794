// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/layout/loudest.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::layout {
namespace {

/// Time constants of the mean, ns: words begin fast, and pauses are between them.
constexpr double rise = 200e6, fall = 1500e6;
/// Anything below is alike, so that nobody has an advantage by a noisy room.
constexpr double lowest = Loudest::threshold - 10;

} // namespace

double level_of(const int16_t *samples, size_t count) {
    if (count == 0) return silence;
    double sum = 0;
    for (size_t i = 0; i < count; ++i)
        sum += double(samples[i]) * samples[i];
    const double mean = sum / double(count) / (32768.0 * 32768.0);
    return mean > 0 ? std::max(silence, 10 * std::log10(mean)) : silence;
}

std::optional<uint32_t> Loudest::step(int64_t now, const std::vector<Level> &levels) {
    const auto passed = double(last_ ? now - *last_ : 0);
    last_ = now;
    std::map<uint32_t, double> next;
    std::optional<uint32_t> best;
    for (const Level &one : levels) {
        const auto known = smooth_.find(one.id);
        double mean = known == smooth_.end() ? lowest : known->second;
        const double level = std::max(one.level, lowest);
        mean += (level - mean) * (1 - std::exp(-passed / (level > mean ? rise : fall)));
        next[one.id] = mean;
        if (!best || mean > next[*best]) best = one.id;
    }
    smooth_ = std::move(next);
    if (speaker_ && !smooth_.contains(*speaker_)) speaker_.reset();
    const bool is_loud = best && smooth_[*best] > threshold;
    if (!speaker_) {
        if (is_loud) {
            speaker_ = best;
            since_ = now;
        }
        rival_.reset();
        return speaker_;
    }
    if (!is_loud || best == speaker_ || smooth_[*best] < smooth_[*speaker_] + margin) {
        rival_.reset();
    } else if (rival_ != best) {
        rival_ = best;
        rival_since_ = now;
    } else if (now - rival_since_ >= patience && now - since_ >= stay) {
        speaker_ = std::exchange(rival_, std::nullopt);
        since_ = now;
    }
    return speaker_;
}

} // namespace penstock::layout
