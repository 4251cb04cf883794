// SPDX-License-Identifier: LGPL-2.1-or-later
// One timeline for all viewers of a path, however often its producer changes or jumps.
#pragma once

#include <cstdint>

namespace penstock::rtmp {

/// Maps a producer's timestamps to wire timestamps. Progress within a producer's run is kept to
/// the millisecond; a new run, and a jump, is placed where the wall clock says it belongs. All
/// numbers are milliseconds; the wire's wrap at 2^32.
class Timeline {
public:
    /// The next timestamp begins a new run. `now_ms` is any steady clock.
    void restart(uint64_t now_ms) {
        if (!started_) origin_ = now_ms;
        anchored_ = false;
    }
    uint32_t map(uint32_t timestamp, uint64_t now_ms) {
        if (!started_) {
            started_ = anchored_ = true;
            origin_ = now_ms;
            offset_ = 0u - timestamp;
        } else {
            const int32_t step = static_cast<int32_t>(timestamp - last_in_);
            if (!anchored_ || step < -max_backward || step > max_forward) {
                const auto elapsed = static_cast<uint32_t>(now_ms - origin_);
                // Never before what was sent already.
                const bool behind = static_cast<int32_t>(elapsed - last_out_) <= 0;
                offset_ = (behind ? last_out_ + 1 : elapsed) - timestamp;
                anchored_ = true;
            }
        }
        last_in_ = timestamp;
        const uint32_t out = timestamp + offset_;
        if (static_cast<int32_t>(out - last_out_) > 0) last_out_ = out;
        return out;
    }

private:
    static constexpr int32_t max_backward = 2000;
    static constexpr int32_t max_forward = 10000;
    uint64_t origin_ = 0;
    uint32_t offset_ = 0;
    uint32_t last_in_ = 0;
    uint32_t last_out_ = 0;
    bool started_ = false;
    bool anchored_ = false;
};

} // namespace penstock::rtmp
