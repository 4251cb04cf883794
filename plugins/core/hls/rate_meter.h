// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures a rendition's bitrates as RFC 8216, 4.1, defines them for BANDWIDTH and
// AVERAGE-BANDWIDTH.
#pragma once

#include <cstdint>
#include <deque>

namespace penstock::hls {

class RateMeter {
public:
    /// A whole segment of `bytes` that lasts `duration` ns; `target` is the target duration in ns.
    void add(uint64_t bytes, int64_t duration, int64_t target);

    /// bit/s: the largest of any segments in a row that last 0.5 to 1.5 target durations together;
    /// 0: none yet. Never decreases, since players read it once.
    uint64_t peak() const { return peak_; }
    /// bit/s of all segments; 0: none yet.
    uint64_t average() const;

private:
    struct Measured {
        uint64_t bytes;
        int64_t duration;
    };
    std::deque<Measured> recent_; ///< the last 1.5 target durations
    uint64_t peak_ = 0, bytes_ = 0;
    int64_t duration_ = 0;
};

} // namespace penstock::hls
