// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding times of video whose source has none, such as Matroska, frame by frame.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::timing {

/// With B-frames a frame is decoded before it is displayed. If at most D frames are displayed after
/// a later one, the DTS of a frame is the smallest of the D + 1 greatest PTS so far: it never
/// decreases and, if D is not too small, never exceeds the frame's PTS. Where D turns out too small
/// it grows, unless it is 0. Nothing is held back. Times are ns.
class DecodeOrder {
public:
    static constexpr unsigned max_depth = 16;
    /// A PTS this far from the others belongs to another timeline.
    static constexpr int64_t apart = 2'000'000'000;

    /// D, the number of reordered frames. Within a stream it only increases, so that no DTS goes
    /// back; before the first frame, and after reset(), it is set.
    void set_depth(unsigned depth);
    unsigned depth() const { return depth_; }
    /// Duration of a frame, for the first D ones: they are decoded before the first is displayed.
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
    int64_t first_ = 0;                             ///< PTS
    std::optional<int64_t> last_;                   ///< DTS
};

} // namespace penstock::timing
