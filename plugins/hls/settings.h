// SPDX-License-Identifier: LGPL-2.1-or-later
// The values of an hlssegmenter's properties, with all defaults.
#pragma once

#include "core/net/stream/peer.h"
#include "core/net/tls/files.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::hls {

/// Values of `sync`. The first two have the numbers of the boolean that other sinks have.
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
    std::shared_ptr<net::PeerWatch> watch; ///< asked about viewers, where it serves them
};

} // namespace penstock::hls
