// SPDX-License-Identifier: LGPL-2.1-or-later
// The clock of a program: timestamps of 33 bits become ones that go on.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock::mpegts {

/// All streams of a program have one clock, so all of its timestamps are near one another. One that
/// is less than 13 hours from the last is taken for being behind or ahead of it, across the wrap.
class Clock {
public:
    static constexpr int64_t period = int64_t(1) << 33;
    /// References (PCR) have to come every 100 ms; a larger step is another time. 90 kHz.
    static constexpr int64_t longest_step = 90'000;

    int64_t unwrap(uint64_t ticks) {
        const auto given = static_cast<int64_t>(ticks & (period - 1));
        if (!last_) return *(last_ = given);
        int64_t step = (given - *last_) & (period - 1);
        if (step >= period / 2) step -= period;
        return *(last_ = *last_ + step);
    }
    /// A clock reference. Returns true if the clock has jumped.
    bool reference(uint64_t ticks, bool is_announced) {
        const auto given = static_cast<int64_t>(ticks & (period - 1));
        bool jumped = false;
        if (reference_) {
            int64_t step = (given - *reference_) & (period - 1);
            if (step >= period / 2) step -= period;
            jumped = is_announced || step < 0 || step > longest_step;
        }
        reference_ = given;
        jumps_ += jumped;
        return jumped;
    }
    /// The last clock reference, unwrapped.
    std::optional<int64_t> reference() const {
        if (!reference_ || !last_) return reference_;
        int64_t step = (*reference_ - *last_) & (period - 1);
        if (step >= period / 2) step -= period;
        return *last_ + step;
    }
    uint64_t jumps() const { return jumps_; }
    void reset() {
        last_.reset();
        reference_.reset();
    }

private:
    std::optional<int64_t> last_, reference_;
    uint64_t jumps_ = 0;
};

} // namespace penstock::mpegts
