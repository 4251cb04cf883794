// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics of hops: the time since each hop, and between consecutive hops.
#pragma once

#include "core/latency/histogram.h"
#include "core/latency/sei.h"
#include "gst/ptr.h"

#include <array>
#include <memory>
#include <mutex>

namespace penstock::latency {

/// Thread-safe.
class HopStats {
public:
    /// Times that are further in the past, or in the future, are not latencies: the clocks differ.
    static constexpr int64_t most = 60'000'000; // µs

    void clear();
    /// Adds a frame with stamps that is here at `now` (UTC, µs).
    void add(const FrameStamps &stamps, int64_t now);
    void add_unstamped();
    void add_damaged();
    /// Adds the fields described in the element's documentation.
    void fill(GstStructure *stats) const;

private:
    struct OfHop {
        Histogram age, step; ///< ns
        guint64 clock = 0;
    };

    mutable std::mutex lock_;
    /// Indexed by hop number minus one; nullptr: never seen.
    std::array<std::unique_ptr<OfHop>, std::size(all_hops)> hops_;
    guint64 frames_ = 0, unstamped_ = 0, damaged_ = 0, lost_ = 0, repeated_ = 0;
    uint32_t source_ = 0, frame_ = 0;
};

} // namespace penstock::latency
