// SPDX-License-Identifier: LGPL-2.1-or-later
// How much of something a peer may send: so much at once, and so much more each second.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::http2 {

class Allowance {
public:
    Allowance(uint32_t at_once, uint32_t per_second)
        : most_(uint64_t(at_once) * 1000), per_second_(per_second), left_(most_) {}
    /// False if nothing is left at this time.
    bool take(uint64_t now_ms) {
        if (now_ms > then_ms_) {
            const uint64_t passed = std::min<uint64_t>(now_ms - then_ms_, 1'000'000);
            left_ = std::min(most_, left_ + passed * per_second_);
            then_ms_ = now_ms;
        }
        if (left_ < 1000) return false;
        left_ -= 1000;
        return true;
    }
    void give(uint32_t more) { left_ = std::min(most_, left_ + uint64_t(more) * 1000); }

private:
    const uint64_t most_; ///< in thousandths, as all here
    const uint64_t per_second_;
    uint64_t left_;
    uint64_t then_ms_ = 0;
};

} // namespace penstock::http2
