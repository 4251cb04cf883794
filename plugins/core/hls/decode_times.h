// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding times for video whose source has none, such as Matroska.
#pragma once

#include "core/hls/segment_writer.h"

namespace penstock::hls {

/// Holds state that continues between segments: each stream needs its own.
class DecodeTimes {
public:
    /// Fills in the missing times of a segment's samples, which are in decoding order.
    void complete(std::vector<Sample> &samples);

private:
    int64_t reorder_delay_ = 0;
};

} // namespace penstock::hls
