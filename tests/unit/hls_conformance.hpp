// SPDX-License-Identifier: LGPL-2.1-or-later
// A conformance checker of HLS media playlists, independent of the code under test: RFC 8216 and
// draft-pantos-hls-rfc8216bis-22, the rules that a server can break. Feed it every playlist in the
// order in which a player would see them. A rule's name stands at the beginning of its message.
#pragma once

#include "unit/hls_conformance_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace conformance {

struct Part {
    std::string uri;
    double duration = 0;
    bool independent = false, gap = false;
    bool operator==(const Part &) const = default;
};

struct Segment {
    std::string uri, map, date, range; ///< range: of bytes
    double duration = 0;
    bool discontinuity = false, gap = false;
    std::vector<Part> parts;
};

struct Playlist {
    std::vector<std::string> problems; ///< of syntax
    unsigned version = 1;
    std::optional<int64_t> target;
    uint64_t media_sequence = 0, discontinuity_sequence = 0, skipped = 0;
    bool ended = false, skip = false, part_info = false, control = false, forgets_ranges = false;
    std::string type;
    double part_target = 0;
    std::map<std::string, std::string> server;
    std::vector<Segment> segments;
    Segment open; ///< the parts and tags after the last segment
    std::map<std::string, std::string> hints;
    std::vector<std::map<std::string, std::string>> reports, ranges;
    double value(const std::string &name) const {
        const auto found = server.find(name);
        return found == server.end() ? 0 : std::atof(found->second.c_str());
    }
};

inline Playlist read(const std::string &text) {
    Playlist p;
    Segment segment;
    std::string line, map;
    std::istringstream in(text);
    bool first = true, have_duration = false;
    std::map<std::string, int> seen;
    const auto problem = [&](const std::string &what) { p.problems.push_back(what); };
    while (std::getline(in, line)) {
        if (first && line != "#EXTM3U") problem("header: the first line is " + line);
        first = false;
        if (line.empty() || (line[0] == '#' && !line.starts_with("#EXT"))) continue;
        if (line[0] != '#') {
            if (!have_duration) problem("extinf: " + line + " has no EXTINF");
            segment.uri = line;
            segment.map = map;
            p.segments.push_back(segment);
            segment = {};
            have_duration = false;
            continue;
        }
        const size_t colon = std::min(line.find(':'), line.size());
        const std::string tag = line.substr(0, colon);
        const std::string value = colon < line.size() ? line.substr(colon + 1) : "";
        const bool once = tag == "#EXT-X-VERSION" || tag == "#EXT-X-TARGETDURATION" ||
                          tag == "#EXT-X-MEDIA-SEQUENCE" || tag == "#EXT-X-SERVER-CONTROL" ||
                          tag == "#EXT-X-PART-INF" || tag == "#EXT-X-SKIP" ||
                          tag == "#EXT-X-DISCONTINUITY-SEQUENCE";
        if (once && ++seen[tag] > 1) problem("once: " + tag + " twice");
        for (const char *of_others : {"#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-SESSION-DATA",
                                      "#EXT-X-I-FRAME-STREAM-INF"})
            if (tag == of_others) problem("mixed: " + tag + " is of multivariant playlists");
        const bool begun = !p.segments.empty() || !segment.parts.empty() || p.skip;
        if ((tag == "#EXT-X-MEDIA-SEQUENCE" || tag == "#EXT-X-DISCONTINUITY-SEQUENCE") && begun)
            problem("order: " + tag + " after a segment or EXT-X-SKIP");
        if (tag == "#EXT-X-VERSION") {
            p.version = unsigned(std::atoi(value.c_str()));
        } else if (tag == "#EXT-X-TARGETDURATION") {
            if (value.empty() || value.find_first_not_of("0123456789") != value.npos)
                problem("target: EXT-X-TARGETDURATION is '" + value + "'");
            p.target = std::atoll(value.c_str());
        } else if (tag == "#EXT-X-MEDIA-SEQUENCE") {
            p.media_sequence = std::strtoull(value.c_str(), nullptr, 10);
        } else if (tag == "#EXT-X-DISCONTINUITY-SEQUENCE") {
            p.discontinuity_sequence = std::strtoull(value.c_str(), nullptr, 10);
        } else if (tag == "#EXT-X-PLAYLIST-TYPE") {
            p.type = value;
        } else if (tag == "#EXT-X-ENDLIST") {
            p.ended = true;
        } else if (tag == "#EXT-X-DISCONTINUITY") {
            segment.discontinuity = true;
        } else if (tag == "#EXT-X-BYTERANGE") {
            segment.range = value;
        } else if (tag == "#EXT-X-GAP") {
            segment.gap = true;
        } else if (tag == "#EXT-X-PROGRAM-DATE-TIME") {
            if (!segment.parts.empty()) problem("order: PROGRAM-DATE-TIME after the first PART");
            segment.date = value;
        } else if (tag == "#EXT-X-MAP") {
            if (!segment.parts.empty()) problem("order: MAP after the first PART");
            map = attributes(value)["URI"];
            if (map.empty()) problem("map: no URI");
        } else if (tag == "#EXTINF") {
            segment.duration = std::atof(value.c_str());
            if (value.find(',') == value.npos) problem("extinf: no comma in '" + value + "'");
            have_duration = true;
        } else if (tag == "#EXT-X-SERVER-CONTROL") {
            p.control = true;
            p.server = attributes(value);
        } else if (tag == "#EXT-X-PART-INF") {
            p.part_info = true;
            p.part_target = std::atof(attributes(value)["PART-TARGET"].c_str());
            if (p.part_target <= 0) problem("part-inf: no PART-TARGET");
        } else if (tag == "#EXT-X-PART") {
            if (have_duration) problem("order: a PART after its segment's EXTINF");
            auto a = attributes(value);
            if (a["URI"].empty() || a["DURATION"].empty())
                problem("part: no URI or DURATION in '" + value + "'");
            segment.parts.push_back({a["URI"], std::atof(a["DURATION"].c_str()),
                                     a["INDEPENDENT"] == "YES", a["GAP"] == "YES"});
            segment.map = map;
        } else if (tag == "#EXT-X-PRELOAD-HINT") {
            auto a = attributes(value);
            if ((a["TYPE"] != "PART" && a["TYPE"] != "MAP") || a["URI"].empty())
                problem("hint: '" + value + "'");
            if (!p.hints.emplace(a["TYPE"], a["URI"]).second)
                problem("hint: two of type " + a["TYPE"]);
        } else if (tag == "#EXT-X-RENDITION-REPORT") {
            p.reports.push_back(attributes(value));
        } else if (tag == "#EXT-X-DATERANGE") {
            p.ranges.push_back(attributes(value));
        } else if (tag == "#EXT-X-SKIP") {
            p.skip = true;
            p.skipped = std::strtoull(attributes(value)["SKIPPED-SEGMENTS"].c_str(), nullptr, 10);
            p.forgets_ranges = attributes(value).count("RECENTLY-REMOVED-DATERANGES") > 0;
            if (p.skipped == 0) problem("skip: no SKIPPED-SEGMENTS");
        }
    }
    if (have_duration) problem("extinf: an EXTINF without a URI");
    p.open = segment;
    p.open.map = map;
    return p;
}

class Checker {
public:
    std::vector<std::string> problems;

    /// Takes the next playlist of a stream; a delta update too.
    void see(const std::string &text) {
        Playlist p = read(text);
        problems.insert(problems.end(), p.problems.begin(), p.problems.end());
        check_text(text);
        check_header(p);
        check_parts(p);
        check_control(p);
        check_byte_ranges(p);
        if (p.skip) merge(p);
        check_ranges(p);
        check_window(p);
        if (last_) check_history(*last_, p);
        last_ = std::move(p);
    }
    bool broke(const std::string &rule) const {
        return std::any_of(problems.begin(), problems.end(),
                           [&](const std::string &text) { return text.starts_with(rule + ":"); });
    }
    std::string text() const {
        std::string all;
        for (const std::string &problem : problems)
            all += problem + "\n";
        return all;
    }

private:
    static constexpr double rounding = 0.000'002;
    void must(bool holds, const std::string &what) {
        if (!holds) problems.push_back(what);
    }

    /// Most lines are listed many times.
    void check_text(const std::string &text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (!known_.insert(line).second) continue;
            must(is_plain(line), "text: no UTF-8, or a control character");
            const size_t colon = line.find(':');
            const bool is_list = line.starts_with("#EXT-X-") && line.find('=') != line.npos;
            must(!is_list || colon == line.npos ||
                     are_attributes(std::string_view(line).substr(colon + 1)),
                 "attribute: " + line);
        }
    }

    /// RFC 8216, 4.3.2.7. What tags of the same ID both state must be the same, in every playlist.
    void check_ranges(const Playlist &p) {
        for (const auto &range : p.ranges) {
            const auto has = [&](const char *name) { return range.count(name) > 0; };
            const std::string id = has("ID") ? range.at("ID") : "";
            must(!id.empty(), "range: no ID");
            must(has("START-DATE"), "range: no START-DATE of " + id);
            for (const char *length : {"DURATION", "PLANNED-DURATION"})
                must(!has(length) || std::atof(range.at(length).c_str()) >= 0,
                     "range: a negative " + std::string(length) + " of " + id);
            // Dates in UTC have an order as texts.
            must(!has("END-DATE") || !has("START-DATE") ||
                     range.at("END-DATE") >= range.at("START-DATE"),
                 "range: ends before it begins: " + id);
            must(!has("END-ON-NEXT") || (has("CLASS") && !has("DURATION") && !has("END-DATE")),
                 "range: END-ON-NEXT without CLASS, or with an end: " + id);
            must(!has("SCTE35-IN") || has("DURATION"), "range: SCTE35-IN without its end: " + id);
            must(!has("SCTE35-OUT") || !has("DURATION"), "range: an end that is not known: " + id);
            for (const char *name : {"SCTE35-OUT", "SCTE35-IN", "SCTE35-CMD"})
                must(!has(name) || (range.at(name).starts_with("0xFC") &&
                                    range.at(name).find_first_not_of("0123456789ABCDEF", 2) ==
                                        std::string::npos),
                     "range: " + std::string(name) + " of " + id);
            for (const auto &[name, value] : range)
                must(said_.try_emplace(id + " " + name, value).first->second == value,
                     "range-changes: " + name + " of " + id);
            const bool has_date =
                std::any_of(p.segments.begin(), p.segments.end(),
                            [](const Segment &segment) { return !segment.date.empty(); });
            must(has_date || p.skip, "range: without EXT-X-PROGRAM-DATE-TIME: " + id);
        }
    }

    void check_header(const Playlist &p) {
        must(p.target && *p.target >= 1, "target: EXT-X-TARGETDURATION is missing or below 1");
        bool maps = false;
        for (const Segment &s : p.segments) {
            // RFC 8216, 4.3.3.1: rounded to the nearest integer.
            must(std::floor(s.duration + 0.5) <= double(p.target.value_or(0)),
                 "long: EXTINF of " + s.uri + " exceeds EXT-X-TARGETDURATION");
            must(s.duration > 0, "extinf: " + s.uri + " has no duration");
            const bool mp4 = s.uri.find(".m4s") != s.uri.npos || s.uri.find(".mp4") != s.uri.npos;
            must(!mp4 || !s.map.empty() || p.skip, "map: " + s.uri + " needs an EXT-X-MAP");
            maps = maps || !s.map.empty();
        }
        must(p.version >= 3, "version: decimal durations need 3");
        must(p.version >= 6 || !maps, "version: EXT-X-MAP needs 6");
        must(p.version >= 9 || !p.skip, "version: EXT-X-SKIP needs 9");
        must(p.version >= 10 || !p.forgets_ranges, "version: RECENTLY-REMOVED-DATERANGES needs 10");
        must(p.type.empty() || p.type == "VOD" || p.type == "EVENT", "type: " + p.type);
        must(p.type != "VOD" || p.ended, "type: VOD without EXT-X-ENDLIST");
    }

    /// bis 4.4.4.9: no part is longer than PART-TARGET; those below 85 % of it are exceptions that
    /// the section names.
    void check_parts_of(const Playlist &p, const Segment &s, bool complete) {
        double sum = 0;
        for (size_t i = 0; i < s.parts.size(); ++i) {
            const Part &part = s.parts[i];
            const bool last = complete && i + 1 == s.parts.size();
            const bool before_gap = i + 1 < s.parts.size() && s.parts[i + 1].gap;
            sum += part.duration;
            must(part.duration <= p.part_target + rounding,
                 "part-long: " + part.uri + " exceeds PART-TARGET");
            must(part.duration >= 0.85 * p.part_target - rounding || part.independent || part.gap ||
                     before_gap || last,
                 "part-short: " + part.uri + " is below 85 % of PART-TARGET");
        }
        const bool whole = complete && !s.parts.empty();
        must(!whole || std::abs(sum - s.duration) <= 0.001 * double(s.parts.size()),
             "part-sum: EXTINF of " + s.uri + " is not the sum of its parts");
    }

    void check_parts(const Playlist &p) {
        bool any = !p.open.parts.empty();
        for (const Segment &s : p.segments) {
            any = any || !s.parts.empty();
            check_parts_of(p, s, true);
        }
        // The last part of the open segment may become the segment's last.
        Segment open = p.open;
        if (!open.parts.empty()) open.parts.pop_back();
        check_parts_of(p, open, false);
        for (const Part &part : p.open.parts)
            must(part.duration <= p.part_target + rounding,
                 "part-long: " + part.uri + " exceeds PART-TARGET");
        must(!any || p.part_info, "part-inf: parts without EXT-X-PART-INF");
        // bis 6.2.2: parts stay until they are three target durations behind the end.
        double behind = 0;
        for (const Part &part : p.open.parts)
            behind += part.duration;
        for (auto s = p.segments.rbegin(); p.part_info && s != p.segments.rend(); ++s) {
            if (behind + s->duration > 3 * double(p.target.value_or(0))) break;
            must(!s->parts.empty() || s->gap,
                 "part-gone: the parts of " + s->uri + " are gone too early");
            behind += s->duration;
        }
    }

    /// 4.4.4.2: a range without an offset goes on behind that of the segment before it.
    void check_byte_ranges(const Playlist &p) {
        const Segment *before = nullptr;
        for (const Segment &s : p.segments) {
            const size_t at = s.range.find('@');
            must(s.range.empty() || p.version >= 4, "version: EXT-X-BYTERANGE needs 4");
            const std::string digits =
                s.range.substr(0, at) + (at == s.range.npos ? "" : s.range.substr(at + 1));
            must(digits.find_first_not_of("0123456789") == digits.npos,
                 "byterange: '" + s.range + "'");
            must(s.range.empty() || at != s.range.npos ||
                     (before && !before->range.empty() && before->uri == s.uri),
                 "byterange: " + s.uri + " has no offset");
            before = &s;
        }
    }

    void check_control(const Playlist &p) {
        const double target = double(p.target.value_or(0));
        if (p.part_info) {
            // Appendix B.1.
            const auto blocks = p.server.find("CAN-BLOCK-RELOAD");
            must(blocks != p.server.end() && blocks->second == "YES",
                 "control: parts without CAN-BLOCK-RELOAD");
            must(p.ended || p.hints.count("PART"), "hint: parts, and none is hinted at");
            must(p.server.count("PART-HOLD-BACK") > 0, "hold-back: parts without PART-HOLD-BACK");
            must(p.value("PART-HOLD-BACK") >= 2 * p.part_target - rounding,
                 "hold-back: PART-HOLD-BACK is below two PART-TARGETs");
        }
        must(!p.server.count("HOLD-BACK") || p.value("HOLD-BACK") >= 3 * target,
             "hold-back: HOLD-BACK is below three target durations");
        must(!p.server.count("CAN-SKIP-UNTIL") || p.value("CAN-SKIP-UNTIL") >= 6 * target,
             "skip: CAN-SKIP-UNTIL is below six target durations");
        must(!p.server.count("CAN-SKIP-DATERANGES") || p.server.count("CAN-SKIP-UNTIL"),
             "skip: CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL");
        must(p.hints.empty() || !p.ended, "hint: a hint after the end");
        for (const auto &report : p.reports) {
            const auto uri = report.find("URI");
            must(uri != report.end() && uri->second.find("://") == std::string::npos,
                 "report: its URI must be relative");
            must(report.count("LAST-MSN") > 0, "report: no LAST-MSN");
            must(!p.part_info || report.count("LAST-PART") > 0, "report: no LAST-PART");
        }
    }

    /// Restores what a delta update leaves out from the playlist before.
    void merge(Playlist &p) {
        if (!last_) return must(false, "skip: a delta update before any playlist");
        must(p.server.count("CAN-SKIP-UNTIL") > 0, "skip: EXT-X-SKIP without CAN-SKIP-UNTIL");
        double rest = 0; // from the end of the skipped to the end of the last whole segment
        for (const Segment &s : p.segments)
            rest += s.duration;
        must(rest >= p.value("CAN-SKIP-UNTIL") - rounding * double(p.segments.size()),
             "skip: skipped inside the boundary");
        std::vector<Segment> all;
        for (uint64_t i = 0; i < p.skipped; ++i) {
            const uint64_t number = p.media_sequence + i;
            if (number < last_->media_sequence ||
                number - last_->media_sequence >= last_->segments.size())
                return must(false, "skip: a skipped segment was never listed");
            all.push_back(last_->segments[number - last_->media_sequence]);
        }
        for (Segment &s : p.segments)
            if (s.map.empty() && !all.empty()) s.map = all.back().map;
        all.insert(all.end(), p.segments.begin(), p.segments.end());
        p.segments = std::move(all);
    }

    /// RFC 8216, 6.2.2: a live playlist that was once three target durations long stays so.
    void check_window(const Playlist &p) {
        double length = 0;
        for (const Segment &s : p.segments)
            length += s.duration;
        const double needed = 3 * double(p.target.value_or(0));
        const bool sliding = p.type.empty() && p.media_sequence > 0 && !p.ended;
        must(!sliding || length >= needed - 0.5 * double(p.target.value_or(0)) || !full_,
             "window: shorter than three target durations");
        full_ = full_ || length >= needed;
    }

    void check_history(const Playlist &a, const Playlist &b) {
        must(a.target == b.target, "target-changed: EXT-X-TARGETDURATION");
        must(!a.part_info || a.part_target == b.part_target, "part-target-changed: PART-TARGET");
        must(!a.part_info || a.value("PART-HOLD-BACK") == b.value("PART-HOLD-BACK"),
             "hold-back-changed: PART-HOLD-BACK");
        must(a.version <= b.version, "version: went back");
        must(!a.ended || b.ended, "end: EXT-X-ENDLIST was taken back");
        must(!a.ended ||
                 a.segments.size() + a.media_sequence == b.segments.size() + b.media_sequence,
             "end: a segment after EXT-X-ENDLIST");
        must(b.media_sequence >= a.media_sequence, "sequence: EXT-X-MEDIA-SEQUENCE went back");
        must(a.type.empty() || b.media_sequence == a.media_sequence,
             "type: a segment was removed from " + a.type);
        if (b.media_sequence < a.media_sequence) return;
        const uint64_t removed = b.media_sequence - a.media_sequence;
        uint64_t gone = 0;
        for (uint64_t i = 0; i < removed && i < a.segments.size(); ++i)
            gone += a.segments[i].discontinuity;
        must(removed > a.segments.size() ||
                 b.discontinuity_sequence == a.discontinuity_sequence + gone,
             "discontinuity: EXT-X-DISCONTINUITY-SEQUENCE does not count what was removed");
        const size_t kept = a.segments.size() - std::min<uint64_t>(removed, a.segments.size());
        must(removed > a.segments.size() || b.segments.size() >= kept,
             "append: segments vanished from the end");
        for (size_t i = 0; i < std::min(kept, b.segments.size()); ++i) {
            const Segment &x = a.segments[removed + i], &y = b.segments[i];
            must(x.uri == y.uri && x.duration == y.duration && x.map == y.map &&
                     x.discontinuity == y.discontinuity && x.date == y.date,
                 "append: " + x.uri + " was changed");
        }
        check_parts_history(a, b, removed);
    }

    /// The parts of the open segment are those of the complete one later.
    void check_parts_history(const Playlist &a, const Playlist &b, uint64_t removed) {
        if (removed > a.segments.size()) return;
        const size_t index = a.segments.size() - removed;
        if (index > b.segments.size()) return;
        const Segment &now = index < b.segments.size() ? b.segments[index] : b.open;
        if (now.parts.empty() && index < b.segments.size()) return; // old enough to be without
        must(now.parts.size() >= a.open.parts.size() &&
                 std::equal(a.open.parts.begin(), a.open.parts.end(), now.parts.begin()),
             "append: parts were changed");
        const auto hint = a.hints.find("PART");
        if (hint == a.hints.end()) return;
        // The next part, if it exists by now: of this segment or of the following one.
        const Part *next = nullptr;
        if (now.parts.size() > a.open.parts.size())
            next = &now.parts[a.open.parts.size()];
        else if (index < b.segments.size()) {
            const Segment &after = index + 1 < b.segments.size() ? b.segments[index + 1] : b.open;
            if (!after.parts.empty()) next = &after.parts.front();
        }
        must(!next || next->uri == hint->second, "hint: the part has another URI than the hint");
    }

    std::set<std::string> known_; ///< lines
    std::optional<Playlist> last_;
    std::map<std::string, std::string> said_; ///< of date ranges
    bool full_ = false;
};

} // namespace conformance
