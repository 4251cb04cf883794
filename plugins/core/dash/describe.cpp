// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dash/describe.h"

#include <algorithm>

namespace penstock::dash {
namespace {

constexpr int64_t second = 1'000'000'000;
// Nearer to the edge players stall at the borders of segments.
constexpr int64_t least_latency = second;
// Part targets are a little longer than parts are; ns.
constexpr int64_t rounded = second / 10;

/// Players change only among representations of one codec: "avc1" of "avc1.64001F,mp4a.40.2".
std::string family_of(const std::string &codecs) {
    return codecs.substr(0, codecs.find('.'));
}

Representation represent(const Offer &offer, const Timeline::Member &member,
                         const std::string &mime_type) {
    const hls::Stream::Info &info = offer.info;
    const bool video = info.is_video();
    Representation one;
    one.id = offer.name.empty() ? "main" : offer.name;
    if (!member.init.empty()) one.init = offer.prefix + member.init;
    one.media = offer.prefix + offer.media;
    one.mime_type = video ? mime_type : "audio" + mime_type.substr(mime_type.find('/'));
    one.codecs = member.codecs;
    one.bandwidth = info.peak_bitrate;
    one.width = member.width;
    one.height = member.height;
    if (!info.about) return one;
    if (video)
        one.frame_rate = info.about->frame_rate;
    else
        one.channels = info.about->channels;
    return one;
}

/// Video of one codec is one set, and each audio rendition is one of its own.
std::vector<AdaptationSet> sets_of(const Timeline::Shown &period, std::span<const Offer> offers,
                                   const std::string &mime_type) {
    std::vector<AdaptationSet> sets;
    bool has_default = false;
    for (size_t i = 0; i < offers.size(); ++i) {
        const Offer &offer = offers[i];
        const auto member =
            std::find_if(period.members.begin(), period.members.end(),
                         [&](const Timeline::Member &one) { return one.rendition == offer.name; });
        if (member == period.members.end()) continue;
        Representation one = represent(offer, *member, mime_type);
        const bool video = offer.info.is_video();
        const auto with = std::find_if(sets.begin(), sets.end(), [&](const AdaptationSet &set) {
            return video && set.is_video &&
                   family_of(set.representations.front().codecs) == family_of(one.codecs);
        });
        if (with != sets.end()) {
            with->representations.push_back(std::move(one));
            continue;
        }
        AdaptationSet set;
        set.id = static_cast<unsigned>(i + 1); // the same as long as the renditions are
        set.is_video = video;
        set.starts_with_keyframes = period.independent;
        if (!video && offer.info.about) {
            set.language = offer.info.about->language;
            set.label = offer.info.about->title;
            set.is_main = offer.info.about->is_default && !has_default;
            has_default = has_default || set.is_main;
        }
        set.representations.push_back(std::move(one));
        sets.push_back(std::move(set));
    }
    return sets;
}

} // namespace

Mpd describe(const Timeline &timeline, std::span<const Offer> offers, const Shape &shape) {
    Mpd mpd;
    mpd.is_static = shape.is_static;
    mpd.available_since = timeline.available_since().value_or(0);
    const bool has_ended = shape.has_ended || shape.is_static;
    for (const Timeline::Shown &shown : timeline.shown(has_ended)) {
        Period period;
        period.id = std::to_string(shown.id);
        period.start = shown.start;
        period.duration = shown.duration;
        if (shown.continues) period.continues = std::to_string(*shown.continues);
        period.date = shown.date;
        period.addressing = shown.addressing;
        period.sets = sets_of(shown, offers, shape.mime_type);
        if (!period.sets.empty()) mpd.periods.push_back(std::move(period));
    }
    if (mpd.periods.empty()) return mpd;
    // The Period that the first one continued is not in the MPD any more.
    mpd.periods.front().continues.clear();
    const int64_t usual = timeline.usual();
    const bool has_parts = shape.part_target > 0;
    for (Period &period : mpd.periods) {
        if (!has_parts || has_ended) break;
        const int64_t ticks = period.addressing.duration;
        const int64_t duration =
            ticks > 0 ? ticks * (second / 10'000) / (timescale / 10'000) : usual;
        period.addressing.early = std::max<int64_t>(duration - shape.part_target, 0);
    }
    // Players are that much further behind: so it is that of segments so far, not of any to come.
    mpd.longest_segment = timeline.longest();
    mpd.min_buffer = has_parts ? shape.part_target : shape.target_duration;
    const Period &last = mpd.periods.back();
    if (has_ended && last.duration) mpd.duration = last.start + *last.duration;
    if (shape.is_static) return mpd;
    mpd.buffer_depth = static_cast<int64_t>(shape.segments) * usual;
    if (has_ended) return mpd;
    mpd.clock = shape.clock;
    mpd.clock_is_date = shape.clock_is_date;
    const bool lists = last.addressing.duration == 0;
    // A list has to be read for each new segment.
    mpd.update_period = lists ? std::min(shape.target_duration, usual) : shape.target_duration;
    if (lists && has_parts) mpd.update_period = std::max(usual / 2, shape.part_target);
    if (has_parts) mpd.latency = std::max(least_latency, 5 * shape.part_target / rounded * rounded);
    // Players that know no ServiceDescription go by this: ten seconds would be theirs.
    mpd.suggested_delay = has_parts ? mpd.latency : 3 * shape.target_duration;
    return mpd;
}

} // namespace penstock::dash
