// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes a track's configuration from a codec's own headers or frames. Each function sets `codec`,
// `config`, and the size, or rate, channels and timescale; it leaves the track unchanged on error.
#pragma once

#include "core/cmaf/track.h"

namespace penstock::cmaf {

/// An AudioSpecificConfig.
Result configure_aac(ByteView specific_config, Track &track);
/// The Opus identification header ("OpusHead", RFC 7845, 5.1).
Result configure_opus(ByteView head, Track &track);
/// Opus without a header, RTP's way: mono or stereo.
Result configure_opus(unsigned channels, Track &track);
/// The header of a FLAC stream: "fLaC" and metadata blocks, that of the Ogg mapping, or STREAMINFO
/// with or without its block header.
Result configure_flac(ByteView header, Track &track);
/// A frame of AC-3 (ETSI TS 102 366, 4.3) or E-AC-3 (E.1.2).
Result configure_ac3(ByteView frame, Track &track);
Result configure_eac3(ByteView frame, Track &track);
/// A temporal unit with a sequence header (AV1 5.5), or the configOBUs of an av1C.
Result configure_av1(ByteView unit, Track &track);
/// A keyframe (VP9 6.2).
Result configure_vp9(ByteView frame, Track &track);

/// The audio samples of a frame, from its header or the track's configuration; 0 if unknown.
unsigned sample_length(const Track &track, ByteView frame);

} // namespace penstock::cmaf
