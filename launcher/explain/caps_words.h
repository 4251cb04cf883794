// SPDX-License-Identifier: LGPL-2.1-or-later
// Describes caps in words.
#pragma once

#include <gst/gst.h>

#include <string>

namespace penstock::explain {

/// "H.264 1280x720 30 fps", "AAC 44.1 kHz stereo", "raw video I420 640x360"; the media type for
/// others.
std::string say_caps(const GstCaps *caps);

} // namespace penstock::explain
