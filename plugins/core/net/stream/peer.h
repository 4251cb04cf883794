// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer, and the interface that decides whether it is admitted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace penstock::net {

/// A peer that requests to publish or play, or does so.
struct PeerInfo {
    std::string id;      ///< "rtmp-play-17", "http-play-3", as used in logs and statistics
    std::string address; ///< "127.0.0.1:53412"
    std::string path;    ///< "live/cam", safe segments only
    std::string query;   ///< "key=…&x=…", unchecked network input: never log it
    std::string key;     ///< the value of `key` in the query; of WebRTC else the bearer token
    std::string client;  ///< the peer's own description; printable
    bool publish = false;
    std::string protocol = "rtmp"; ///< or "http", "websocket", "hls", "rtc"
    bool is_encrypted = false;     ///< TLS
};

/// A watcher's decision about a peer.
struct Verdict {
    Verdict(bool is_allowed) : allowed(is_allowed) {} // NOLINT: a plain yes or no is a verdict
    bool allowed;
    uint64_t until_ms = 0; ///< steady_ms() at which the admission ends; 0: it does not end
    /// For a publisher: the path to publish instead of the requested one; empty: the requested one.
    std::string path;
};

/// Gives the verdict on the peer. Call at most once, from any thread.
using Answer = std::function<void(const Verdict &)>;

/// Is notified of peers and may decide about them. Called on network loops: must return at once.
/// Shared by peers and mounts, so it outlives the claim or feed that it was given to.
class PeerWatch {
public:
    virtual ~PeerWatch() = default;
    /// Returns true if `answer` will be called; the peer waits for it, up to
    /// authorization_timeout_ms (RTMP: RtmpLimits::authorize_ms), and is refused afterwards.
    /// Returns false to allow the peer at once.
    virtual bool authorize(const PeerInfo &, Answer) { return false; }
    /// False while everybody is allowed and no notification is needed.
    virtual bool is_listening() const { return true; }
    virtual void connected(const PeerInfo &) {}
    virtual void disconnected(const PeerInfo &, const std::string & /*reason*/) {}
};

} // namespace penstock::net
