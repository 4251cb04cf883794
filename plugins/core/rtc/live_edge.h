// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells when a stream that begins with its past, all at once, has come to the present.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

namespace penstock::rtc {

/// While a stream catches up, each frame is closer to the present than those before it. One thread
/// adds frames; is_reached() may be called by any.
class LiveEdge {
public:
    /// A stream begins.
    void restart() {
        began_ = 0;
        leads_ = {};
    }
    /// A frame of a track, 0 or 1, whose time on the stream's line is `time_ms`, has come.
    void add(size_t track, uint32_t time_ms, uint64_t now_ns) {
        if (began_ == 0) {
            first_ms_ = time_ms;
            progressed_ = now_ns;
            began_ = now_ns;
        }
        const int64_t media_ns = int64_t(static_cast<int32_t>(time_ms - first_ms_)) * 1'000'000;
        const int64_t lead = media_ns - static_cast<int64_t>(now_ns - began_);
        std::optional<int64_t> &best = leads_[track];
        if (best && lead <= *best + jitter) return;
        best = lead;
        progressed_ = now_ns;
    }
    /// Whether it has, or nothing has come at all. A stream that never does, as one that is faster
    /// than its timestamps, counts as there after a second.
    bool is_reached(uint64_t now_ns) const {
        const uint64_t began = began_;
        return began == 0 || now_ns > progressed_ + settled || now_ns > began + longest;
    }

private:
    static constexpr int64_t jitter = 20'000'000; ///< ns
    static constexpr uint64_t settled = 100'000'000, longest = 1'000'000'000;

    std::atomic<uint64_t> began_{0}, progressed_{0}; ///< ns
    uint32_t first_ms_ = 0;
    std::array<std::optional<int64_t>, 2> leads_{}; ///< the best of each track
};

} // namespace penstock::rtc
