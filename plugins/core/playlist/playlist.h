// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS media playlists as text. RFC 8216, section 4; low latency: draft-pantos-hls-rfc8216bis.
#pragma once

#include "core/bytes/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::playlist {

/// EXT-X-PART.
struct Part {
    std::string uri;
    int64_t duration = 0;     ///< nanoseconds
    bool independent = false; ///< begins with a keyframe
    bool gap = false;         ///< there is no media
    bool operator==(const Part &) const = default;
};

/// Bytes of a resource that others share. RFC 8216, 4.3.2.2.
struct ByteRange {
    uint64_t length = 0, offset = 0;
    bool operator==(const ByteRange &) const = default;
};

struct Segment {
    std::string uri;
    int64_t duration = 0;       ///< nanoseconds
    bool discontinuity = false; ///< EXT-X-DISCONTINUITY before it
    /// EXT-X-PROGRAM-DATE-TIME: milliseconds since 1970 in UTC.
    std::optional<int64_t> program_date_time;
    std::string map = {}; ///< URI of its init segment (EXT-X-MAP); empty: it needs none
    bool gap = false;     ///< EXT-X-GAP: there is no media
    std::vector<Part> parts = {};
    std::optional<ByteRange> range = {};     ///< EXT-X-BYTERANGE; absent: all of `uri`
    std::optional<ByteRange> map_range = {}; ///< the same of `map`
    bool operator==(const Segment &) const = default;
};

/// EXT-X-DATERANGE. Two of the same `id` say what was known of a range first and last; what both
/// state is the same.
struct DateRange {
    std::string id, class_name;      ///< the second may be empty
    int64_t start = 0;               ///< ms since 1970
    std::optional<int64_t> duration; ///< ms; absent: its end is not known yet
    std::optional<int64_t> planned;  ///< ms; PLANNED-DURATION
    /// SCTE35-OUT, SCTE35-IN and SCTE35-CMD: a splice_info_section(); empty: not stated.
    std::vector<uint8_t> scte35_out, scte35_in, scte35_command;
    /// Of the application: names begin with "X-".
    std::vector<std::pair<std::string, std::string>> attributes;
    bool operator==(const DateRange &) const = default;
};

enum class Type {
    live,  ///< no EXT-X-PLAYLIST-TYPE: old segments may be removed
    event, ///< segments are only added
    vod,   ///< never changes
};

/// EXT-X-SERVER-CONTROL and EXT-X-PART-INF; ns. They must stay the same for the playlist's life.
struct ServerControl {
    bool can_block_reload = false;
    int64_t can_skip_until = 0; ///< 0: no delta updates; else at least six target durations
    int64_t hold_back = 0;      ///< 0: not stated; else at least three target durations
    int64_t part_target = 0;    ///< 0: no parts
    int64_t part_hold_back = 0; ///< at least two, better three part targets
};

/// EXT-X-RENDITION-REPORT.
struct RenditionReport {
    std::string uri; ///< relative
    uint64_t last_sequence = 0;
    std::optional<uint64_t> last_part;
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
    std::optional<ServerControl> control;
    Segment open;          ///< the unfinished segment: its parts so far, and its tags
    std::string hint_part; ///< URI of the next part (EXT-X-PRELOAD-HINT); empty: none
    std::string hint_map;  ///< URI of the next init segment, if hint_part needs one; else empty
    std::vector<RenditionReport> reports;
    std::vector<DateRange> ranges; ///< in every delta update too
};

/// Writes the playlist as text. Durations have six decimals.
std::string write(const MediaPlaylist &playlist);

/// The number of segments that a delta update leaves out: those that lie wholly before the skip
/// boundary, which is CAN-SKIP-UNTIL before the end of the last whole segment. 0: no delta update.
size_t skippable(const MediaPlaylist &playlist);
/// Writes a delta update, or the whole playlist if nothing can be left out.
std::string write_delta(const MediaPlaylist &playlist);

/// Parses a media playlist, such as one left by an earlier run; skips unknown tags, among them
/// those of low latency. Returns an error for anything else. Limits: `max_segments` segments, 1 MB
/// per line, durations of 10^9 s, sequence numbers of 2^62.
Result parse(std::string_view text, MediaPlaylist &playlist, size_t max_segments = 1'000'000);

/// Formats ms since 1970 as "2026-03-01T12:00:00.123Z"; years 0 to 9999.
std::string format_date(int64_t milliseconds);
/// Parses such a date, also with an offset instead of Z. nullopt if it is invalid.
std::optional<int64_t> parse_date(std::string_view text);

} // namespace penstock::playlist
