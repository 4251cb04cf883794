// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts a pipeline's video frames without decoding.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace penstock::state {

/// The number of video frames since the first call for this pipeline: encoded frames at one pad,
/// else FLV video tags, else raw frames. Costs one pad probe.
uint64_t count_frames(GstElement *pipeline);

} // namespace penstock::state
