// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection to a camera or another RTSP server that is made again and again, to play. No
// GStreamer, and no Boost in this header.
#pragma once

#include "core/net/client/change.h"
#include "core/net/tls/client.h"
#include "core/rtmp/backoff.h"
#include "core/rtsp/client/media.h"
#include "core/rtsp/client/session.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

struct RtspClientOptions {
    rtsp::Url url; ///< with user and password, if there are
    std::vector<rtsp::Lower> protocols = {rtsp::Lower::tcp, rtsp::Lower::udp,
                                          rtsp::Lower::multicast}; ///< in the order of trial
    TlsTrust trust;
    rtmp::BackoffLimits backoff;
    uint64_t connect_ms = 10'000; ///< from the first packet to the answer to PLAY
    /// Without media for so long at the beginning, the next protocol is tried.
    uint64_t first_packet_ms = 3'000;
    uint64_t silence_ms = 10'000;  ///< without media later: connects again; 0: never
    int64_t latency = 200'000'000; ///< ns that datagrams wait for missing ones before them
};

/// Called on a network loop: must return at once.
class RtspClientEvents {
public:
    virtual void on_change(const ClientChange &change) = 0;
    /// A session has begun. Before its first tag or frame.
    virtual void on_tracks(const std::vector<rtsp::ClientTrack> &tracks) = 0;
    /// Returns false if there is no room: reading then pauses until resume(), and datagrams are
    /// dropped meanwhile. `sender_time`: ns since 1970 by the camera's clock.
    virtual bool on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) = 0;
    virtual void on_frame(size_t track, const rtsp::TrackCodec &codec,
                          rtsp::ElementaryFrame &&frame) = 0;
    /// An oddity of the camera, for the log.
    virtual void on_warning(const std::string &) {}

protected:
    ~RtspClientEvents() = default;
};

/// Totals of all connections, but for what is of the present one.
struct RtspClientTotals {
    uint64_t bytes_in = 0, bytes_out = 0; ///< on the wire, without TLS
    uint64_t connections = 0;             ///< that have brought media
    uint64_t dropped = 0;                 ///< datagrams for which there was no room
    bool live = false;
    std::string protocol; ///< of the present connection: "tcp", "udp", "multicast"; empty: none
    std::vector<rtsp::ClientMedia::TrackStats> tracks; ///< of the present connection
};

/// open() begins to connect. The destructor ends the session, and waits until no call to `events`
/// is running; it must not run on a network loop.
class RtspClient {
public:
    /// On failure returns nullptr and sets `error` to the reason: no threads, no such file.
    static std::unique_ptr<RtspClient> open(RtspClientOptions options, RtspClientEvents &events,
                                            std::string *error);
    virtual ~RtspClient() = default;

    /// on_tag() has room again. Any thread.
    virtual void resume() = 0;
    /// Any thread but a network loop.
    virtual RtspClientTotals totals() const = 0;
};

} // namespace penstock::net
