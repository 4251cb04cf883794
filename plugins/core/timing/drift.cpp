// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/timing/drift.h"

#include <algorithm>

namespace penstock::timing {
namespace {
// Larger differences within a window are none of a drift; ns. Bounds the sum.
constexpr int64_t most = 60'000'000'000;
} // namespace

std::optional<int64_t> DriftGauge::add(int64_t time, int64_t lead) {
    if (!begin_) begin_ = time;
    if (!settled_) {
        if (time - *begin_ < settling) return std::nullopt;
        settled_ = true;
        begin_ = time;
    }
    std::optional<int64_t> result;
    if (time - *begin_ >= window || count_ > 1'000'000) {
        if (count_ >= least) {
            const int64_t mean = base_ + sum_ / int64_t(count_);
            if (!meant_) meant_ = mean;
            drift_ = mean - *meant_;
            result = drift_;
        }
        begin_ = time;
        sum_ = count_ = 0;
    }
    if (count_ == 0) base_ = lead;
    sum_ += std::clamp(lead - base_, -most, most);
    ++count_;
    return result;
}

} // namespace penstock::timing
