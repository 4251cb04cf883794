// SPDX-License-Identifier: LGPL-2.1-or-later
// Received frames with their times, and measurements derived from them. Does not depend on
// GStreamer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::expect {

/// An encoded video frame or audio packet. Times in ns.
struct Frame {
    int64_t pts = 0;
    int64_t dts = 0;
    int64_t arrival = 0;  ///< monotonic
    int64_t latency = -1; ///< time since it left its encoder in this process; -1: unknown
    bool is_keyframe = false;
};

struct Stream {
    std::string codec;               ///< "h264", "aac", …; the caps' name for others
    std::string profile;             ///< with its level, in words; empty if unknown
    bool is_hardly_playable = false; ///< by browsers, phones and TVs
    int width = 0, height = 0, rate = 0, channels = 0;
    std::vector<Frame> frames; ///< in order of arrival
};

/// The streams of an output; a stream without frames is absent.
struct Received {
    Stream video, audio;
};

/// Times in seconds unless stated otherwise.
struct Measures {
    std::optional<double> first;    ///< from the start to the first frame of any stream
    std::optional<double> fps;      ///< video frames per second of media time
    std::optional<double> keyframe; ///< the longest keyframe interval
    bool keyframe_is_open = false;  ///< no second keyframe came within `keyframe`
    std::optional<double> skew;     ///< audio-video offset, 95th percentile
    std::optional<double> latency;  ///< 95th percentile
    double media = 0;               ///< media time that passed …
    double watched = 0;             ///< … during this wall-clock time
    /// Number of DTS that are over 200 ms before the previous one; the first second is ignored.
    size_t backwards = 0;
};

/// `started` and `ended` are monotonic, ns.
Measures measure(const Received &received, int64_t started, int64_t ended);

} // namespace penstock::expect
