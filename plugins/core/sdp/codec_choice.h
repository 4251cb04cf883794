// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts of make_answer(): which of the offered codecs is answered. Thread-safe.
#pragma once

#include "core/sdp/answer.h"

namespace penstock::sdp {

/// The codec of an offered section that is the best for a track; nullptr: none is wanted. `wanted`
/// is then the entry of the track that it belongs to.
const Codec *choose_codec(const MediaSection &section, const Track &track, bool sends,
                          const WantedCodec **wanted);

/// For an error: "H264, VP8".
std::string names_of(const std::vector<WantedCodec> &codecs);
std::string names_of(const std::vector<Codec> &codecs);

} // namespace penstock::sdp
