// SPDX-License-Identifier: LGPL-2.1-or-later
// The key `multitrack` of a publish rule: the pictures that OBS is told to encode and to send as
// the tracks of one stream.
#pragma once

#include "description/launch_text.h"
#include "description/page.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::description {

/// A track of the ladder.
struct Rendition {
    unsigned width = 0, height = 0;
    int64_t bitrate = 0; ///< bit/s
    unsigned fps = 0;    ///< 0: that of the publisher's canvas
    std::string codec = "h264";
    std::string encoder; ///< of OBS; empty: OBS' software encoder of the codec
};

inline constexpr size_t max_renditions = 10; ///< that OBS encodes at once

struct Multitrack {
    Template address;                ///< of HTTP, where the configuration is asked for
    std::vector<Rendition> video;    ///< the first is the default track
    int64_t audio_bitrate = 160'000; ///< bit/s
    unsigned audio_channels = 2;
    int64_t keyframes = 2'000'000'000; ///< ns from one to the next
};

/// The codecs that a rendition may have.
const std::vector<std::string> &multitrack_codecs();
/// OBS' software encoder of a codec; empty if it has none.
std::string obs_encoder(const std::string &codec);

} // namespace penstock::description
