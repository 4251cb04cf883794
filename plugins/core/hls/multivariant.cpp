// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/multivariant.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace penstock::hls {
namespace {

/// The audio renditions with the same codec.
struct Group {
    std::string id, codecs;
    uint64_t peak = 0, average = 0; ///< of the largest
    std::vector<const Listed *> members;
};

constexpr const char *subtitles_group = "subtitles";

bool is_text(const Listed &listed) {
    return listed.info.about && listed.info.about->is_text;
}

std::vector<Group> groups_of(std::span<const Listed> renditions) {
    std::vector<Group> groups;
    for (const Listed &listed : renditions) {
        if (listed.info.is_video() || is_text(listed)) continue;
        auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](const Group &g) { return g.codecs == listed.info.codecs; });
        if (group == groups.end()) {
            Group added;
            added.id = groups.empty() ? "audio" : "audio-" + std::to_string(groups.size() + 1);
            added.codecs = listed.info.codecs;
            group = groups.insert(groups.end(), std::move(added));
        }
        group->members.push_back(&listed);
        group->peak = std::max(group->peak, listed.info.peak_bitrate);
        group->average = std::max(group->average, listed.info.average_bitrate);
    }
    return groups;
}

std::string uri_of(const Listed &listed, std::string_view prefix) {
    return std::string(prefix) + listed.name + "/" + std::string(rendition_playlist);
}

/// NAME: what is said, or what is known. Names in a group differ.
std::string name_of(const Listed &listed, std::set<std::string> &names) {
    static const About nothing;
    const About &about = listed.info.about ? *listed.info.about : nothing;
    std::string name = !about.title.empty()      ? about.title
                       : !about.language.empty() ? about.language
                                                 : listed.name;
    if (!names.insert(name).second) {
        name += " (" + listed.name + ")";
        names.insert(name);
    }
    return name;
}

/// Subtitles are off until a viewer, or the default, turns them on.
void add_subtitles(const std::vector<Listed> &all, std::string_view prefix,
                   playlist::Multivariant &out) {
    std::set<std::string> names;
    bool has_default = false;
    for (const Listed &listed : all) {
        if (!is_text(listed)) continue;
        playlist::SubtitleRendition subtitles;
        subtitles.group = subtitles_group;
        subtitles.name = name_of(listed, names);
        subtitles.language = listed.info.about->language;
        subtitles.is_default = !has_default && listed.info.about->is_default;
        has_default = has_default || subtitles.is_default;
        subtitles.uri = uri_of(listed, prefix);
        out.subtitles.push_back(std::move(subtitles));
    }
}

void add_media(const Group &group, std::string_view prefix, playlist::Multivariant &out) {
    // The first that is said to be the default, else the first.
    const auto stated =
        std::find_if(group.members.begin(), group.members.end(), [](const Listed *listed) {
            return listed->info.about && listed->info.about->is_default;
        });
    const Listed *by_default = stated == group.members.end() ? group.members.front() : *stated;
    std::set<std::string> names;
    for (const Listed *listed : group.members) {
        static const About nothing;
        const About &about = listed->info.about ? *listed->info.about : nothing;
        playlist::AudioRendition audio;
        audio.group = group.id;
        audio.name = name_of(*listed, names);
        audio.language = about.language;
        audio.channels = about.channels;
        audio.is_default = listed == by_default;
        audio.uri = uri_of(*listed, prefix);
        out.audio.push_back(std::move(audio));
    }
}

} // namespace

std::string multivariant(std::span<const Listed> renditions, std::string_view prefix) {
    std::vector<Listed> listed(renditions.begin(), renditions.end());
    std::erase_if(listed, [](const Listed &one) { return one.info.segments == 0; });
    // Renditions that have stopped while others go on are left out.
    const auto is_away = [](const Listed &one) { return one.info.is_away; };
    if (!std::all_of(listed.begin(), listed.end(), is_away)) std::erase_if(listed, is_away);
    if (listed.empty()) return {};
    playlist::Multivariant out;
    for (const Listed &one : listed)
        out.independent_segments = out.independent_segments && one.info.is_independent;
    std::vector<Group> groups = groups_of(listed);
    std::vector<const Listed *> videos;
    for (const Listed &one : listed)
        if (one.info.is_video()) videos.push_back(&one);
    const auto size = [](const Listed *one) {
        return std::tuple(uint64_t(one->info.width) * one->info.height, one->info.peak_bitrate);
    };
    std::stable_sort(videos.begin(), videos.end(),
                     [&](const Listed *a, const Listed *b) { return size(a) > size(b); });
    for (const Group &group : groups)
        add_media(group, prefix, out);
    add_subtitles(listed, prefix, out);
    const auto add = [&](const Listed &main, const Group *group) {
        playlist::Variant variant;
        variant.uri = uri_of(main, prefix);
        variant.bandwidth = main.info.peak_bitrate;
        variant.average_bandwidth = main.info.average_bitrate;
        variant.codecs = main.info.codecs;
        if (main.info.is_video()) {
            variant.width = main.info.width;
            variant.height = main.info.height;
            if (main.info.about) {
                variant.frame_rate = main.info.about->frame_rate;
                variant.video_range = main.info.about->video_range;
            }
            if (variant.video_range.empty()) variant.video_range = "SDR";
        }
        if (!out.subtitles.empty()) variant.subtitles = subtitles_group;
        if (group) {
            variant.audio = group->id;
            if (!main.info.is_video()) {
                variant.bandwidth = group->peak;
                variant.average_bandwidth = group->average;
            } else {
                if (!group->codecs.empty() && !variant.codecs.empty())
                    variant.codecs += "," + group->codecs;
                variant.bandwidth += group->peak;
                // Both or neither.
                variant.average_bandwidth = variant.average_bandwidth && group->average
                                                ? variant.average_bandwidth + group->average
                                                : 0;
            }
        }
        out.variants.push_back(std::move(variant));
    };
    for (const Listed *video : videos) {
        if (groups.empty()) add(*video, nullptr);
        for (const Group &group : groups)
            add(*video, &group);
    }
    // Without video each group's first rendition stands for it.
    if (videos.empty())
        for (const Group &group : groups)
            add(*group.members.front(), &group);
    if (out.variants.empty()) return {};
    return playlist::write(out);
}

std::string rendition_report(std::string_view name, const playlist::Edge &edge) {
    std::string text = "#EXT-X-RENDITION-REPORT:URI=\"../" + std::string(name) + "/" +
                       std::string(rendition_playlist) + "\"";
    const bool is_open = edge.parts > 0;
    const uint64_t sequence = is_open || edge.next == 0 ? edge.next : edge.next - 1;
    text += ",LAST-MSN=" + std::to_string(sequence);
    if (edge.part_target > 0) {
        // A gap has no parts.
        const uint64_t parts = is_open ? edge.parts
                               : edge.last_parts == std::numeric_limits<uint64_t>::max()
                                   ? 1
                                   : std::max<uint64_t>(edge.last_parts, 1);
        text += ",LAST-PART=" + std::to_string(parts - 1);
    }
    return text + "\n";
}

} // namespace penstock::hls
