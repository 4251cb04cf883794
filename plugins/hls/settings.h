// SPDX-License-Identifier: LGPL-2.1-or-later
// What an hlssegmenter's properties say; every default is here.
#pragma once

#include "core/net/tls/files.h"

#include <cstdint>
#include <string>

namespace penstock::hls {

/// The first two are what a boolean `sync` property, as other sinks have, would be.
enum class Sync {
    no,
    yes,
    automatic, ///< wait on the clock unless upstream is live
};

struct Settings {
    std::string location;
    net::TlsFiles tls;
    uint64_t target_duration = 2'000'000'000; ///< nanoseconds
    unsigned playlist_length = 6;             ///< segments; 0 keeps all (files only)
    uint64_t grace = 60'000'000'000;          ///< nanoseconds
    Sync sync = Sync::automatic;
};

} // namespace penstock::hls
