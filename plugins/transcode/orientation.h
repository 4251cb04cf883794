// SPDX-License-Identifier: LGPL-2.1-or-later
// The orientation tag: how video must be turned for display.
#pragma once

#include "gst/ptr.h"

#include <gst/video/video.h>

#include <optional>
#include <string>

namespace penstock::transcode {

/// The operation that makes a frame upright. GST_VIDEO_ORIENTATION_IDENTITY: none.
using Orientation = GstVideoOrientationMethod;

/// The orientation in a TAG event; nullopt if it has none. Thread-safe.
std::optional<Orientation> orientation_of(GstEvent *tag_event);
/// The same TAG event for video that has been turned upright: its orientation is "rotate-0".
GstPtr<GstEvent> as_upright(GstEvent *tag_event);
/// "rotated by 90° clockwise": the operation in words. Empty for the identity.
std::string say_orientation(Orientation orientation);

} // namespace penstock::transcode
