// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace penstock::latency {
namespace {

// Values below 2^precision have a bucket each; each power of two above has 2^(precision - 1).
constexpr unsigned precision = 9;
constexpr size_t half = size_t(1) << (precision - 1);
constexpr size_t bucket_count = (36 - precision + 2) * half;

} // namespace

Histogram::Histogram() : buckets_(bucket_count) {
}

size_t Histogram::bucket_of(int64_t value) {
    const auto v = static_cast<uint64_t>(value);
    const unsigned width = static_cast<unsigned>(std::bit_width(v));
    if (width <= precision) return v;
    const unsigned shift = width - precision;
    return shift * half + (v >> shift);
}

int64_t Histogram::middle_of(size_t bucket) {
    if (bucket < 2 * half) return static_cast<int64_t>(bucket);
    const size_t shift = bucket / half - 1;
    return static_cast<int64_t>(((bucket - shift * half) << shift) + (uint64_t(1) << shift) / 2);
}

void Histogram::add(int64_t value) {
    value = std::clamp<int64_t>(value, 0, max_value);
    ++buckets_[bucket_of(value)];
    min_ = count_ ? std::min(min_, value) : value;
    max_ = std::max(max_, value);
    sum_ += static_cast<double>(value);
    if (count_ > 0) differences_ += static_cast<double>(std::abs(value - last_));
    last_ = value;
    ++count_;
}

void Histogram::clear() {
    *this = Histogram();
}

int64_t Histogram::percentile(double share) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(wanted));
    if (rank >= count_) return max_;
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= rank) return std::clamp(middle_of(i), min_, max_);
    }
    return max_;
}

int64_t Histogram::mean() const {
    return count_ ? std::llround(sum_ / static_cast<double>(count_)) : 0;
}

int64_t Histogram::jitter() const {
    return count_ > 1 ? std::llround(differences_ / static_cast<double>(count_ - 1)) : 0;
}

} // namespace penstock::latency
