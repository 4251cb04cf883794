// SPDX-License-Identifier: LGPL-2.1-or-later
// From FLV's 32-bit milliseconds to a continuous time in nanoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::flv {

/// Unrolls wraps, keeps tracks together, and turns jumps into a continuous time with a
/// discontinuity. Times are nanoseconds.
class Timeline {
public:
    static constexpr unsigned tracks = 2;
    /// A track that moves on by more has jumped: it is discontinuous, and goes on without the gap.
    /// Frames may be that far apart. Where buffers have times, a gap of any length that the
    /// timestamps confirm is none.
    static constexpr int64_t gap_limit = 60'000; // milliseconds
    /// Tracks that begin further from each other have nothing in common.
    static constexpr int64_t apart_limit = 3'000; // milliseconds
    /// A track that moves back by more is discontinuous; by less, its time stands still.
    static constexpr int64_t back_limit = 500; // milliseconds

    struct Time {
        int64_t time = 0;
        bool discont = false;
        bool finer = false; ///< the producer's buffer times know more than milliseconds
    };

    /// Forgets everything; the first timestamp of any track will be `at`.
    void start(int64_t at);
    /// Maps a tag's decoding timestamp. `time`: what the producer's buffer says of it, if
    /// anything; it then rules.
    Time map(unsigned track, uint32_t timestamp, std::optional<int64_t> time);

private:
    struct Track {
        bool seen = false;
        int64_t milliseconds = 0; ///< the last timestamp, unrolled
        int64_t offset = 0;       ///< what to add to it, nanoseconds
        int64_t last = 0;         ///< what came out of it
        unsigned epoch = 0;       ///< how many jumps it has followed
    };
    void begin(Track &track, const Track &other, uint32_t timestamp);
    bool follow(Track &track, const Track &other, uint32_t timestamp);

    std::array<Track, tracks> tracks_;
    int64_t start_ = 0;
};

/// Gives audio frames times by counting their samples: a millisecond is too coarse for them.
class SampleClock {
public:
    static constexpr int64_t max_drift = 40'000'000; // nanoseconds

    struct Time {
        int64_t time;
        bool resync; ///< the count was given up for the timestamp
    };
    /// `exact`: `time` is good as it is.
    Time next(int64_t time, unsigned samples, unsigned rate, bool exact);
    void reset() { anchored_ = false; }

private:
    bool anchored_ = false;
    int64_t anchor_ = 0;
    uint64_t count_ = 0;
    unsigned rate_ = 0;
};

} // namespace penstock::flv
