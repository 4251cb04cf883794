// SPDX-License-Identifier: LGPL-2.1-or-later
// Converts FLV's 32-bit milliseconds to continuous times in ns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::flv {

/// Unwraps timestamps (of 32, 31 and 24 bits), keeps the tracks in sync, and turns jumps into
/// continuous time with a discontinuity. Times are in ns.
class Timeline {
public:
    static constexpr unsigned tracks = 2;
    /// A larger step forward is a jump: the track is discontinuous and continues without the gap.
    /// Frames may be this far apart. If buffers have timestamps that confirm the step, it is never
    /// a jump.
    static constexpr int64_t gap_limit = 60'000; // milliseconds
    /// Tracks whose first timestamps differ by more are unrelated.
    static constexpr int64_t apart_limit = 3'000; // milliseconds
    /// A larger step back is a discontinuity; at a smaller one the track's time stands still.
    static constexpr int64_t back_limit = 500; // milliseconds

    struct Time {
        int64_t time = 0;
        bool discont = false;
        bool finer = false; ///< the buffer's timestamp is more precise than milliseconds
    };

    /// Resets the timeline; the first timestamp of any track becomes `at`.
    void start(int64_t at);
    /// Maps a tag's decoding timestamp. If the producer's buffer has a time, `time`, it takes
    /// precedence.
    Time map(unsigned track, uint32_t timestamp, std::optional<int64_t> time);
    /// The time of a frame of a further track beside `track`, as that is mapped now. Timestamps
    /// that are unrelated to the latter's get its latest time. Changes nothing.
    int64_t beside(unsigned track, uint32_t timestamp) const;

private:
    struct Track {
        bool seen = false;
        int64_t milliseconds = 0; ///< the last timestamp, unwrapped
        int64_t wraps = 0;        ///< ms to add to timestamps: of clocks with fewer than 32 bits
        int64_t offset = 0;       ///< ns to add to it
        int64_t last = 0;         ///< the last result
        unsigned epoch = 0;       ///< number of jumps followed
    };
    void begin(Track &track, const Track &other, uint32_t timestamp);
    bool follow(Track &track, const Track &other, uint32_t timestamp);

    std::array<Track, tracks> tracks_;
    int64_t start_ = 0;
};

/// Keeps video's decoding times at or before its display times, as GStreamer requires. Composition
/// offsets in FLV may be negative: from the first such frame on, frames are decoded earlier by the
/// largest of them. Display times stay as they are, so that audio and video stay together. Times
/// are in ns.
class DecodeLead {
public:
    /// A frame that would be displayed longer than this before its time is displayed when it is
    /// decoded: its offset is broken.
    static constexpr int64_t longest = 10'000'000'000;

    struct Times {
        int64_t dts, pts;
    };
    /// The DTS never goes back and is at least 0.
    Times place(int64_t dts, int64_t pts);
    /// By which frames are decoded earlier.
    int64_t lead() const { return lead_; }
    void reset() { *this = DecodeLead(); }

private:
    int64_t lead_ = 0;
    int64_t last_ = 0; ///< DTS
};

/// Times audio frames by counting samples, since milliseconds are too coarse for them.
class SampleClock {
public:
    static constexpr int64_t max_drift = 40'000'000; // nanoseconds

    struct Time {
        int64_t time;
        bool resync; ///< the count was replaced by the timestamp
    };
    /// `exact`: `time` is precise and used as it is.
    Time next(int64_t time, unsigned samples, unsigned rate, bool exact);
    void reset() { anchored_ = false; }

private:
    bool anchored_ = false;
    int64_t anchor_ = 0;
    uint64_t count_ = 0;
    unsigned rate_ = 0;
};

} // namespace penstock::flv
