// SPDX-License-Identifier: LGPL-2.1-or-later
// How long a viewer should hold frames back, so that lost packets come again in time.
#pragma once

#include "core/rtc/loss_watch.h"

#include <algorithm>
#include <cstdint>

namespace penstock::rtc {

/// Frames are shown at once as long as nothing is lost. Where a packet comes again after a round
/// trip or two, frames that wait for it would be shown late. So there is time for a request and a
/// second one, and for a third where much is lost: of a twentieth each way one request in ten
/// fails, or its answer does. Times are ns of any steady clock. Not thread-safe.
class RepairDelay {
public:
    static constexpr uint16_t longest = 450; ///< ms

    /// A receiver report about the video, as LossWatch has it.
    void reported(uint32_t highest_sequence, int32_t lost, int64_t now) {
        loss_.reported(highest_sequence, lost, now);
    }
    /// ms, in steps of 10; 0: none.
    uint16_t delay(int64_t round_trip, int64_t now) const {
        if (!loss_.is_lossy(now)) return 0;
        const int64_t trip = round_trip / 1'000'000;
        const int64_t repeats = loss_.is_very_lossy(now) ? 2 : 1;
        const int64_t wanted =
            until_noticed + trip + repeats * (std::max(trip, unknown_trip) + timer) + decoding;
        return static_cast<uint16_t>(std::min<int64_t>(wanted, longest) / step * step);
    }

private:
    static constexpr uint32_t packets = 200; ///< for a judgement
    // In ms. The loss of a frame's last packet is noticed when the next frame comes. Browsers that
    // only receive do not know the round trip: they ask again after 100 ms, by a timer.
    static constexpr int64_t until_noticed = 40, unknown_trip = 100, timer = 30, decoding = 20,
                             step = 10;

    LossWatch loss_{packets};
};

} // namespace penstock::rtc
