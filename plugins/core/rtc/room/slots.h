// SPDX-License-Identifier: LGPL-2.1-or-later
// Which tracks of a room a receiver's slots show.
#pragma once

#include "core/rtc/room/upstream.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace penstock::rtc::room {

/// A track that may be forwarded now.
struct SceneTrack {
    uint64_t track = 0; ///< a number that no other has
    uint32_t participant = 0;
    SourceKind kind = SourceKind::microphone;
    uint64_t turn = 0; ///< Speakers::turn_of()
};
/// All of them, in the order in which their participants came.
using Scene = std::vector<SceneTrack>;

/// What a receiver is to get at all, the most wanted first: screens, pinned participants, then
/// those who began to speak last, and those who came first. Who goes on speaking, or falls silent,
/// changes nothing. Its own tracks are not among them.
std::vector<SceneTrack> wanted_video(const Scene &scene, uint32_t self,
                                     std::span<const uint32_t> pinned);
/// The microphones of those who began to speak last.
std::vector<SceneTrack> wanted_audio(const Scene &scene, uint32_t self);

/// Puts the first of `wanted` into `slots`, as many as there are; those that are in one stay where
/// they are. Slots have the numbers of tracks.
void assign(std::span<const SceneTrack> wanted, std::span<std::optional<uint64_t>> slots);

} // namespace penstock::rtc::room
