// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides when the last packet of a keyframe leaves for a viewer that loses packets.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::rtc {

/// Once a keyframe of H.264 is complete, browsers of libwebrtc (Chromium, Safari) drop every frame
/// before it that is completed later, however long frames are held back: they have forgotten the
/// GOP that it belongs to. So the keyframe is kept incomplete, by its last packet, until what was
/// sent before has been repaired: until no request for that has come for as long as a viewer waits
/// before it asks again, and at least until a second request would have come, as the first may be
/// lost. Places are those of RtcViewer, modulo 2^32; times are ns of any steady
/// clock. Not thread-safe.
class KeyframeHold {
public:
    /// The keyframe begins at `first`, and its last packet, at `held`, is kept. `longest`: ns.
    void begin(uint32_t first, uint32_t held, int64_t now, int64_t round_trip, int64_t longest) {
        first_ = first;
        held_ = held;
        ends_ = now + longest;
        due_ = std::min(now + round_trip + repeats_after(round_trip), ends_);
        is_holding_ = true;
    }
    /// A packet was asked for.
    void asked(uint32_t place, int64_t now, int64_t round_trip) {
        if (is_holding_ && static_cast<int32_t>(place - first_) < 0)
            due_ = std::min(std::max(due_, now + repeats_after(round_trip)), ends_);
    }
    bool is_holding() const { return is_holding_; }
    /// Whether this is the packet that is kept: it is not lost.
    bool keeps(uint32_t place) const { return is_holding_ && place == held_; }
    uint32_t held() const { return held_; }
    bool is_due(int64_t now) const { return is_holding_ && now >= due_; }
    /// The packet has left, or is given up.
    void end() { is_holding_ = false; }

private:
    /// Browsers that only receive do not know the round trip: they ask again after 100 ms, by a
    /// timer.
    static constexpr int64_t unknown_trip = 100'000'000, slack = 30'000'000; // ns
    static int64_t repeats_after(int64_t round_trip) {
        return std::max(round_trip, unknown_trip) + slack;
    }

    bool is_holding_ = false;
    uint32_t first_ = 0, held_ = 0;
    int64_t due_ = 0, ends_ = 0;
};

} // namespace penstock::rtc
