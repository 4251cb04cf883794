// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the track of a packet.
#include "core/rtc/sources.h"

#include "core/rtc/policy.h"

#include <algorithm>

namespace penstock::rtc {
namespace {

const sdp::SsrcGroup *simulcast_group(const sdp::MediaSection &offered) {
    const auto found =
        std::find_if(offered.groups.begin(), offered.groups.end(), [](const auto &group) {
            return group.semantics == "SIM" && group.ssrcs.size() > 1 &&
                   group.ssrcs.size() <= max_layers;
        });
    return found == offered.groups.end() ? nullptr : &*found;
}

} // namespace

Sources::Sources(const sdp::Offer &offer, const sdp::Answer &answer,
                 const std::vector<bool> &is_received) {
    const size_t count = std::min(offer.media.size(), answer.sections.size());
    for (size_t i = 0; i < count; ++i) {
        if (!is_received[i]) continue;
        const sdp::AnsweredSection &answered = answer.sections[i];
        const sdp::SsrcGroup *group = simulcast_group(offer.media[i]);
        Section section{answered.mid,   answered.codec.payload_type,
                        answered.rtx,   answered.red,
                        tracks_.size(), 1};
        if (!answered.rids.empty())
            section.layers = answered.rids.size();
        else if (group)
            section.layers = group->ssrcs.size();
        for (size_t layer = 0; layer < section.layers; ++layer)
            tracks_.push_back({i, answered.rids.empty() ? std::string() : answered.rids[layer]});
        announce(offer.media[i], section);
        sections_.push_back(std::move(section));
    }
}

void Sources::announce(const sdp::MediaSection &offered, const Section &section) {
    const auto add = [&](uint32_t ssrc, size_t layer, bool is_rtx) {
        if (sources_.size() < max_announced)
            sources_.try_emplace(ssrc, Source{section.first + layer, is_rtx, true});
    };
    for (const sdp::SsrcGroup &group : offered.groups)
        if (group.semantics == "FID" && group.ssrcs.size() == 2 && repairs_.size() < max_announced)
            repairs_.emplace_back(group.ssrcs[0], group.ssrcs[1]);
    const sdp::SsrcGroup *layers = simulcast_group(offered);
    if (section.layers == 1) {
        for (const sdp::Ssrc &one : offered.ssrcs) {
            const bool is_rtx = std::any_of(repairs_.begin(), repairs_.end(),
                                            [&](const auto &r) { return r.second == one.ssrc; });
            add(one.ssrc, 0, is_rtx);
        }
    } else if (layers && layers->ssrcs.size() == section.layers &&
               tracks_[section.first].rid.empty()) {
        for (size_t layer = 0; layer < section.layers; ++layer)
            add(layers->ssrcs[layer], layer, false);
    }
    // Otherwise layers are told by their rids; which SSRC is which is not said.
}

/// That of the mid, if it is known; else the only one that has the payload type.
const Sources::Section *Sources::section_of(const rtp::Packet &packet, std::string_view mid) const {
    const Section *found = nullptr;
    unsigned count = 0;
    for (const Section &section : sections_) {
        const bool has_type =
            is_media(section, packet.payload_type) || section.rtx == packet.payload_type;
        if (!mid.empty() && section.mid == mid) return has_type ? &section : nullptr;
        if (!has_type) continue;
        found = &section;
        ++count;
    }
    return count == 1 ? found : nullptr;
}

std::optional<size_t> Sources::by_names(const Section &section, const rtp::Packet &packet,
                                        const rtp::Extensions &extensions, bool is_rtx) const {
    if (section.layers == 1) return section.first;
    const std::string_view rid = is_rtx ? extensions.repaired_rid : extensions.rid;
    for (size_t layer = 0; layer < section.layers; ++layer)
        if (!rid.empty() && tracks_[section.first + layer].rid == rid) return section.first + layer;
    if (!is_rtx) return std::nullopt;
    const auto repair = std::find_if(repairs_.begin(), repairs_.end(),
                                     [&](const auto &one) { return one.second == packet.ssrc; });
    return repair == repairs_.end() ? std::nullopt : track_of(repair->first);
}

std::optional<Sources::Route> Sources::route(const rtp::Packet &packet,
                                             const rtp::Extensions &extensions) {
    const auto known = sources_.find(packet.ssrc);
    const bool has_names =
        !extensions.mid.empty() || !extensions.rid.empty() || !extensions.repaired_rid.empty();
    if (known != sources_.end() && !has_names) {
        const Source &source = known->second;
        const auto section =
            std::find_if(sections_.begin(), sections_.end(), [&](const Section &one) {
                return source.track >= one.first && source.track < one.first + one.layers;
            });
        // Of an SSRC with several payload types, as telephone events, one is received.
        if (is_media(*section, packet.payload_type)) return Route{source.track, false};
        if (section->rtx == packet.payload_type) return Route{source.track, true};
        return std::nullopt;
    }
    const Section *section = section_of(packet, extensions.mid);
    if (!section) return std::nullopt;
    const bool is_rtx = !is_media(*section, packet.payload_type);
    auto track = by_names(*section, packet, extensions, is_rtx);
    if (!track && known != sources_.end() && known->second.track >= section->first &&
        known->second.track < section->first + section->layers)
        track = known->second.track;
    if (!track) return std::nullopt;
    learn(packet.ssrc, *track, is_rtx);
    return Route{*track, is_rtx};
}

void Sources::learn(uint32_t ssrc, size_t track, bool is_rtx) {
    const auto known = sources_.find(ssrc);
    if (known != sources_.end()) {
        known->second.track = track;
        known->second.is_rtx = is_rtx;
        return;
    }
    if (learnt_.size() == max_learnt) {
        sources_.erase(learnt_.front());
        learnt_.pop_front();
    }
    learnt_.push_back(ssrc);
    sources_.emplace(ssrc, Source{track, is_rtx, false});
}

std::optional<size_t> Sources::track_of(uint32_t ssrc) const {
    const auto known = sources_.find(ssrc);
    if (known == sources_.end() || known->second.is_rtx) return std::nullopt;
    return known->second.track;
}

void Sources::forget(uint32_t ssrc) {
    const auto known = sources_.find(ssrc);
    if (known == sources_.end() || known->second.is_announced) return;
    sources_.erase(known);
    std::erase(learnt_, ssrc);
}

} // namespace penstock::rtc
