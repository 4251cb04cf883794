// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures how two tracks drift apart.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock::timing {

/// A track's lead is how far its timestamps are ahead of another's at the same moment of delivery.
/// It varies with each frame; its mean over ten seconds of media does so much less. The first mean
/// is the lead that is meant; the drift is what later ones differ from it. Times are ns.
class DriftGauge {
public:
    static constexpr int64_t window = 10'000'000'000;
    /// Ignored in the beginning: a joined stream may start with a burst.
    static constexpr int64_t settling = 2'000'000'000;
    /// A window with fewer measurements is not used.
    static constexpr unsigned least = 20;

    /// Adds a measurement at `time` of the track. Returns the drift when a window is complete; the
    /// first complete one defines a drift of 0.
    std::optional<int64_t> add(int64_t time, int64_t lead);
    /// The last result.
    int64_t drift() const { return drift_; }
    /// Starts anew: the lead has changed on purpose.
    void reset() { *this = DriftGauge(); }

private:
    std::optional<int64_t> begin_, meant_;
    int64_t base_ = 0; ///< lead of the window's first measurement, so that sums stay small
    int64_t sum_ = 0;
    unsigned count_ = 0;
    int64_t drift_ = 0;
    bool settled_ = false;
};

} // namespace penstock::timing
