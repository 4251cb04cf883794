// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/timing/decode_order.h"

#include <algorithm>

namespace penstock::timing {

void DecodeOrder::set_depth(unsigned depth) {
    depth = std::min(depth, max_depth);
    depth_ = count_ > 0 ? std::max(depth_, depth) : depth;
}

void DecodeOrder::reset() {
    count_ = 0;
    last_.reset();
}

int64_t DecodeOrder::next(int64_t pts) {
    const bool is_apart =
        count_ > 0 && (pts < greatest_[0] - apart || pts > greatest_[count_ - 1] + apart);
    if (is_apart) reset();
    if (count_ == 0) first_ = pts;
    // The stream reorders more than it says.
    if (depth_ > 0 && depth_ < max_depth && count_ > depth_ && pts < *last_) ++depth_;
    if (count_ <= depth_) {
        greatest_[count_++] = pts;
        std::sort(greatest_.begin(), greatest_.begin() + count_);
    } else if (pts > greatest_[0]) {
        greatest_[0] = pts;
        std::sort(greatest_.begin(), greatest_.begin() + count_);
    }
    int64_t dts = count_ <= depth_ ? first_ - int64_t(depth_ + 1 - count_) * frame_ : greatest_[0];
    if (last_) dts = std::max(dts, *last_);
    last_ = dts;
    return std::min(dts, pts);
}

} // namespace penstock::timing
