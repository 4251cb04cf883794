// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes media playlists, whole or as a delta update.
#include "core/playlist/playlist.h"

#include <algorithm>
#include <cstdio>

namespace penstock::playlist {
namespace {

constexpr unsigned skip_version = 9; // bis, section 8

/// "2.002133". Uses integers only, because some locales print a decimal comma.
std::string format_duration(int64_t nanoseconds) {
    const int64_t micro = (std::max<int64_t>(nanoseconds, 0) + 500) / 1000;
    char text[40];
    std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(micro / 1'000'000),
                  static_cast<long long>(micro % 1'000'000));
    return text;
}

void append_control(std::string &text, const ServerControl &control) {
    std::string list;
    const auto add = [&](const char *name, const std::string &value) {
        list += (list.empty() ? "" : ",") + std::string(name) + "=" + value;
    };
    if (control.can_block_reload) add("CAN-BLOCK-RELOAD", "YES");
    if (control.can_skip_until > 0) add("CAN-SKIP-UNTIL", format_duration(control.can_skip_until));
    if (control.hold_back > 0) add("HOLD-BACK", format_duration(control.hold_back));
    if (control.part_target > 0) add("PART-HOLD-BACK", format_duration(control.part_hold_back));
    if (!list.empty()) text += "#EXT-X-SERVER-CONTROL:" + list + "\n";
    if (control.part_target > 0)
        text += "#EXT-X-PART-INF:PART-TARGET=" + format_duration(control.part_target) + "\n";
}

std::string quoted(std::string_view value) {
    std::string text(value);
    std::erase_if(
        text, [](char c) { return c == '"' || static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
    return "\"" + text + "\"";
}

/// "0xFC30…"
std::string hexadecimal(const std::vector<uint8_t> &bytes) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string text = "0x";
    for (const uint8_t byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

void append_range(std::string &text, const DateRange &range) {
    constexpr int64_t millisecond = 1'000'000;
    text += "#EXT-X-DATERANGE:ID=" + quoted(range.id);
    const auto add = [&](std::string_view name, const std::string &value) {
        text += "," + std::string(name) + "=" + value;
    };
    if (!range.class_name.empty()) add("CLASS", quoted(range.class_name));
    add("START-DATE", quoted(format_date(range.start)));
    if (range.duration) {
        add("END-DATE", quoted(format_date(range.start + *range.duration)));
        add("DURATION", format_duration(*range.duration * millisecond));
    }
    if (range.planned) add("PLANNED-DURATION", format_duration(*range.planned * millisecond));
    for (const auto &[name, value] : range.attributes)
        add(name, quoted(value));
    if (!range.scte35_command.empty()) add("SCTE35-CMD", hexadecimal(range.scte35_command));
    if (!range.scte35_out.empty()) add("SCTE35-OUT", hexadecimal(range.scte35_out));
    if (!range.scte35_in.empty()) add("SCTE35-IN", hexadecimal(range.scte35_in));
    text += "\n";
}

/// An init segment, by its place.
struct Map {
    std::string_view uri;
    std::optional<ByteRange> range;
    bool operator==(const Map &) const = default;
};

Map map_of(const Segment &segment) {
    return {segment.map, segment.map_range};
}

/// "LENGTH@OFFSET". The offset is there even where it could be left out, which makes each line
/// readable by itself.
std::string text_of(const ByteRange &range) {
    return std::to_string(range.length) + "@" + std::to_string(range.offset);
}

/// The tags before a segment's media; parts are listed before its EXTINF.
void append_tags(std::string &text, const Segment &segment, Map &map) {
    if (segment.discontinuity) text += "#EXT-X-DISCONTINUITY\n";
    // The tag applies to all segments up to the next such tag.
    if (!segment.map.empty() && map_of(segment) != map) {
        text += "#EXT-X-MAP:URI=\"" + segment.map + "\"";
        if (segment.map_range) text += ",BYTERANGE=\"" + text_of(*segment.map_range) + "\"";
        text += "\n";
    }
    if (!segment.map.empty()) map = map_of(segment);
    if (segment.program_date_time)
        text += "#EXT-X-PROGRAM-DATE-TIME:" + format_date(*segment.program_date_time) + "\n";
    for (const Part &part : segment.parts) {
        text +=
            "#EXT-X-PART:DURATION=" + format_duration(part.duration) + ",URI=\"" + part.uri + "\"";
        if (part.independent) text += ",INDEPENDENT=YES";
        if (part.gap) text += ",GAP=YES";
        text += "\n";
    }
}

void append_end(std::string &text, const MediaPlaylist &playlist, Map map) {
    if (playlist.ended) {
        text += "#EXT-X-ENDLIST\n";
        return;
    }
    if (!playlist.open.parts.empty()) append_tags(text, playlist.open, map);
    if (!playlist.hint_map.empty())
        text += "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"" + playlist.hint_map + "\"\n";
    if (!playlist.hint_part.empty())
        text += "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"" + playlist.hint_part + "\"\n";
    for (const RenditionReport &report : playlist.reports) {
        text += "#EXT-X-RENDITION-REPORT:URI=\"" + report.uri +
                "\",LAST-MSN=" + std::to_string(report.last_sequence);
        if (report.last_part) text += ",LAST-PART=" + std::to_string(*report.last_part);
        text += "\n";
    }
}

std::string write_from(const MediaPlaylist &playlist, size_t skipped) {
    std::string text = "#EXTM3U\n";
    text.reserve(300 + (playlist.segments.size() - skipped) * 110);
    const auto tag = [&](const char *name, uint64_t value) {
        text += name + std::to_string(value) + "\n";
    };
    tag("#EXT-X-VERSION:",
        skipped > 0 ? std::max(playlist.version, skip_version) : playlist.version);
    tag("#EXT-X-TARGETDURATION:", playlist.target_duration);
    if (playlist.control) append_control(text, *playlist.control);
    tag("#EXT-X-MEDIA-SEQUENCE:", playlist.media_sequence);
    // Written even if 0, so that a player that joined earlier notices the change to 1.
    tag("#EXT-X-DISCONTINUITY-SEQUENCE:", playlist.discontinuity_sequence);
    if (playlist.type != Type::live)
        text += playlist.type == Type::vod ? "#EXT-X-PLAYLIST-TYPE:VOD\n"
                                           : "#EXT-X-PLAYLIST-TYPE:EVENT\n";
    if (playlist.independent_segments) text += "#EXT-X-INDEPENDENT-SEGMENTS\n";
    for (const DateRange &range : playlist.ranges)
        append_range(text, range);
    // A client has the tags of skipped segments, their EXT-X-MAP too, from its last playlist.
    Map map;
    if (skipped > 0) {
        tag("#EXT-X-SKIP:SKIPPED-SEGMENTS=", skipped);
        map = map_of(playlist.segments[skipped - 1]);
    }
    for (size_t i = skipped; i < playlist.segments.size(); ++i) {
        const Segment &segment = playlist.segments[i];
        append_tags(text, segment, map);
        if (segment.gap) text += "#EXT-X-GAP\n";
        text += "#EXTINF:" + format_duration(segment.duration) + ",\n";
        if (segment.range) text += "#EXT-X-BYTERANGE:" + text_of(*segment.range) + "\n";
        text += segment.uri + "\n";
    }
    append_end(text, playlist, map);
    return text;
}

} // namespace

std::string write(const MediaPlaylist &playlist) {
    return write_from(playlist, 0);
}

size_t skippable(const MediaPlaylist &playlist) {
    if (!playlist.control || playlist.control->can_skip_until <= 0) return 0;
    // Adds one microsecond per rounded duration, so that a client's sum agrees.
    int64_t after = -int64_t(playlist.segments.size()) * 1000;
    for (size_t i = playlist.segments.size(); i > 0; --i) {
        if (after >= playlist.control->can_skip_until) return i;
        after += playlist.segments[i - 1].duration;
    }
    return 0;
}

std::string write_delta(const MediaPlaylist &playlist) {
    return write_from(playlist, skippable(playlist));
}

} // namespace penstock::playlist
