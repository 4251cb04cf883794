// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding times of video whose source has none, such as Matroska, frame by frame.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::timing {

/// With B-frames a frame is decoded before it is displayed. If at most D frames are displayed after
/// a later one, the DTS of a frame is the smallest of the D + 1 greatest PTS so far: it never
/// decreases and, if D is large enough, never exceeds the frame's PTS. A D that proves too small
/// grows by one at a time, except from 0. next() answers at once, frame by frame. Times are ns.
class DecodeOrder {
public:
    static constexpr unsigned max_depth = 16;
    /// A PTS this far from the others belongs to another timeline.
    static constexpr int64_t apart = 2'000'000'000;

    /// Sets D, the number of reordered frames; at most max_depth. Once a stream has begun, a
    /// smaller value than the present one has no effect, because DTS would go back.
    void set_depth(unsigned depth);
    unsigned depth() const { return depth_; }
    /// Sets the frame duration, 40 ms by default: the first D frames have DTS that lie this far
    /// apart before the first PTS.
    void set_frame(int64_t duration) { frame_ = duration; }
    /// Resets for a flush or another stream.
    void reset();
    /// The DTS of the next frame in decoding order.
    int64_t next(int64_t pts);

private:
    unsigned depth_ = 0;
    int64_t frame_ = 40'000'000;
    std::array<int64_t, max_depth + 1> greatest_{}; ///< the greatest PTS, ascending
    unsigned count_ = 0;                            ///< entries of greatest_
    int64_t first_ = 0;                             ///< PTS of the stream's first frame
    std::optional<int64_t> last_;                   ///< DTS of the previous frame
};

} // namespace penstock::timing
