// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/timing/arrival.h"

#include <algorithm>

namespace penstock::timing {

void Arrival::begin_window(int64_t now) {
    begin_ = now;
    most_.reset();
    least_.reset();
}

void Arrival::reset() {
    offset_ = 0;
    begin_.reset();
}

int64_t Arrival::step(int64_t time, int64_t now) {
    const int64_t lead = time + offset_ - now;
    if (!begin_) {
        if (lead < -late_ || lead > early) offset_ -= lead;
        begin_window(now);
        return offset_;
    }
    if (lead < -jump || lead > jump) {
        offset_ -= lead;
        ++moves_;
        begin_window(now);
        return offset_;
    }
    most_ = std::max(most_.value_or(lead), lead);
    least_ = std::min(least_.value_or(lead), lead);
    if (now - *begin_ < window) return offset_;
    const int64_t wrong = *most_ < -late_ ? *most_ : *least_ > early ? *least_ : 0;
    offset_ -= wrong;
    moves_ += wrong != 0;
    begin_window(now);
    return offset_;
}

} // namespace penstock::timing
