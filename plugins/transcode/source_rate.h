// SPDX-License-Identifier: LGPL-2.1-or-later
// The bitrate of coded frames, by their timestamps.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace penstock::transcode {

/// Takes whole keyframe intervals of usual length into account.
class SourceRate {
public:
    /// Adds a frame. Returns the bitrate, in bit/s, once for each `window` of media that has
    /// passed.
    std::optional<guint> add(const GstBuffer *frame) {
        const GstClockTime time = GST_BUFFER_DTS_OR_PTS(frame);
        if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
        if (!begin_ || time < *begin_ || time > *begin_ + 10 * window) {
            begin_ = time;
            bytes_ = 0;
        }
        std::optional<guint> rate;
        if (const GstClockTime passed = time - *begin_; passed >= window) {
            const guint64 bits = gst_util_uint64_scale(bytes_, 8 * GST_SECOND, passed);
            rate = static_cast<guint>(std::clamp<guint64>(bits, least, most));
            begin_ = time;
            bytes_ = 0;
        }
        bytes_ += gst_buffer_get_size(const_cast<GstBuffer *>(frame));
        return rate;
    }

    static constexpr GstClockTime window = 2 * GST_SECOND;
    static constexpr guint least = 100'000, most = 50'000'000; ///< bit/s

private:
    std::optional<GstClockTime> begin_;
    uint64_t bytes_ = 0;
};

} // namespace penstock::transcode
