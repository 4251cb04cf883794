// SPDX-License-Identifier: LGPL-2.1-or-later
// The caps of a transport stream's elementary streams.
#pragma once

#include "core/mpegts/flv_track.h"
#include "gst/ptr.h"

namespace penstock::ts {

/// "video", "audio" or "data".
const char *kind_of(mpegts::Codec codec);
/// All caps that caps_of() gives streams of a kind.
GstPtr<GstCaps> template_caps(const char *kind);
/// `format`: of audio, else nullptr. `track`: knows the configuration of video. nullptr: not known
/// so far.
GstPtr<GstCaps> caps_of(const mpegts::ElementaryStream &stream, const mpegts::AudioFormat *format,
                        const mpegts::FlvTrack &track);
/// A tag list with codec and language.
GstPtr<GstTagList> tags_of(const mpegts::ElementaryStream &stream);

} // namespace penstock::ts
