// SPDX-License-Identifier: LGPL-2.1-or-later
// The results of a client's measurement.
#pragma once

#include "core/latency/histogram.h"
#include "core/latency/sei.h"

#include <deque>
#include <string>
#include <vector>

namespace penstock::delay {

/// Latencies of one hop; nanoseconds.
struct HopMeasured {
    latency::Hop hop = latency::Hop::capture;
    latency::Histogram age;  ///< from the hop to this client
    latency::Histogram step; ///< from the previous hop with a plausible time; empty for the first
    uint64_t clock = 0;      ///< number of impossible times

    /// True if its machine's clock, or that of the hop before, is off: its times are unusable.
    bool is_clock() const { return clock > age.count(); }
};

/// All times in nanoseconds.
struct Measured {
    // Stamps in the frames: latency until they are decoded and, if paced, due.
    latency::Histogram glass;
    uint64_t read = 0, unreadable = 0, lost = 0, repeated = 0;
    uint64_t clock = 0;   ///< impossible times of frames or hops: the clocks differ
    int64_t joined = -1;  ///< latency of the first readable frame; -1: none
    int64_t startup = -1; ///< from start() to the first frame; -1: none arrived
    uint32_t last_frame = 0;
    struct Point {
        int64_t at = 0; ///< since the first picture
        int64_t latency = 0;
    };
    std::deque<Point> trace; ///< up to half an hour

    std::vector<HopMeasured> hops; ///< in the order carried by the frames
    latency::Histogram here;       ///< from arrival to reading the stamp, including pacing
    latency::Histogram decode;     ///< the decoder's part of `here`

    // Properties of the encoded stream.
    std::string codec; ///< "h264"; empty while unknown
    int width = 0, height = 0;
    uint64_t frames = 0;
    double fps = 0;                ///< from the frames' timestamps; 0: unknown
    int64_t keyframe_interval = 0; ///< the longest; 0: fewer than two keyframes
    bool is_reordered = false;     ///< it has B-frames
    int64_t segment = 0;           ///< longest segment of the HLS playlist; 0: none

    bool has_pictures() const { return glass.count() > 0; }
    bool has_hops() const { return !hops.empty() && hops.front().age.count() > 0; }
};

} // namespace penstock::delay
