// SPDX-License-Identifier: LGPL-2.1-or-later
// One timeline for all viewers of a path, however often its producer changes or jumps.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace penstock::rtmp {

/// Maps a producer's timestamps to wire timestamps. Progress within a producer's run is kept to
/// the millisecond; a new run, and what comes behind a jump, follows what was sent without a hole:
/// players that stayed would show nothing until they were through it. Within a track what comes out
/// never goes back. All numbers are milliseconds; the wire's wrap at 2^32.
class Timeline {
public:
    enum Track : size_t { audio, video };

    /// The next timestamp begins a new run.
    void restart() {
        anchored_ = false;
        for (State &state : tracks_)
            state.running = false;
    }
    /// `composition`: how much later than at `timestamp` it is shown.
    uint32_t map(Track track, uint32_t timestamp, uint32_t composition = 0) {
        State &state = tracks_[track];
        const auto step = static_cast<int32_t>(timestamp - state.in);
        if (!state.running || step < -max_jitter || step > max_forward) {
            // Both tracks jump, one after the other: the second goes where the first went.
            const auto ahead = static_cast<int32_t>(timestamp + offset_ - last_out_);
            const bool moved = !state.running || state.offset != offset_;
            if (!anchored_ || !moved || ahead < -max_apart || ahead > max_forward)
                anchor(timestamp);
            state.offset = offset_;
            state.running = true;
        }
        state.in = timestamp;
        const uint32_t out = timestamp + state.offset;
        // The track that comes second may be the earlier one, but not earlier than 0.
        if (!std::exchange(state.sent, true))
            state.out = last_out_ - std::min<uint32_t>(last_out_, max_apart);
        if (static_cast<int32_t>(out - state.out) > 0) state.out = out;
        if (static_cast<int32_t>(state.out - last_out_) > 0) last_out_ = state.out;
        const uint32_t shown = state.out + composition;
        if (static_cast<int32_t>(shown - last_shown_) > 0) last_shown_ = shown;
        return state.out;
    }
    /// The newest of a track; 0 before its first. For what has no time of its own.
    uint32_t last(Track track) const { return tracks_[track].out; }

private:
    struct State {
        uint32_t in = 0, out = 0, offset = 0;
        bool running = false; ///< there was one in this run
        bool sent = false;    ///< there was one at all
    };

    void anchor(uint32_t timestamp) {
        offset_ = (started_ ? last_shown_ + a_frame : 0) - timestamp;
        started_ = anchored_ = true;
    }

    static constexpr uint32_t a_frame = 40;
    static constexpr int32_t max_jitter = 100; ///< a step back that is only sloppiness
    static constexpr int32_t max_forward = 10000;
    static constexpr int32_t max_apart = 2000; ///< a track behind the other
    std::array<State, 2> tracks_;
    uint32_t offset_ = 0; ///< of the newest anchor
    uint32_t last_out_ = 0;
    uint32_t last_shown_ = 0;
    bool started_ = false;
    bool anchored_ = false;
};

} // namespace penstock::rtmp
