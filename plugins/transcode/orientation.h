// SPDX-License-Identifier: LGPL-2.1-or-later
// The orientation tag: how a video is to be turned before it is shown.
#pragma once

#include "gst/ptr.h"

#include <gst/video/video.h>

#include <optional>
#include <string>

namespace penstock::transcode {

/// What has to be done to a frame to show it upright. GST_VIDEO_ORIENTATION_IDENTITY: nothing.
using Orientation = GstVideoOrientationMethod;

/// The orientation that a TAG event asks for; nullopt if it does not mention it. Any thread.
std::optional<Orientation> orientation_of(GstEvent *tag_event);
/// The same TAG event for a video that has been turned upright: its orientation is "rotate-0".
GstPtr<GstEvent> as_upright(GstEvent *tag_event);
/// "rotated by 90° clockwise": what is done to the frames. Empty for the identity.
std::string say_orientation(Orientation orientation);

} // namespace penstock::transcode
