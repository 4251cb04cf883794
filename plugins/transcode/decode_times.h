// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding timestamps for H.264 that comes without them, as from Matroska.
#pragma once

#include "gst/ptr.h"

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::transcode {

/// Without B-frames a frame is decoded when it is shown. With them it has to be decoded earlier,
/// and muxers that take the PTS for the DTS write times that players stumble over. The stream's SPS
/// says how many frames at most are shown after a later one: D. The DTS of a frame is then the
/// smallest of the D + 1 greatest PTS so far: it never decreases and is never greater than the
/// frame's PTS.
///
/// Buffers are shifted, as behind an encoder, so that no DTS is negative; shift_segment() makes up
/// for it. One thread.
class DecodeTimes {
public:
    /// What all timestamps are moved by while is_active().
    static constexpr GstClockTime shift = 3600 * GST_SECOND;

    /// The parser's caps. Reads the SPS and the frame rate.
    void set_caps(const GstCaps *caps);
    /// A flush, or another stream.
    void reset();
    /// The stream's first buffer decides: true if it has a PTS, no DTS, and D is not 0. Then every
    /// segment has to go through shift_segment(), and the current one again.
    bool begin(GstBuffer *buffer);
    bool is_active() const { return is_active_; }
    bool has_begun() const { return has_begun_; }
    /// Sets the DTS and moves the PTS of a writable buffer.
    void stamp(GstBuffer *buffer);
    static void shift_segment(GstSegment &segment);

private:
    bool has_begun_ = false, is_active_ = false;
    unsigned depth_ = 0;                    ///< D, at most 16
    GstClockTime frame_ = 40 * GST_MSECOND; ///< the duration of a frame
    std::array<int64_t, 17> greatest_{};    ///< PTS, ascending; count_ of them
    unsigned count_ = 0;                    ///< at most depth_ + 1
    int64_t first_ = 0;                     ///< PTS
    std::optional<int64_t> last_;           ///< DTS
};

} // namespace penstock::transcode
