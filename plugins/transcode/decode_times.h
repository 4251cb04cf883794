// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding timestamps for H.264 streams without them, such as from Matroska.
#pragma once

#include "core/timing/decode_order.h"

#include <gst/gst.h>

namespace penstock::transcode {

/// Without B-frames a frame is decoded when it is displayed. With them it must be decoded earlier,
/// and muxers that use the PTS as DTS write times that confuse players. The SPS contains the
/// maximum number of frames that are displayed after a later one; DecodeOrder makes the DTS of it.
///
/// As after an encoder, buffers are shifted so that no DTS is negative; shift_segment() compensates
/// for it. Used by a single thread.
class DecodeTimes {
public:
    /// Added to all timestamps while is_active().
    static constexpr GstClockTime shift = 3600 * GST_SECOND;

    /// Reads the SPS and frame rate from the parser's caps.
    void set_caps(const GstCaps *caps);
    /// Resets for a flush or another stream.
    void reset();
    /// Decides by the stream's first buffer: true if it has a PTS but no DTS, and D is not 0. Then
    /// every segment must pass through shift_segment(), including the current one again.
    bool begin(GstBuffer *buffer);
    bool is_active() const { return is_active_; }
    bool has_begun() const { return has_begun_; }
    /// Sets the DTS and shifts the PTS of a writable buffer.
    void stamp(GstBuffer *buffer);
    static void shift_segment(GstSegment &segment);

private:
    bool has_begun_ = false, is_active_ = false;
    timing::DecodeOrder order_;
};

} // namespace penstock::transcode
