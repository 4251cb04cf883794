// SPDX-License-Identifier: LGPL-2.1-or-later
// An SRT connection to one other end that is made again and again, to send or to receive. No
// GStreamer, and neither Boost nor libsrt in this header.
#pragma once

#include "core/bytes/bytes.h"
#include "core/flv/tag.h"
#include "core/gop/history.h"
#include "core/net/client/change.h"
#include "core/net/srt/network.h"
#include "core/net/srt/traits.h"
#include "core/rtmp/backoff.h"
#include "core/srt/client_url.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::net {

struct SrtClientOptions {
    srt::LinkMode mode = srt::LinkMode::caller;
    std::string host; ///< of the other end; as a listener the own one, empty: every interface
    uint16_t port = 0;
    std::string local_host{}; ///< that it connects from; empty: any
    std::string stream_id;    ///< as a caller
    SrtTraits traits;
    bool sends = false; ///< or receives
    rtmp::BackoffLimits backoff;
    gop::Limits queue;            ///< what a sender may hold unsent
    uint64_t connect_ms = 5'000;  ///< for one address
    uint64_t silence_ms = 30'000; ///< a sender that sends nothing for this long is left; 0: never
};

/// Called on the client's thread.
class SrtClientEvents {
public:
    virtual void on_change(const ClientChange &change) = 0;
    /// Only when receiving: whole packets of 188 bytes. Returns false if there is no room: reading
    /// then pauses until resume().
    virtual bool on_packets(Bytes &&) { return true; }
    /// The latency is too short for the round trip, or the like.
    virtual void on_warning(const std::string &) {}

protected:
    ~SrtClientEvents() = default;
};

/// Totals of all connections.
struct SrtClientTotals {
    uint64_t bytes_in = 0, bytes_out = 0;
    uint64_t skips = 0;       ///< times a sender went on at a newer keyframe
    uint64_t connections = 0; ///< that were made
    bool live = false;
};

/// open() begins to connect, on a thread of its own. The destructor sends for up to a second what a
/// live connection still has, and waits until no call to `events` is running.
class SrtClient {
public:
    /// On failure returns nullptr and sets `error`.
    static std::unique_ptr<SrtClient> open(SrtClientOptions options, SrtClientEvents &events,
                                           std::string *error);
    virtual ~SrtClient() = default;

    // For sending only; to be called by one thread at a time. They never block. See SrtFeed.
    virtual void push(const flv::Tag &tag) = 0;
    virtual void push(ByteView bytes) = 0;
    virtual void discontinuity() = 0;
    virtual std::string take_complaint() = 0;
    virtual bool has_begun() const = 0;

    /// For receiving only: on_packets() has room again. Any thread.
    virtual void resume() = 0;
    virtual SrtClientTotals totals() const = 0; ///< any thread
    virtual SrtNetwork network() const = 0;     ///< any thread
};

} // namespace penstock::net
