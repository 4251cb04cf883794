// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts the pictures of a pipeline where it can be seen without decoding.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace penstock::supervisor {

/// The pictures that have passed since this was first asked of the pipeline: encoded ones at one
/// pad, the video tags of FLV where there is no other, else raw ones. Costs a probe on one pad.
uint64_t count_frames(GstElement *pipeline);

} // namespace penstock::supervisor
