// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/measurement.h"

#include <algorithm>
#include <utility>

namespace penstock::latency {

const char *name_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::none:
        return "none";
    case Verdict::ok:
        return "ok";
    case Verdict::repeated:
        return "repeated";
    case Verdict::clock:
        return "clock";
    case Verdict::unreadable:
        return "unreadable";
    }
    return "none";
}

/// Returns false for a repeated frame number.
bool Measurement::count_number(const Stamp &stamp) {
    const uint64_t unread = std::exchange(unreadable_since_, 0);
    if (!stamp_ || stamp_->source != stamp.source) return true;
    // Frame numbers wrap to 0.
    const auto step = static_cast<int32_t>(stamp.frame - stamp_->frame);
    if (step == 0 && stamp.time == stamp_->time) {
        ++repeated_;
        return false;
    }
    if (step <= 0) {
        ++restarts_;
    } else {
        const auto left_out = static_cast<uint64_t>(step) - 1;
        lost_ += left_out - std::min(left_out, unread);
    }
    return true;
}

Verdict Measurement::add(const std::optional<Stamp> &stamp, int64_t now, const Limits &limits) {
    ++frames_;
    if (!stamp) {
        ++unreadable_;
        ++unreadable_since_;
        return verdict_ = Verdict::unreadable;
    }
    const bool is_first = count_number(*stamp);
    stamp_ = stamp;
    if (!is_first) return verdict_ = Verdict::repeated;
    const int64_t latency = (now - stamp->time) * 1000;
    if (latency < -limits.tolerance || latency > limits.max_latency) {
        ++clock_;
        return verdict_ = Verdict::clock;
    }
    latency_ = std::max<int64_t>(latency, 0);
    histogram_.add(latency_);
    return verdict_ = Verdict::ok;
}

} // namespace penstock::latency
