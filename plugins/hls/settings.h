// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of an hlssegmenter and their defaults.
#pragma once

#include "core/net/stream/ending.h"
#include "core/net/stream/peer.h"
#include "core/net/tls/files.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::hls {

/// Values of `sync`. The first two have the values of other sinks' boolean property.
enum class Sync {
    no,
    yes,
    automatic, ///< wait on the clock unless upstream is live
};

/// Values of `container`.
enum class ContainerType { ts, cmaf };

/// What a pad takes.
enum class Media { video, audio, subtitles, metadata };

/// Values of `renditions`.
enum class Renditions {
    automatic, ///< one playlist for one video and one audio track, else several
    muxed,     ///< each video track with the first audio track
    separate,  ///< each track by itself
};

struct Settings {
    std::string location;
    net::TlsFiles tls;
    ContainerType container = ContainerType::ts;
    Renditions renditions = Renditions::automatic;
    uint64_t target_duration = 2'000'000'000; ///< ns
    uint64_t part_duration = 0;               ///< ns; 0: no parts
    bool is_vod = false;
    bool tells_titles = false;    ///< changed title tags become timed metadata
    bool is_single_file = false;  ///< with is_vod: all segments of a rendition in one file
    unsigned playlist_length = 6; ///< segments; 0: all (files only)
    net::Ending ending{.linger = std::chrono::seconds(60)};
    Sync sync = Sync::automatic;
    std::shared_ptr<net::PeerWatch> watch; ///< consulted about viewers of an http:// location
};

} // namespace penstock::hls
