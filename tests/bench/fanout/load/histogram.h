// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts times and computes percentiles, exact to 1 %, in fixed and small memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace load {

class Histogram {
public:
    /// Negative times count as zero.
    void add(int64_t ns) {
        const auto value = uint64_t(std::max<int64_t>(ns, 0));
        ++counts_[bucket(value)];
        ++count_;
        max_ = std::max(max_, value);
    }
    uint64_t count() const { return count_; }
    double max_ms() const { return double(max_) / 1e6; }
    /// The time in ms that this share (0 … 1) of all times does not exceed; 0 without times.
    double percentile_ms(double share) const {
        const auto wanted = uint64_t(share * double(count_));
        uint64_t seen = 0;
        for (size_t i = 0; i < counts_.size(); ++i)
            if ((seen += counts_[i]) > wanted)
                return std::min(double(middle(i)), double(max_)) / 1e6;
        return max_ms();
    }

private:
    static constexpr unsigned fine_bits = 6; // 64 buckets per power of two
    static size_t bucket(uint64_t value) {
        if (value < (1u << fine_bits)) return size_t(value);
        const auto shift = unsigned(std::bit_width(value)) - 1 - fine_bits;
        return (size_t(shift + 1) << fine_bits) + size_t((value >> shift) - (1u << fine_bits));
    }
    static uint64_t middle(size_t bucket) {
        if (bucket < (1u << fine_bits)) return bucket;
        const auto shift = unsigned(bucket >> fine_bits) - 1;
        const uint64_t low = ((bucket & ((1u << fine_bits) - 1)) + (1u << fine_bits)) << shift;
        return low + (uint64_t(1) << shift) / 2;
    }

    std::array<uint64_t, (64 - fine_bits + 1) << fine_bits> counts_{};
    uint64_t count_ = 0, max_ = 0;
};

} // namespace load
