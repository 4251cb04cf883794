// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/rate_meter.h"

#include <algorithm>
#include <cstddef>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;

uint64_t rate_of(uint64_t bytes, int64_t duration) {
    return static_cast<uint64_t>(static_cast<double>(bytes) * 8e9 / static_cast<double>(duration) +
                                 0.5);
}

} // namespace

void RateMeter::add(uint64_t bytes, int64_t duration, int64_t target) {
    if (duration <= 0) return;
    // Half a second more, because a segment may last that much longer than the target duration.
    const int64_t longest = target * 3 / 2 + second / 2, shortest = target / 2;
    recent_.push_back({bytes, duration});
    uint64_t sum = 0;
    int64_t length = 0;
    size_t kept = 0;
    for (auto last = recent_.rbegin(); last != recent_.rend(); ++last, ++kept) {
        sum += last->bytes;
        length += last->duration;
        if (length > longest && kept > 0) break;
        if (length >= shortest) peak_ = std::max(peak_, rate_of(sum, length));
    }
    recent_.erase(recent_.begin(), recent_.end() - static_cast<ptrdiff_t>(kept));
    // So that weeks do not overflow, and a change of the encoder shows within minutes.
    constexpr int64_t memory = 600 * second;
    if (duration_ > memory) {
        bytes_ /= 2;
        duration_ /= 2;
    }
    bytes_ += bytes;
    duration_ += duration;
}

uint64_t RateMeter::average() const {
    return duration_ > 0 ? rate_of(bytes_, duration_) : 0;
}

} // namespace penstock::hls
