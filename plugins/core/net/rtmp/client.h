// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection to another RTMP server that is made again and again, to publish or to play. No
// GStreamer, and no Boost in this header.
#pragma once

#include "core/flv/tag.h"
#include "core/net/client/change.h"
#include "core/net/tls/client.h"
#include "core/rtmp/backoff.h"
#include "core/rtmp/client_url.h"
#include "core/rtmp/publish_queue.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::net {

struct RtmpClientOptions {
    rtmp::ClientUrl url;
    TlsTrust trust;
    rtmp::BackoffLimits backoff;
    rtmp::PublishQueue::Limits queue; ///< what a publisher may hold unsent
    uint64_t connect_ms = 10'000;     ///< from the first packet to the server's acceptance
    /// A connection is closed when the server has taken nothing for `stall_ms`, and a player's when
    /// nothing has come for `silence_ms` (0: no limit).
    uint64_t stall_ms = 10'000, silence_ms = 30'000;
};

using RtmpClientChange = ClientChange;

/// Called on a network loop: must return at once.
class RtmpClientEvents {
public:
    virtual void on_change(const RtmpClientChange &change) = 0;
    /// Only when playing. Returns false if there is no room: reading then pauses until resume().
    virtual bool on_tag(flv::Tag &&) { return true; }
    /// An oddity of the server, for the log.
    virtual void on_warning(const std::string &) {}

protected:
    ~RtmpClientEvents() = default;
};

/// Totals of all connections.
struct RtmpClientTotals {
    uint64_t bytes_in = 0, bytes_out = 0; ///< on the wire, without TLS
    uint64_t frames_out = 0;
    uint64_t dropped = 0;     ///< frames that were not sent
    uint64_t connections = 0; ///< connections that the server accepted
    bool live = false;
};

/// The data that has not left this machine yet.
struct RtmpClientBacklog {
    bool live = false;
    uint64_t sent = 0;     ///< bytes that this connection has sent; unsent kernel bytes are not
    int64_t queued_ms = 0; ///< duration of the media that waits, here and in the kernel
    int64_t newest_ms = 0; ///< time of the newest media, on the connection's timeline
};

/// open() begins to connect. The destructor sends for up to a second what a live connection still
/// has queued, tells the server that the stream ends, and waits until no call to `events` is
/// running; it must not run on a network loop.
class RtmpClient {
public:
    /// On failure returns nullptr and sets `error` to the reason: no threads, no such file.
    static std::unique_ptr<RtmpClient> open(RtmpClientOptions options, RtmpClientEvents &events,
                                            std::string *error);
    virtual ~RtmpClient() = default;

    // For publishing only; to be called by one thread at a time. They never block.
    virtual void publish(const flv::Tag &tag) = 0;
    /// Begins another timeline: later timestamps are unrelated to earlier ones.
    virtual void discontinuity() = 0;
    virtual RtmpClientBacklog backlog() = 0;

    /// For playing only: on_tag() has room again. Any thread.
    virtual void resume() = 0;
    /// Any thread.
    virtual RtmpClientTotals totals() const = 0;
};

} // namespace penstock::net
