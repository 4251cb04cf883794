// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS media playlists as text. RFC 8216, section 4.
#pragma once

#include "core/bytes/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::playlist {

struct Segment {
    std::string uri;
    int64_t duration = 0;       ///< nanoseconds
    bool discontinuity = false; ///< EXT-X-DISCONTINUITY before it
    /// EXT-X-PROGRAM-DATE-TIME: milliseconds since 1970 in UTC.
    std::optional<int64_t> program_date_time;
    std::string map = {}; ///< URI of its init segment (EXT-X-MAP); empty: it needs none
    bool operator==(const Segment &) const = default;
};

enum class Type {
    live,  ///< no EXT-X-PLAYLIST-TYPE: old segments may be removed
    event, ///< segments are only added
    vod,   ///< never changes
};

struct MediaPlaylist {
    unsigned version = 3; ///< EXT-X-VERSION; 3 allows decimal durations
    Type type = Type::live;
    uint64_t target_duration = 0; ///< seconds
    uint64_t media_sequence = 0;
    uint64_t discontinuity_sequence = 0;
    bool independent_segments = true;
    bool ended = false;
    std::vector<Segment> segments;
};

/// Writes the playlist as text. EXTINF has six decimals.
std::string write(const MediaPlaylist &playlist);

/// Parses a media playlist, such as one left by an earlier run; skips unknown tags. Returns an
/// error for anything else. Limits: `max_segments` segments, 1 MB per line, durations of 10^9 s,
/// sequence numbers of 2^62.
Result parse(std::string_view text, MediaPlaylist &playlist, size_t max_segments = 1'000'000);

/// Formats ms since 1970 as "2026-03-01T12:00:00.123Z"; years 0 to 9999.
std::string format_date(int64_t milliseconds);
/// Parses such a date, also with an offset instead of Z. nullopt if it is invalid.
std::optional<int64_t> parse_date(std::string_view text);

} // namespace penstock::playlist
