// SPDX-License-Identifier: LGPL-2.1-or-later
// The session description of a stream that is played by RTSP. Thread-safe.
#pragma once

#include "core/rtsp/play/maker.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtsp {

/// What a multicast stream's description says, too.
struct MulticastPlace {
    std::string address; ///< empty: there is none
    uint16_t port = 0;   ///< of track 0; each track has two
    uint8_t ttl = 0;
    bool operator==(const MulticastPlace &) const = default;
};

/// Of the tracks that are ready. `name`: of the stream; without control characters.
std::string describe(const std::vector<PlayTrack> &tracks, std::string_view name,
                     const MulticastPlace &multicast = {});

/// The last segment of a track's URL.
std::string track_control(size_t index);
/// Its number; nullopt: the segment names no track.
std::optional<size_t> parse_track_control(std::string_view segment);

} // namespace penstock::rtsp
