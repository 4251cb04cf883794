// SPDX-License-Identifier: LGPL-2.1-or-later
// A media playlist as it is served: its stream, the requests that wait for it, and its text.
#pragma once

#include "core/hls/stream.h"
#include "core/net/http/hls/growing.h"
#include "core/net/http/hls/waiters.h"

#include <array>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::net {

/// Thread-safe.
class HlsPlaylist {
public:
    /// `name` is that of its rendition; empty: it is the mount's only one.
    HlsPlaylist(std::string name, const hls::Stream::Options &options,
                std::shared_ptr<WaitingRoom> room)
        : name(std::move(name)), stream(options), waiters(std::move(room)) {}

    const std::string name;
    hls::Stream stream;
    HlsWaiters waiters;
    HlsGrowing growing;

    /// The playlist, whole or as a delta update, with `reports` of other renditions at its end.
    /// `packed`: receives it in gzip, if it is worth that. Both are made once for all who ask.
    Bytes text(bool delta, const std::string &reports, Bytes *packed);

private:
    struct Known {
        Bytes of; ///< without reports
        std::string reports;
        Bytes whole, packed;
    };
    std::mutex mutex_; ///< guards the following, and is held during the work
    std::array<Known, 2> known_;
};

} // namespace penstock::net
