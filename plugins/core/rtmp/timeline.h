// SPDX-License-Identifier: LGPL-2.1-or-later
// One timeline for all viewers of a path, however often its producer changes or jumps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace penstock::rtmp {

/// Maps a producer's 32-bit timestamps to a time that never goes back within a track.
///
/// Progress is kept to the millisecond, through the wraps at 2^32, 2^31 and 2^24 that encoders
/// have. A step is progress if it is small, or not much longer than the wait for the packet;
/// anything else is a jump. Both tracks follow a jump to one line. A track whose timestamps have
/// nothing in common with the other's (more than max_apart) gets a line of its own beside it,
/// placed by arrival, once. All numbers are milliseconds. Not thread-safe.
class Timeline {
public:
    enum Track : size_t { audio, video };

    /// Where a new run, and what comes behind a jump, goes on.
    enum class Resume {
        at_once,    ///< right behind what was sent: players that stayed would wait through a hole
        at_arrival, ///< at the packet's arrival, which is on the same clock as the output
    };
    static constexpr int64_t unknown = std::numeric_limits<int64_t>::min();

    explicit Timeline(Resume resume = Resume::at_once) : resume_(resume) {}

    /// The next timestamp begins a new run.
    void restart();
    /// Maps a decoding timestamp. `composition`: how much later the frame is shown; `arrival`:
    /// when it came, on any steady clock, unknown if the producer is not live.
    int64_t map(Track track, uint32_t timestamp, uint32_t composition = 0,
                int64_t arrival = unknown);
    /// The newest time of a track, for what has no time of its own; 0 before its first.
    int64_t last(Track track) const { return tracks_[track].out; }
    /// True if the last map() met a jump within a run; its size is then in `jump`.
    bool jumped() const { return jump_.has_value(); }
    int32_t jump() const { return jump_.value_or(0); }

private:
    struct State {
        uint32_t in = 0;           ///< the last timestamp
        uint32_t first = 0;        ///< the timestamp with which its line began
        int64_t raw = 0;           ///< its place on the output, before going back is ruled out
        int64_t out = 0;           ///< what was returned
        int64_t skew = 0;          ///< what its own line adds to the common one
        int64_t arrival = unknown; ///< of the last packet
        unsigned line = 0;         ///< which jump it has followed
        bool running = false;      ///< there was a packet in this run
        bool sent = false;         ///< there was a packet at all
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
