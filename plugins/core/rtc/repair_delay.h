// SPDX-License-Identifier: LGPL-2.1-or-later
// How long a viewer should hold frames back, so that lost packets come again in time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::rtc {

/// Frames are shown at once as long as nothing is lost. Where a packet comes again after a round
/// trip or two, frames that wait for it would be shown late or, if a keyframe is there by then,
/// never. Times are ns of any steady clock. Not thread-safe.
class RepairDelay {
public:
    static constexpr uint16_t longest = 400; ///< ms

    /// A receiver report about the video: its highest sequence number, and packets lost since the
    /// beginning.
    void reported(uint32_t highest_sequence, int32_t lost, int64_t now) {
        if (!is_known_ || highest_sequence - highest_ >= 0x8000) {
            highest_ = highest_sequence;
            lost_ = lost;
            is_known_ = true;
            return;
        }
        const uint32_t expected = highest_sequence - highest_;
        if (expected < packets) return;
        if (double(lost - lost_) > noticed * expected) lossy_at_ = now;
        highest_ = highest_sequence;
        lost_ = lost;
    }
    /// ms, in steps of 10; 0: none.
    uint16_t delay(int64_t round_trip, int64_t now) const {
        if (lossy_at_ == 0 || now - lossy_at_ > forgotten) return 0;
        const int64_t wanted = round_trips * round_trip / 1'000'000 + slack;
        return static_cast<uint16_t>(std::min<int64_t>(wanted, longest) / step * step);
    }

private:
    static constexpr uint32_t packets = 200; ///< for a judgement
    static constexpr double noticed = 0.01;  ///< share that is lost
    static constexpr int64_t forgotten = 30'000'000'000;
    /// Browsers that do not know the round trip ask again after 100 ms.
    static constexpr int64_t round_trips = 2, slack = 120, step = 10; ///< slack, step: ms

    bool is_known_ = false;
    uint32_t highest_ = 0;
    int32_t lost_ = 0;
    int64_t lossy_at_ = 0;
};

} // namespace penstock::rtc
