// SPDX-License-Identifier: LGPL-2.1-or-later
// The choice among several tracks of a kind.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

namespace penstock::file {

/// Value of the property audio-track: the track that the file marks as the default.
inline constexpr int automatic_track = -1;
/// Further tracks of a kind in a file are ignored.
inline constexpr size_t most_tracks = 100;

/// The index of the track to play. `flags` are those of the tracks in file order; `wanted` is an
/// index or automatic_track. nullopt if there is no such track, or none at all.
///
/// Demuxers mark defaults differently: Matroska's default tracks have SELECT and the others no
/// flag, QuickTime's disabled tracks have UNSELECT. Therefore the first track with SELECT is
/// chosen, else the first without UNSELECT, else the first.
std::optional<size_t> choose_track(const std::vector<GstStreamFlags> &flags, int wanted);

} // namespace penstock::file
