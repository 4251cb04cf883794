// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/slots.h"

#include <algorithm>

namespace penstock::rtc::room {

std::vector<SceneTrack> wanted_video(const Scene &scene, uint32_t self,
                                     std::span<const uint32_t> pinned) {
    std::vector<SceneTrack> out;
    for (const SceneTrack &track : scene)
        if (is_video(track.kind) && track.participant != self) out.push_back(track);
    const auto rank = [&](const SceneTrack &track) {
        if (track.kind == SourceKind::screen) return 0;
        const bool is_pinned =
            std::find(pinned.begin(), pinned.end(), track.participant) != pinned.end();
        return is_pinned ? 1 : 2;
    };
    std::stable_sort(out.begin(), out.end(), [&](const SceneTrack &a, const SceneTrack &b) {
        return rank(a) != rank(b) ? rank(a) < rank(b) : a.turn > b.turn;
    });
    return out;
}

std::vector<SceneTrack> wanted_audio(const Scene &scene, uint32_t self) {
    std::vector<SceneTrack> out;
    for (const SceneTrack &track : scene)
        if (track.kind == SourceKind::microphone && track.participant != self) out.push_back(track);
    std::stable_sort(out.begin(), out.end(),
                     [](const SceneTrack &a, const SceneTrack &b) { return a.turn > b.turn; });
    return out;
}

void assign(std::span<const SceneTrack> wanted, std::span<std::optional<uint64_t>> slots) {
    wanted = wanted.first(std::min(wanted.size(), slots.size()));
    const auto is_wanted = [&](uint64_t track) {
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](const SceneTrack &one) { return one.track == track; });
    };
    for (auto &slot : slots)
        if (slot && !is_wanted(*slot)) slot.reset();
    for (const SceneTrack &one : wanted) {
        if (std::find(slots.begin(), slots.end(), one.track) != slots.end()) continue;
        const auto free = std::find(slots.begin(), slots.end(), std::nullopt);
        if (free != slots.end()) *free = one.track;
    }
}

} // namespace penstock::rtc::room
