// SPDX-License-Identifier: LGPL-2.1-or-later
// The state that the connections of one RTSP listener share: its mounts, rules, ports and limits.
#pragma once

#include "core/net/loop/tcp_listener.h"
#include "core/net/rtsp/mount.h"
#include "core/net/rtsp/server.h"
#include "core/net/rtsp/udp_ports.h"
#include "core/net/stream/refusal_log.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/silent_room.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/context.h"

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock::net {

class RtspConnection;

/// The connections of the tunnels, by their cookies. Thread-safe.
class RtspTunnels {
public:
    /// False if another tunnel has the cookie.
    bool add(const std::string &cookie, const std::shared_ptr<RtspConnection> &out);
    void remove(const std::string &cookie);
    std::shared_ptr<RtspConnection> find(const std::string &cookie) const;
    /// Makes a connection the tunnel's POST. Returns the one that was that before, if it is still
    /// there: a tunnel has one at a time, the latest.
    std::shared_ptr<RtspConnection> set_post(const std::string &cookie,
                                             const std::shared_ptr<RtspConnection> &post);

private:
    struct Tunnel {
        std::weak_ptr<RtspConnection> get, post;
    };
    mutable std::mutex mutex_; ///< guards tunnels_
    std::unordered_map<std::string, Tunnel> tunnels_;
};

/// Thread-safe but for on_accept().
class RtspState : public std::enable_shared_from_this<RtspState> {
public:
    RtspState(std::shared_ptr<Loops> loops, const RtspOptions &options, const RtspLimits &limits,
              std::shared_ptr<TlsContext> certificate);
    Address address; ///< where it listens; valid when `opened`
    std::latch opened{1};
    const RtspOptions options;
    const RtspLimits limits;
    const std::shared_ptr<TlsContext> tls; ///< nullptr: peers with TLS are refused
    std::shared_ptr<UdpPorts> ports;       ///< nullptr: there is no UDP; set before `opened`
    const std::shared_ptr<PathRules> rules = std::make_shared<PathRules>();
    const std::shared_ptr<Roster> roster;
    const std::shared_ptr<WaitingRoom> hosts; ///< all connections
    const std::shared_ptr<SilentRoom> silent; ///< those that have not published or played yet
    RtspTunnels tunnels;
    RefusalLog refusals{"rtsp"};
    /// Set once a rule has matched a publisher: when no rule is left, the server is ending.
    std::atomic<bool> has_had_rules{false};

    /// On the connection's loop.
    void on_accept(tcp::socket &&socket, size_t loop);
    /// A mount is there as long as somebody holds it: a connection, a claim, a feed.
    std::shared_ptr<RtspMount> mount(const std::string &path, bool create);
    /// Advice for a peer that asked for another path, from the listener's rules: "publish to
    /// rtsp://HOST/live/NAME". Empty if there are no rules.
    std::string publish_advice() const;
    std::string play_advice() const;

    const std::shared_ptr<Loops> &shared_loops() const { return loops_; }

private:
    std::string advice(const std::string &verb, const std::vector<std::string> &paths) const;

    const std::shared_ptr<Loops> loops_;
};

} // namespace penstock::net
