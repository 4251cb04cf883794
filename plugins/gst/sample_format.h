// SPDX-License-Identifier: LGPL-2.1-or-later
// Derives the format of MPEG-TS samples from a stream's caps.
#pragma once

#include "core/hls/format.h"

#include <gst/gst.h>

namespace penstock {

/// Errors: caps without the configuration that their framing requires, or an invalid one.
Result format_of(hls::Kind kind, const GstCaps *caps, hls::FormatPtr &format);

} // namespace penstock
