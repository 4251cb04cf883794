// SPDX-License-Identifier: LGPL-2.1-or-later
// The MPD of a stream whose segments HLS playlists list, too.
#pragma once

#include "core/dash/timeline.h"
#include "core/hls/stream.h"

#include <span>
#include <string>
#include <vector>

namespace penstock::dash {

/// A rendition, and where it is from the MPD's URL.
struct Offer {
    std::string name;   ///< that of its pieces; of the only one: empty
    std::string prefix; ///< of the names of its segments: "index/video_0/"
    std::string media;  ///< their name, with $Number$
    hls::Stream::Info info;
};

struct Shape {
    std::string mime_type = "video/mp4"; ///< of the segments
    bool is_static = false;
    bool has_ended = false;
    int64_t target_duration = 0; ///< ns
    int64_t part_target = 0;     ///< ns; 0: segments can be read when they are complete
    unsigned segments = 0;       ///< that are offered at a time; 0: all
    std::string clock;           ///< as Mpd::clock
    bool clock_is_date = false;  ///< as Mpd::clock_is_date
};

/// Without publishTime; it has no Periods if there is nothing to tell of.
Mpd describe(const Timeline &timeline, std::span<const Offer> offers, const Shape &shape);

} // namespace penstock::dash
