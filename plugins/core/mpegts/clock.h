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
        return *(last_ = *last_ + step(*last_, given));
    }
    /// A clock reference. Returns true if the clock has jumped.
    bool reference(uint64_t ticks, bool is_announced) {
        const auto given = static_cast<int64_t>(ticks & (period - 1));
        bool jumped = false;
        if (reference_) {
            const int64_t by = step(*reference_, given);
            jumped = is_announced || by < 0 || by > longest_step;
        } else {
            begin_ = given;
        }
        reference_ = given;
        jumps_ += jumped;
        return jumped;
    }
    /// The first clock reference, unwrapped.
    std::optional<int64_t> begin() const {
        if (!begin_ || !last_) return begin_;
        return *last_ + step(*last_, *begin_);
    }
    uint64_t jumps() const { return jumps_; }
    void reset() {
        last_.reset();
        reference_.reset();
        begin_.reset();
    }

private:
    /// The way from one time to another, across the wrap if that is shorter.
    static int64_t step(int64_t from, int64_t to) {
        const int64_t by = (to - from) & (period - 1);
        return by >= period / 2 ? by - period : by;
    }

    std::optional<int64_t> last_, reference_, begin_;
    uint64_t jumps_ = 0;
};

} // namespace penstock::mpegts
