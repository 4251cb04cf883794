// SPDX-License-Identifier: LGPL-2.1-or-later
// Who connects, and who may say whether that peer is let in.
#pragma once

#include <functional>
#include <string>

namespace penstock::net {

/// A peer that asks to publish or to play, or does so.
struct PeerInfo {
    std::string id;      ///< "rtmp-play-17", "http-play-3", as in logs and statistics
    std::string address; ///< "127.0.0.1:53412"
    std::string path;    ///< "live/cam", safe segments only
    std::string query;   ///< "key=…&x=…", raw from the network: never log it
    std::string key;     ///< the value of `key` in it
    std::string client;  ///< what the peer calls itself; printable
    bool publish = false;
    std::string protocol = "rtmp"; ///< or "http", "websocket", "hls"
};

/// Says whether the peer may; from any thread, at most once.
using Answer = std::function<void(bool allowed)>;

/// Hears of peers and may decide about them. Called on network loops: must return at once. Peers
/// and mounts share it, so it outlives the claim or feed that it was given to.
class PeerWatch {
public:
    virtual ~PeerWatch() = default;
    /// Returns true if `answer` is going to be called; the peer waits for it, for
    /// RtmpLimits::authorize_ms at most, and then is refused. False: everybody may.
    virtual bool authorize(const PeerInfo &, Answer) { return false; }
    /// False while nobody would hear of a peer, and everybody may: nothing needs to be asked.
    virtual bool is_listening() const { return true; }
    virtual void connected(const PeerInfo &) {}
    virtual void disconnected(const PeerInfo &, const std::string & /*reason*/) {}
};

} // namespace penstock::net
