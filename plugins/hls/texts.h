// SPDX-License-Identifier: LGPL-2.1-or-later
// Cues from buffers of subtitles.
#pragma once

#include "core/hls/format.h"
#include "core/webvtt/cue.h"
#include "hls/settings.h"

#include <gst/gst.h>

#include <vector>

namespace penstock::hls {

/// What buffers of subtitles have: text, text with elements, or WebVTT.
enum class TextForm { plain, markup, webvtt };

TextForm text_form_of(const GstCaps *caps);
/// The cues of a buffer that is shown at `time` for `duration` ns (0: not known). Those of WebVTT
/// that have times of their own keep their distance from each other.
std::vector<webvtt::Cue> cues_of(TextForm form, const Bytes &data, int64_t time, int64_t duration);

/// "video", "audio", "subtitle" or "metadata", as pads begin with.
const char *name_of(Media media);
/// Of video and audio.
inline Kind kind_of(Media media) {
    return media == Media::video ? Kind::video : Kind::audio;
}

} // namespace penstock::hls
