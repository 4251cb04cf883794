// SPDX-License-Identifier: LGPL-2.1-or-later
// Knows by a viewer's reports whether one of its tracks has lost packets of late.
#pragma once

#include <cstdint>

namespace penstock::rtc {

/// Times are ns of any steady clock. Not thread-safe.
class LossWatch {
public:
    /// Judges whenever so many packets have been sent.
    explicit LossWatch(uint32_t packets) : packets_(packets) {}

    /// A receiver report: the highest sequence number, and packets lost since the beginning.
    void reported(uint32_t highest_sequence, int32_t lost, int64_t now) {
        const uint32_t expected = highest_sequence - highest_;
        if (is_known_ && expected < packets_) return;
        if (is_known_ && expected < 0x8000) {
            const double share = double(lost - lost_) / expected;
            if (share > noticed) lossy_at_ = now;
            if (share > much) very_lossy_at_ = now;
        }
        highest_ = highest_sequence;
        lost_ = lost;
        is_known_ = true;
    }
    /// Whether more than 1 % was lost at a time.
    bool is_lossy(int64_t now) const { return is_recent(lossy_at_, now); }
    /// The same of 4 %.
    bool is_very_lossy(int64_t now) const { return is_recent(very_lossy_at_, now); }

private:
    static constexpr double noticed = 0.01, much = 0.04;
    static constexpr int64_t forgotten = 30'000'000'000;
    static bool is_recent(int64_t at, int64_t now) { return at != 0 && now - at <= forgotten; }

    uint32_t packets_;
    bool is_known_ = false;
    uint32_t highest_ = 0;
    int32_t lost_ = 0;
    int64_t lossy_at_ = 0, very_lossy_at_ = 0;
};

} // namespace penstock::rtc
