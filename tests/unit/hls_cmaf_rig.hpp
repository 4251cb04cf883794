// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of CMAF segments: a video and an audio track.
#pragma once

#include "core/cmaf/codec_config.h"
#include "core/hls/cmaf_format.h"

#include "unit/hls_rig.hpp"

#include "check.hpp"

namespace rig {

inline constexpr uint32_t video_id = 1, audio_id = 2;

inline FormatPtr cmaf_video(uint8_t level = 0x0D) {
    cmaf::Track track;
    track.config = avc_record(level);
    FormatPtr format;
    fail_unless(make_cmaf_format(track, format).is_ok());
    return format;
}

inline FormatPtr cmaf_audio(unsigned rate = 48'000) {
    cmaf::Track track;
    fail_unless(cmaf::configure_aac(codec::build_aac_config(2, rate, 2), track).is_ok());
    FormatPtr format;
    fail_unless(make_cmaf_format(track, format).is_ok());
    return format;
}

} // namespace rig
