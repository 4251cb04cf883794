// SPDX-License-Identifier: LGPL-2.1-or-later
// What came in at one output: frames with their times, and what follows from them. No GStreamer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::expect {

/// An encoded picture, or a packet of sound. Times in ns.
struct Frame {
    int64_t pts = 0;
    int64_t dts = 0;
    int64_t arrival = 0;  ///< monotonic
    int64_t latency = -1; ///< since it left its encoder in this process; -1: unknown
    bool is_keyframe = false;
};

struct Stream {
    std::string codec; ///< "h264", "aac", …; the caps' name if it is another
    int width = 0, height = 0, rate = 0, channels = 0;
    std::vector<Frame> frames; ///< in the order in which they came
};

/// One output's streams; there may be none of a kind.
struct Received {
    Stream video, audio;
};

/// Times in seconds.
struct Measures {
    std::optional<double> first;    ///< from the start to the first frame of any stream
    std::optional<double> fps;      ///< pictures for each second of their own time
    std::optional<double> keyframe; ///< the longest time from one keyframe to the next
    bool keyframe_is_open = false;  ///< no second keyframe came in that time
    std::optional<double> skew;     ///< 95th percentile
    std::optional<double> latency;  ///< 95th percentile
    double media = 0;               ///< time that went on in the media …
    double watched = 0;             ///< … while this passed
    /// Decoding timestamps that are more than 200 ms before the last one; the first second aside.
    size_t backwards = 0;
};

/// `started` and `ended` are monotonic, ns.
Measures measure(const Received &received, int64_t started, int64_t ended);

} // namespace penstock::expect
