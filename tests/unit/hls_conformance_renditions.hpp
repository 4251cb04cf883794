// SPDX-License-Identifier: LGPL-2.1-or-later
// A conformance checker of HLS multivariant playlists, and of what their media playlists have to
// have in common: RFC 8216 and draft-pantos-hls-rfc8216bis-22. A rule's name stands at the
// beginning of its message.
#pragma once

#include "unit/hls_conformance.hpp"

#include <set>
#include <utility>

namespace conformance {

struct Variant {
    std::string uri, line;
    std::map<std::string, std::string> attributes;
};

struct Multivariant {
    std::vector<std::string> problems;
    bool independent = false;
    std::vector<std::map<std::string, std::string>> media;
    std::vector<Variant> variants;
};

inline bool is_decimal(const std::string &text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// Reads a multivariant playlist and checks each tag by itself (4.4.6).
inline Multivariant read_multivariant(const std::string &text) {
    Multivariant m;
    std::istringstream in(text);
    std::string line;
    bool first = true;
    std::optional<Variant> open;
    const auto must = [&](bool holds, const std::string &what) {
        if (!holds) m.problems.push_back(what);
    };
    // Which attributes are quoted (4.2).
    const auto check_quotes = [&](const std::string &value) {
        for (const char *name : {"CODECS", "AUDIO", "SUBTITLES", "URI", "GROUP-ID", "NAME",
                                 "LANGUAGE", "CHANNELS", "SUPPLEMENTAL-CODECS"})
            for (size_t at = 0; (at = value.find(std::string(name) + "=", at)) != value.npos; ++at)
                must((at > 0 && value[at - 1] != ',') ||
                         value[at + std::string(name).size() + 1] == '"',
                     "quote: " + std::string(name) + " in " + value);
        for (const char *name : {"BANDWIDTH", "RESOLUTION", "FRAME-RATE", "VIDEO-RANGE", "TYPE",
                                 "DEFAULT", "AUTOSELECT", "FORCED"})
            must(value.find(std::string(name) + "=\"") == value.npos,
                 "quote: " + std::string(name) + " in " + value);
    };
    while (std::getline(in, line)) {
        if (std::exchange(first, false)) must(line == "#EXTM3U", "header: " + line);
        if (line.empty() || (line[0] == '#' && !line.starts_with("#EXT"))) continue;
        if (line[0] != '#') {
            must(open.has_value(), "uri: " + line + " without EXT-X-STREAM-INF");
            if (open) {
                open->uri = line;
                m.variants.push_back(*open);
            }
            open.reset();
            continue;
        }
        must(!open, "uri: EXT-X-STREAM-INF without a URI line");
        const size_t colon = std::min(line.find(':'), line.size());
        const std::string tag = line.substr(0, colon);
        const std::string value = colon < line.size() ? line.substr(colon + 1) : "";
        for (const char *other :
             {"#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-ENDLIST",
              "#EXT-X-PART", "#EXT-X-MAP", "#EXT-X-SERVER-CONTROL", "#EXT-X-PROGRAM-DATE-TIME"})
            must(!tag.starts_with(other), "mixed: " + tag + " is of media playlists");
        if (tag == "#EXT-X-INDEPENDENT-SEGMENTS") m.independent = true;
        if (tag == "#EXT-X-MEDIA") {
            check_quotes(value);
            m.media.push_back(attributes(value));
        }
        if (tag == "#EXT-X-STREAM-INF") {
            check_quotes(value);
            open = Variant{"", value, attributes(value)};
        }
    }
    must(!open, "uri: EXT-X-STREAM-INF without a URI line");
    must(!m.variants.empty(), "variants: there are none");
    return m;
}

class RenditionsChecker {
public:
    std::vector<std::string> problems;

    void see(const std::string &text) {
        multivariant_ = read_multivariant(text);
        problems.insert(problems.end(), multivariant_.problems.begin(),
                        multivariant_.problems.end());
        check_media();
        for (const Variant &variant : multivariant_.variants)
            check_variant(variant);
    }
    /// All media playlists of one moment, by name: what stands before "/index.m3u8" in their URIs.
    void see_media(const std::map<std::string, std::string> &texts) {
        std::map<std::string, Playlist> playlists;
        for (const auto &[name, text] : texts)
            playlists[name] = read(text);
        for (const auto &[name, playlist] : playlists) {
            for (const Segment &segment : playlist.segments)
                must(!segment.date.empty(), "date: " + name + " has a segment without a date");
            for (const auto &[other, beside] : playlists)
                if (name < other) compare(name, playlist, other, beside);
            check_reports(name, playlist, playlists);
        }
    }
    /// The sizes (bytes) and durations (s) of all segments, by name: BANDWIDTH has to be at least
    /// the peak rate of section 4.1, and not much more.
    void see_sizes(const std::map<std::string, std::vector<std::pair<size_t, double>>> &renditions,
                   double target) {
        for (const Variant &variant : multivariant_.variants) {
            double sum = peak_of(renditions, variant.uri, target), audio = 0;
            const auto group = variant.attributes.find("AUDIO");
            for (const auto &media : multivariant_.media)
                if (group != variant.attributes.end() && media.at("GROUP-ID") == group->second)
                    audio = std::max(audio, peak_of(renditions, media.at("URI"), target));
            // One that is audio by itself stands for the others of its group.
            sum = variant.attributes.count("RESOLUTION") ? sum + audio : std::max(sum, audio);
            const double said = std::atof(variant.attributes.at("BANDWIDTH").c_str());
            must(said >= sum - 2,
                 "bandwidth-low: " + variant.line + ", not " + std::to_string(sum));
            must(said <= sum * 1.1 + 2,
                 "bandwidth-high: " + variant.line + ", not " + std::to_string(sum));
        }
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
    void must(bool holds, const std::string &what) {
        if (!holds && problems.size() < 1000) problems.push_back(what);
    }

    /// 4.4.6.1
    void check_media() {
        std::map<std::string, std::set<std::string>> names;
        std::map<std::string, int> defaults;
        for (auto media : multivariant_.media) {
            for (const char *needed : {"TYPE", "GROUP-ID", "NAME"})
                must(!media[needed].empty(), std::string("media: no ") + needed);
            must(names[media["GROUP-ID"]].insert(media["NAME"]).second,
                 "name: " + media["NAME"] + " twice in its group");
            if (media["DEFAULT"] == "YES") {
                must(++defaults[media["GROUP-ID"]] == 1, "default: two in a group");
                must(media["AUTOSELECT"] != "NO", "autoselect: NO of a default");
            }
            for (const char *name : {"DEFAULT", "AUTOSELECT"})
                must(!media.count(name) || media[name].empty() || media[name] == "YES" ||
                         media[name] == "NO",
                     "media: " + std::string(name) + "=" + media[name]);
            must(!media.count("CHANNELS") || media["CHANNELS"].empty() ||
                     is_decimal(media["CHANNELS"].substr(0, media["CHANNELS"].find('/'))),
                 "channels: " + media["CHANNELS"]);
            must(media["TYPE"] != "AUDIO" || media["URI"].find("://") == std::string::npos,
                 "media: an absolute URI");
            // FORCED is of subtitles only, which have a URI.
            must(!media.count("FORCED") || media["FORCED"].empty() || media["TYPE"] == "SUBTITLES",
                 "forced: of " + media["TYPE"]);
            must(media["TYPE"] != "SUBTITLES" || !media["URI"].empty(), "media: no URI");
        }
    }

    /// 4.4.6.2
    void check_variant(const Variant &variant) {
        auto a = variant.attributes;
        const std::string &line = variant.line;
        must(is_decimal(a["BANDWIDTH"]) && a["BANDWIDTH"] != "0", "bandwidth: " + line);
        if (!a["AVERAGE-BANDWIDTH"].empty())
            must(is_decimal(a["AVERAGE-BANDWIDTH"]) && std::atoll(a["AVERAGE-BANDWIDTH"].c_str()) <=
                                                           std::atoll(a["BANDWIDTH"].c_str()),
                 "average: " + line);
        must(!a["CODECS"].empty(), "codecs: " + line);
        const bool has_text =
            std::any_of(multivariant_.media.begin(), multivariant_.media.end(), [&](auto m) {
                return m["TYPE"] == "SUBTITLES" && m["GROUP-ID"] == a["SUBTITLES"];
            });
        must(a["SUBTITLES"].empty() || has_text, "group: " + a["SUBTITLES"] + " of " + line);
        if (!a["AUDIO"].empty()) {
            const bool exists =
                std::any_of(multivariant_.media.begin(), multivariant_.media.end(), [&](auto m) {
                    return m["TYPE"] == "AUDIO" && m["GROUP-ID"] == a["AUDIO"];
                });
            must(exists, "group: " + a["AUDIO"] + " of " + line);
            must(a["RESOLUTION"].empty() || a["CODECS"].find(',') != std::string::npos,
                 "codecs: those of the audio are missing in " + line);
        }
        if (!a["RESOLUTION"].empty()) {
            const size_t x = a["RESOLUTION"].find('x');
            must(x != std::string::npos && is_decimal(a["RESOLUTION"].substr(0, x)) &&
                     is_decimal(a["RESOLUTION"].substr(x + 1)),
                 "resolution: " + line);
        }
        if (!a["FRAME-RATE"].empty()) {
            const size_t point = a["FRAME-RATE"].find('.');
            must(
                is_decimal(a["FRAME-RATE"].substr(0, point)) &&
                    (point == std::string::npos || (is_decimal(a["FRAME-RATE"].substr(point + 1)) &&
                                                    a["FRAME-RATE"].size() - point - 1 <= 3)),
                "frame-rate: " + line);
        }
        const std::string &range = a["VIDEO-RANGE"];
        must(range.empty() || range == "SDR" || range == "HLG" || range == "PQ", "range: " + line);
    }

    /// 6.2.4, 6.2.5 and appendix B: two media playlists of one multivariant playlist.
    void compare(const std::string &name, const Playlist &a, const std::string &other,
                 const Playlist &b) {
        const std::string both = name + " and " + other;
        must(a.target == b.target, "target-differs: " + both);
        must(a.server == b.server, "control-differs: " + both);
        const uint64_t first = std::max(a.media_sequence, b.media_sequence);
        uint64_t counts[2] = {a.discontinuity_sequence, b.discontinuity_sequence};
        const Playlist *lists[2] = {&a, &b};
        for (int i = 0; i < 2; ++i)
            for (uint64_t n = lists[i]->media_sequence;
                 n < first && n - lists[i]->media_sequence < lists[i]->segments.size(); ++n)
                counts[i] += lists[i]->segments[n - lists[i]->media_sequence].discontinuity;
        for (uint64_t n = first;
             n - a.media_sequence < a.segments.size() && n - b.media_sequence < b.segments.size();
             ++n) {
            const Segment &x = a.segments[n - a.media_sequence];
            const Segment &y = b.segments[n - b.media_sequence];
            counts[0] += x.discontinuity;
            counts[1] += y.discontinuity;
            const std::string at = both + " at " + std::to_string(n);
            must(counts[0] == counts[1], "discontinuity-differs: " + at);
            must(std::abs(seconds_of(x.date) - seconds_of(y.date)) < 0.15 || x.gap || y.gap,
                 "date-differs: " + at + ": " + x.date + ", " + y.date);
            must(std::abs(x.duration - y.duration) < 0.15 || x.gap || y.gap,
                 "boundary: " + at + ": " + std::to_string(x.duration) + " and " +
                     std::to_string(y.duration) + " s");
        }
    }

    /// 4.4.5.4: the state of each other playlist.
    void check_reports(const std::string &name, const Playlist &playlist,
                       const std::map<std::string, Playlist> &all) {
        if (!playlist.part_info || playlist.ended) {
            must(playlist.reports.empty() || !playlist.ended, "report: after the end of " + name);
            return;
        }
        std::set<std::string> seen;
        for (auto report : playlist.reports) {
            std::string uri = report["URI"];
            if (uri.starts_with("../")) uri.erase(0, 3);
            const std::string other = uri.substr(0, uri.rfind('/'));
            must(seen.insert(other).second, "report-twice: " + other + " in " + name);
            must(other != name, "report-self: " + name);
            const auto found = all.find(other);
            if (found == all.end()) {
                must(false, "report-unknown: " + uri + " in " + name);
                continue;
            }
            const Playlist &p = found->second;
            const uint64_t next = p.media_sequence + p.segments.size();
            const bool is_open = !p.open.parts.empty();
            const size_t parts = is_open              ? p.open.parts.size()
                                 : p.segments.empty() ? 0
                                                      : p.segments.back().parts.size();
            must(std::strtoull(report["LAST-MSN"].c_str(), nullptr, 10) ==
                     (is_open ? next : next - 1),
                 "report-stale: LAST-MSN of " + other + " in " + name);
            must(parts == 0 || std::strtoull(report["LAST-PART"].c_str(), nullptr, 10) == parts - 1,
                 "report-stale: LAST-PART of " + other + " in " + name);
        }
        for (const auto &[other, p] : all)
            must(other == name || p.ended || seen.count(other),
                 "report-missing: " + other + " in " + name);
    }

    /// Seconds of a day.
    static double seconds_of(const std::string &date) {
        const size_t t = date.find('T');
        if (t == date.npos) return 0;
        int hours = 0, minutes = 0;
        double seconds = 0;
        std::sscanf(date.c_str() + t + 1, "%d:%d:%lf", &hours, &minutes, &seconds);
        return hours * 3600 + minutes * 60 + seconds;
    }

    static double
    peak_of(const std::map<std::string, std::vector<std::pair<size_t, double>>> &renditions,
            const std::string &uri, double target) {
        for (const auto &[name, segments] : renditions) {
            if (uri.find(name + "/") == uri.npos) continue;
            double peak = 0;
            for (size_t i = 0; i < segments.size(); ++i) {
                double bytes = 0, length = 0;
                for (size_t k = i; k < segments.size(); ++k) {
                    bytes += double(segments[k].first);
                    length += segments[k].second;
                    if (length > 1.5 * target + 0.5) break;
                    if (length >= 0.5 * target) peak = std::max(peak, bytes * 8 / length);
                }
            }
            return peak;
        }
        return 0;
    }

    Multivariant multivariant_;
};

} // namespace conformance
