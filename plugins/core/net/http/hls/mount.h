// SPDX-License-Identifier: LGPL-2.1-or-later
// The HLS streams of the process by URL, independent of the pipelines that feed them.
#pragma once

#include "core/hls/presentation.h"
#include "core/hls/stream.h"
#include "core/net/loop/address.h"
#include "core/net/stream/ending.h"
#include "core/net/stream/peer.h"
#include "core/net/tls/files.h"

#include <chrono>

namespace penstock::net {

struct HlsMountOptions {
    unsigned playlist_length = 6; ///< segments in the playlist; at least 1
    int64_t target_duration = 2'000'000'000;
    /// The end of the stream after its producer has left: players have `linger` to fetch the rest,
    /// then its URL answers 404.
    Ending ending{.linger = std::chrono::seconds(60)};
    /// How long a playlist request waits for the first segment; then it gets 503.
    std::chrono::nanoseconds first_segment_wait = std::chrono::seconds(10);
    TlsFiles tls; ///< empty: plain HTTP
    hls::Container container = hls::ts_container;
    bool has_parts = false;           ///< low latency: the segments come in parts
    bool has_renditions = false;      ///< the playlist at the path is a multivariant one
    std::shared_ptr<PeerWatch> watch; ///< consulted about each viewer; may be nullptr
};

/// The interface for a stream's producer (an hlssegmenter). Detaches on destruction; the mount
/// remains for its grace period, and the next producer continues its sequence with a discontinuity.
class HlsFeed {
public:
    virtual ~HlsFeed() = default;
    /// A segment, or a piece of one.
    virtual void publish(hls::Segment segment) = 0;
    /// With has_renditions: what they are, before publish() and whenever that changes.
    virtual void set_renditions(const std::vector<hls::Presentation::Expected> &renditions) = 0;
    /// The part target of a rendition's playlist in ns; 0: it has none yet.
    virtual int64_t part_target(const std::string &rendition) const = 0;
    /// Media has come, of which a segment will be made: the grace period counts from here.
    virtual void note_media() = 0;
    /// Marks the next segment with a discontinuity, because media is missing.
    virtual void interrupt() = 0;

    struct Stats {
        uint64_t requests = 0, bytes_out = 0;
        unsigned viewers = 0;     ///< with a request within three target durations
        size_t waiting = 0;       ///< requests that are held
        hls::Stream::Info stream; ///< with renditions: of the first that has video, or any
    };
    virtual Stats stats() const = 0;
    /// The playlist's URL including the port; "127.0.0.1" for a wildcard address.
    virtual std::string url() const = 0;
};

/// Serves a stream as http(s)://ADDRESS/`path`, with its segments in a folder of the same name
/// ("live/cam/index.m3u8" has them in "live/cam/index/"). On failure returns nullptr and sets
/// `error` to the reason and a remedy: no free port, a path that is unsafe or does not end in
/// ".m3u8", or one that has a producer.
std::unique_ptr<HlsFeed> open_hls_feed(const Address &address, const std::string &path,
                                       const HlsMountOptions &options, std::string *error);

} // namespace penstock::net
