// SPDX-License-Identifier: LGPL-2.1-or-later
// A common timeline for all viewers of a path, across changes of producer and timestamp jumps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace penstock::rtmp {

/// Maps a producer's 32-bit timestamps to times that never go back within a track. All times are
/// ms.
///
/// Steps are exact to the millisecond, including the wraps at 2^32, 2^31 and 2^24 that encoders
/// produce. A step counts as progress if it is small or not much longer than the wait for the
/// packet; otherwise it is a jump. Both tracks follow a jump to a common line. A track whose
/// timestamps are unrelated to the other's (more than max_apart) gets a separate line, positioned
/// once by arrival time. Not thread-safe.
class Timeline {
public:
    enum Track : size_t { audio, video };

    /// Where the output continues after a restart or a jump.
    enum class Resume {
        at_once,    ///< directly after the previous output: remaining players would wait at a gap
        at_arrival, ///< at the packet's arrival time, on the same clock as the output
    };
    static constexpr int64_t unknown = std::numeric_limits<int64_t>::min();

    explicit Timeline(Resume resume = Resume::at_once) : resume_(resume) {}

    /// Starts a new run with the next timestamp.
    void restart();
    /// Maps a decoding timestamp. `composition`: presentation minus decoding time; `arrival`: time
    /// on any steady clock, `unknown` if the producer is not live.
    int64_t map(Track track, uint32_t timestamp, uint32_t composition = 0,
                int64_t arrival = unknown);
    /// Maps a timestamp of a further track of the same kind: on the line of `track`, at most
    /// max_beside ms from its latest output. Changes nothing.
    static constexpr int64_t max_beside = 2000;
    int64_t beside(Track track, uint32_t timestamp) const;
    /// The latest output of a track, for packets without a time of their own; 0 before its first.
    int64_t last(Track track) const { return tracks_[track].out; }
    /// True if the last map() detected a jump within a run; jump() is its size.
    bool jumped() const { return jump_.has_value(); }
    int32_t jump() const { return jump_.value_or(0); }

private:
    struct State {
        uint32_t in = 0;           ///< the last timestamp
        uint32_t first = 0;        ///< the timestamp at the start of its line
        int64_t raw = 0;           ///< output position before it is clamped to not go back
        int64_t out = 0;           ///< the last result
        int64_t skew = 0;          ///< offset of its line from the common one
        int64_t arrival = unknown; ///< arrival of the last packet
        unsigned line = 0;         ///< the last jump that it has followed
        bool running = false;      ///< a packet was mapped in this run
        bool sent = false;         ///< a packet was ever mapped
    };
    std::optional<int64_t> progress(const State &state, uint32_t timestamp, int64_t arrival) const;
    void place(State &state, const State &other, uint32_t timestamp, int64_t arrival);
    void begin_line(State &state, uint32_t timestamp, int64_t arrival, bool new_run);

    const Resume resume_;
    std::array<State, 2> tracks_;
    unsigned lines_ = 0;
    int64_t last_shown_ = 0;
    int64_t last_line_arrival_ = unknown;
    std::optional<int32_t> jump_;
    bool started_ = false;
};

} // namespace penstock::rtmp
