// SPDX-License-Identifier: LGPL-2.1-or-later
// Formats of tracks in CMAF segments.
#pragma once

#include "core/hls/format.h"

namespace penstock::hls {

/// `track` has the codec and what is known of it beforehand. H.264, HEVC, AAC, Opus and FLAC need
/// their configuration; avc3 (H.264 with `in_band`), AV1, VP9, AC-3 and E-AC-3 have it in their
/// frames. Errors: a configuration that is missing or invalid.
Result make_cmaf_format(cmaf::Track track, FormatPtr &out);

/// learn() of formats with a track: new parameter sets, sequence headers or frame headers make a
/// new format. Errors: a broken sample, or one that should have a configuration and has none.
Result learn_cmaf(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out);

} // namespace penstock::hls
