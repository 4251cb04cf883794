// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts a pipeline's video frames where they can be told apart without decoding.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace penstock::state {

/// The video frames that have passed since the first call for this pipeline: encoded frames at one
/// pad, or FLV's video tags where there is no such pad, or raw frames. Costs a probe on one pad.
uint64_t count_frames(GstElement *pipeline);

} // namespace penstock::state
