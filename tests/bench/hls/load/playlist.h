// SPDX-License-Identifier: LGPL-2.1-or-later
// What a player reads in a media playlist.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace load {

struct Playlist {
    struct Media {
        uint64_t sequence;
        unsigned part; ///< of its segment; 0 for a segment
        std::string_view uri;
    };
    double target_duration = 0; ///< seconds
    bool can_skip = false, has_ended = false;
    std::vector<Media> parts, segments; ///< oldest first; without gaps
    std::string_view hint;              ///< the next part; empty: none
    uint64_t next_sequence = 0;         ///< of the next part, or segment
    unsigned next_part = 0;
};

/// Refers to `text`. A text that is no playlist has no parts and no segments.
Playlist read_playlist(std::string_view text);

} // namespace load
