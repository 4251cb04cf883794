// SPDX-License-Identifier: LGPL-2.1-or-later
// Percentiles of latencies in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::latency {

/// Counts values in buckets that widen with the value, so that each percentile is exact to 0.2 %
/// (or 1 ns). Uses about 60 kB. Not thread-safe.
class Histogram {
public:
    /// The largest value that is counted exactly: 68.7 s; ns.
    static constexpr int64_t max_value = (int64_t(1) << 36) - 1;

    Histogram();

    /// Adds a value in ns. Negative values count as 0, values above max_value as max_value.
    void add(int64_t value);
    void clear();

    uint64_t count() const { return count_; }
    /// The value below or at which `share` (0 to 1) of all values are: 0.5 is the median. Between
    /// min() and max(); 0 without values.
    int64_t percentile(double share) const;
    /// Exact; 0 without values.
    int64_t min() const { return count_ ? min_ : 0; }
    int64_t max() const { return max_; }
    int64_t mean() const;
    /// The mean absolute difference between consecutive values.
    int64_t jitter() const;

private:
    static size_t bucket_of(int64_t value);
    static int64_t middle_of(size_t bucket);

    std::vector<uint64_t> buckets_;
    uint64_t count_ = 0;
    int64_t min_ = 0, max_ = 0, last_ = 0;
    double sum_ = 0, differences_ = 0;
};

} // namespace penstock::latency
