// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client has measured of a stream.
#pragma once

#include "core/latency/histogram.h"
#include "core/latency/sei.h"

#include <deque>
#include <string>
#include <vector>

namespace penstock::delay {

/// One hop's stamps. Nanoseconds.
struct HopMeasured {
    latency::Hop hop = latency::Hop::capture;
    latency::Histogram age;  ///< from the hop to this client
    latency::Histogram step; ///< from the last hop before whose time can be; empty for the first
    uint64_t clock = 0;      ///< times that can't be

    /// Its machine's clock, or the one before, is off: it has no time to go by.
    bool is_clock() const { return clock > age.count(); }
};

/// All times in nanoseconds.
struct Measured {
    // The pictures' own stamps: to where they are decoded, and a paced one is due.
    latency::Histogram glass;
    uint64_t read = 0, unreadable = 0, lost = 0, repeated = 0;
    uint64_t clock = 0;   ///< times that can't be, of pictures or hops: the clocks differ
    int64_t joined = -1;  ///< of the first picture that could be read; -1: none
    int64_t startup = -1; ///< from the start to the first picture; -1: none came
    uint32_t last_frame = 0;
    struct Point {
        int64_t at = 0; ///< since the first picture
        int64_t latency = 0;
    };
    std::deque<Point> trace; ///< the last half an hour, at most

    std::vector<HopMeasured> hops; ///< in the order in which frames carry them
    latency::Histogram here;   ///< from their coming to where their stamps are read, pacing and all
    latency::Histogram decode; ///< the decoder's share of it

    // Of the encoded stream.
    std::string codec; ///< "h264"; empty until it is known
    int width = 0, height = 0;
    uint64_t frames = 0;
    double fps = 0;                ///< of the pictures' own times; 0: unknown
    int64_t keyframe_interval = 0; ///< the longest; 0: fewer than two came
    bool is_reordered = false;     ///< it has B-frames
    int64_t segment = 0;           ///< HLS: the longest of the playlist; 0: none

    bool has_pictures() const { return glass.count() > 0; }
    bool has_hops() const { return !hops.empty() && hops.front().age.count() > 0; }
};

} // namespace penstock::delay
