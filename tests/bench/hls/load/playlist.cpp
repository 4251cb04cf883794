// SPDX-License-Identifier: LGPL-2.1-or-later
#include "playlist.h"

#include <algorithm>
#include <charconv>

namespace load {
namespace {

/// The value of a quoted attribute.
std::string_view quoted(std::string_view line, std::string_view name) {
    const size_t at = line.find(name);
    if (at == line.npos) return {};
    line.remove_prefix(at + name.size());
    return line.substr(0, line.find('"'));
}

template <class Number>
Number number(std::string_view text) {
    Number value{};
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

bool take(std::string_view &line, std::string_view tag) {
    if (!line.starts_with(tag)) return false;
    line.remove_prefix(tag.size());
    return true;
}

} // namespace

Playlist read_playlist(std::string_view text) {
    Playlist out;
    bool is_gap = false;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        if (line[0] != '#') {
            if (!is_gap) out.segments.push_back({out.next_sequence, 0, line});
            is_gap = false;
            ++out.next_sequence;
            out.next_part = 0;
        } else if (take(line, "#EXT-X-PART:")) {
            if (line.find("GAP=YES") == line.npos)
                out.parts.push_back({out.next_sequence, out.next_part, quoted(line, "URI=\"")});
            ++out.next_part;
        } else if (take(line, "#EXT-X-MEDIA-SEQUENCE:")) {
            out.next_sequence = number<uint64_t>(line);
        } else if (take(line, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")) {
            out.next_sequence += number<uint64_t>(line);
        } else if (take(line, "#EXT-X-TARGETDURATION:")) {
            out.target_duration = number<double>(line);
        } else if (take(line, "#EXT-X-SERVER-CONTROL:")) {
            out.can_skip = line.find("CAN-SKIP-UNTIL=") != line.npos;
        } else if (take(line, "#EXT-X-PRELOAD-HINT:TYPE=PART")) {
            out.hint = quoted(line, "URI=\"");
        } else if (line == "#EXT-X-GAP") {
            is_gap = true;
        } else if (line == "#EXT-X-ENDLIST") {
            out.has_ended = true;
        }
    }
    return out;
}

} // namespace load
