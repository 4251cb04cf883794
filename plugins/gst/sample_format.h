// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream's caps say of how its samples become MPEG-TS.
#pragma once

#include "core/hls/format.h"

#include <gst/gst.h>

namespace penstock {

/// Errors: caps without the configuration that their framing needs, or a broken one.
Result format_of(hls::Kind kind, const GstCaps *caps, hls::FormatPtr &format);

} // namespace penstock
