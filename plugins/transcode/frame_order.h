// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether coded video has B-frames: whether its frames are decoded in another order than they are
// shown.
#pragma once

#include <gst/gst.h>

#include <optional>

namespace penstock::transcode {

/// Judges by the frames themselves: a parameter set tells what an encoder may do, and many of those
/// that never do it leave that open.
class FrameOrder {
public:
    enum class Finding {
        open,      ///< more frames are needed
        in_order,  ///< there are none so far
        reordered, ///< there are B-frames
    };

    /// A stream begins. Of codecs without B-frames, and of H.264 whose parameter sets exclude them,
    /// nothing is open.
    void begin(const GstCaps *caps);
    /// Looks at the next frame, in decoding order.
    Finding add(const GstBuffer *frame);
    /// What is known so far; with too few frames in_order. Ends Finding::open.
    Finding settle();
    Finding finding() const { return finding_; }

private:
    Finding finding_ = Finding::open;
    unsigned frames_ = 0;
    std::optional<GstClockTime> latest_;       ///< the highest timestamp
    std::optional<GstClockTimeDiff> composed_; ///< from decoding to showing the frame before
};

} // namespace penstock::transcode
