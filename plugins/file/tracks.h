// SPDX-License-Identifier: LGPL-2.1-or-later
// The choice among several tracks of a kind.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

namespace penstock::file {

/// The property audio-track: the track that the file marks as the default.
inline constexpr int automatic_track = -1;
/// More tracks of a kind than this in one file are left out.
inline constexpr size_t most_tracks = 100;

/// The index of the track to play. `flags` are those of the tracks in the file's order; `wanted` is
/// an index or automatic_track. nullopt if there is no such track, or none at all.
///
/// Demuxers differ: Matroska's default tracks have SELECT and the others nothing; of QuickTime's
/// tracks those that are not enabled have UNSELECT. So the first with SELECT is taken, else the
/// first without UNSELECT, else the first.
std::optional<size_t> choose_track(const std::vector<GstStreamFlags> &flags, int wanted);

} // namespace penstock::file
