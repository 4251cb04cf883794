// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes and reads media playlists and their dates.
#include "core/playlist/playlist.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace penstock::playlist {
namespace {

constexpr int64_t day = 86'400'000;
// Limit in seconds: sums of such durations in ns fit into 64 bits.
constexpr int64_t longest = 1'000'000'000;
constexpr uint64_t largest_sequence = uint64_t(1) << 62;
// Of a byte range; its end fits into 64 bits.
constexpr uint64_t largest_size = uint64_t(1) << 62;

/// Days since 1970-01-01 in the proleptic Gregorian calendar, computed with years that start in
/// March.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day_of_month) {
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto of_era = static_cast<unsigned>(year - era * 400);
    const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day_of_month - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct Civil {
    int64_t year;
    unsigned month, day;
};

Civil civil_from_days(int64_t days) {
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto of_era = static_cast<unsigned>(days - era * 146097);
    const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    const unsigned shifted = (5 * of_year + 2) / 153;
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1};
}

template <class Number>
bool parse_number(std::string_view text, Number &value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

/// Converts seconds ("2", "2.5" or "2.002133") to ns. Returns false if invalid.
bool parse_duration(std::string_view text, int64_t &nanoseconds) {
    const size_t point = text.find('.');
    uint32_t seconds = 0;
    if (!parse_number(text.substr(0, point), seconds)) return false;
    int64_t fraction = 0;
    if (point != text.npos) {
        std::string digits(text.substr(point + 1, 9));
        digits.resize(9, '0');
        if (digits[0] == '-' || !parse_number(std::string_view(digits), fraction)) return false;
    }
    nanoseconds = int64_t(seconds) * 1'000'000'000 + fraction;
    return nanoseconds <= longest * 1'000'000'000;
}

bool take_prefix(std::string_view &line, std::string_view prefix) {
    if (!line.starts_with(prefix)) return false;
    line.remove_prefix(prefix.size());
    return true;
}

/// Finds a quoted value in an attribute list (RFC 8216, 4.2). Empty: it is not there.
std::string_view quoted(std::string_view attributes, std::string_view name) {
    while (!attributes.empty()) {
        const size_t equals = attributes.find('=');
        if (equals == attributes.npos) break;
        const std::string_view key = attributes.substr(0, equals);
        attributes.remove_prefix(equals + 1);
        const bool is_quoted = attributes.starts_with('"');
        if (is_quoted) attributes.remove_prefix(1);
        const size_t end = attributes.find(is_quoted ? '"' : ',');
        if (is_quoted && end == attributes.npos) break;
        if (is_quoted && key == name) return attributes.substr(0, end);
        attributes.remove_prefix(std::min(end, attributes.size()));
        if (is_quoted) attributes.remove_prefix(1);
        if (attributes.starts_with(',')) attributes.remove_prefix(1);
    }
    return {};
}

/// Reads "LENGTH" or "LENGTH@OFFSET"; without an offset the range begins at `next`.
std::optional<ByteRange> parse_range(std::string_view text, uint64_t next) {
    const size_t at = text.find('@');
    ByteRange range{0, next};
    if (!parse_number(text.substr(0, at), range.length) || range.length > largest_size ||
        (at != text.npos && !parse_number(text.substr(at + 1), range.offset)) ||
        range.offset > largest_size)
        return std::nullopt;
    return range;
}

} // namespace

std::string format_date(int64_t milliseconds) {
    const int64_t days =
        milliseconds >= 0 ? milliseconds / day : -((-milliseconds + day - 1) / day);
    const int64_t rest = milliseconds - days * day;
    const Civil date = civil_from_days(days);
    char text[64];
    std::snprintf(text, sizeof text, "%04lld-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<long long>(date.year), date.month, date.day, int(rest / 3'600'000),
                  int(rest / 60'000 % 60), int(rest / 1000 % 60), int(rest % 1000));
    return text;
}

std::optional<int64_t> parse_date(std::string_view text) {
    int64_t year = 0;
    unsigned month = 0, date = 0, hour = 0, minute = 0, second = 0;
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || !parse_number(text.substr(0, 4), year) ||
        !parse_number(text.substr(5, 2), month) || !parse_number(text.substr(8, 2), date) ||
        !parse_number(text.substr(11, 2), hour) || !parse_number(text.substr(14, 2), minute) ||
        !parse_number(text.substr(17, 2), second))
        return std::nullopt;
    if (month < 1 || month > 12 || date < 1 || date > 31 || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;
    text.remove_prefix(19);
    int64_t fraction = 0;
    if (text.front() == '.') {
        text.remove_prefix(1);
        int64_t unit = 100;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            fraction += (text.front() - '0') * unit;
            unit /= 10;
            text.remove_prefix(1);
        }
    }
    int64_t offset = 0;
    if (text != "Z") {
        unsigned hours = 0, minutes = 0;
        if (text.size() < 5 || (text[0] != '+' && text[0] != '-') ||
            !parse_number(text.substr(1, 2), hours) ||
            !parse_number(text.substr(text.size() - 2), minutes) || hours > 23 || minutes > 59)
            return std::nullopt;
        offset = int64_t(hours * 60 + minutes) * (text[0] == '-' ? -60'000 : 60'000);
    }
    return days_from_civil(year, month, date) * day +
           int64_t((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset;
}

Result parse(std::string_view text, MediaPlaylist &playlist, size_t max_segments) {
    playlist = {};
    playlist.independent_segments = false;
    Segment segment;
    std::string map;
    std::optional<ByteRange> map_range;
    uint64_t range_end = 0; // of the last segment's range
    bool first = true, have_duration = false;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.size() > 1 << 20) return Result::error("a line of the playlist is too long");
        if (std::exchange(first, false) && line != "#EXTM3U")
            return Result::error("not a playlist: it does not begin with #EXTM3U");
        if (line.empty()) continue;
        const auto bad = [&](const char *tag) {
            return Result::error(std::string(tag) + " has no valid value");
        };
        if (line[0] != '#') {
            if (!have_duration) return Result::error("a segment without #EXTINF");
            if (playlist.segments.size() >= max_segments) return Result::error("too many segments");
            segment.uri = line;
            segment.map = map;
            segment.map_range = map_range;
            range_end = segment.range ? segment.range->offset + segment.range->length : 0;
            playlist.segments.push_back(std::exchange(segment, {}));
            have_duration = false;
        } else if (take_prefix(line, "#EXT-X-TARGETDURATION:")) {
            if (!parse_number(line, playlist.target_duration) ||
                playlist.target_duration > uint64_t(longest))
                return bad("EXT-X-TARGETDURATION");
        } else if (take_prefix(line, "#EXT-X-MEDIA-SEQUENCE:")) {
            if (!parse_number(line, playlist.media_sequence) ||
                playlist.media_sequence > largest_sequence)
                return bad("EXT-X-MEDIA-SEQUENCE");
        } else if (take_prefix(line, "#EXT-X-DISCONTINUITY-SEQUENCE:")) {
            if (!parse_number(line, playlist.discontinuity_sequence) ||
                playlist.discontinuity_sequence > largest_sequence)
                return bad("EXT-X-DISCONTINUITY-SEQUENCE");
        } else if (take_prefix(line, "#EXT-X-PROGRAM-DATE-TIME:")) {
            segment.program_date_time = parse_date(line);
            if (!segment.program_date_time) return bad("EXT-X-PROGRAM-DATE-TIME");
        } else if (take_prefix(line, "#EXT-X-MAP:")) {
            map = quoted(line, "URI");
            const std::string_view range = quoted(line, "BYTERANGE");
            map_range = range.empty() ? std::nullopt : parse_range(range, 0);
            if (map.empty() || (!range.empty() && !map_range)) return bad("EXT-X-MAP");
        } else if (take_prefix(line, "#EXT-X-BYTERANGE:")) {
            segment.range = parse_range(line, range_end);
            if (!segment.range) return bad("EXT-X-BYTERANGE");
        } else if (take_prefix(line, "#EXT-X-PLAYLIST-TYPE:")) {
            playlist.type = line == "VOD" ? Type::vod : Type::event;
        } else if (take_prefix(line, "#EXTINF:")) {
            if (!parse_duration(line.substr(0, line.find(',')), segment.duration))
                return bad("EXTINF");
            have_duration = true;
        } else if (line == "#EXT-X-DISCONTINUITY") {
            segment.discontinuity = true;
        } else if (line == "#EXT-X-GAP") {
            segment.gap = true;
        } else if (line == "#EXT-X-INDEPENDENT-SEGMENTS") {
            playlist.independent_segments = true;
        } else if (line == "#EXT-X-ENDLIST") {
            playlist.ended = true;
        } else if (line.starts_with("#EXT-X-STREAM-INF")) {
            return Result::error("a multivariant playlist, not a media playlist");
        }
    }
    if (first) return Result::error("not a playlist: it is empty");
    return Result::ok();
}

} // namespace penstock::playlist
