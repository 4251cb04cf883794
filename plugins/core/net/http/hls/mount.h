// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS streams of the process under their URLs: what viewers see while pipelines come and go.
#pragma once

#include "core/hls/stream.h"
#include "core/net/loop/address.h"
#include "core/net/stream/peer.h"
#include "core/net/tls/files.h"

#include <chrono>

namespace penstock::net {

struct HlsMountOptions {
    unsigned playlist_length = 6; ///< segments; at least 1
    int64_t target_duration = 2'000'000'000;
    /// How long the mount outlives its producer; its URL then answers 404.
    std::chrono::nanoseconds grace = std::chrono::seconds(60);
    /// How long a request for a playlist waits for the first segment; 503 afterwards.
    std::chrono::nanoseconds first_segment_wait = std::chrono::seconds(10);
    TlsFiles tls; ///< empty: plain HTTP
    hls::Container container = hls::ts_container;
    std::shared_ptr<PeerWatch> watch; ///< asked about each viewer; may be nullptr
};

/// What a stream's producer (an hlssegmenter) writes to. Detaches when destroyed; the mount stays
/// for its grace, and the next producer continues its sequence with a discontinuity.
class HlsFeed {
public:
    virtual ~HlsFeed() = default;
    virtual void publish(const hls::Segment &segment) = 0;
    /// Media is missing before the next segment.
    virtual void interrupt() = 0;

    struct Stats {
        uint64_t requests = 0, bytes_out = 0;
        unsigned viewers = 0; ///< that asked for something within three target durations
        hls::Stream::Info stream;
    };
    virtual Stats stats() const = 0;
    /// The playlist's URL, the port filled in; "127.0.0.1" for every interface.
    virtual std::string url() const = 0;
};

/// Serves a stream as http(s)://ADDRESS/`path`, its segments beside the playlist in a folder of the
/// same name ("live/cam/index.m3u8" has them in "live/cam/index/"). On failure nullptr, and
/// `error` says what is wrong and how to mend it: no free port, a path that is no safe path ending
/// in ".m3u8", or one that has a producer already.
std::unique_ptr<HlsFeed> open_hls_feed(const Address &address, const std::string &path,
                                       const HlsMountOptions &options, std::string *error);

} // namespace penstock::net
