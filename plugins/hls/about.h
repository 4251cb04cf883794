// SPDX-License-Identifier: LGPL-2.1-or-later
// What a multivariant playlist says of a track, from its pad's properties, caps and tags.
#pragma once

#include "core/hls/segmenter.h"

#include <gst/gst.h>

namespace penstock::hls {

/// Each of `caps` and `tags` may be null. A pad's properties come before its tags.
About about_of(GstPad *pad, const GstCaps *caps, const GstTagList *tags);

} // namespace penstock::hls
