// SPDX-License-Identifier: LGPL-2.1-or-later
// The state that the connections of one RTMP listener share: its mounts, rules and limits.
#pragma once

#include "core/net/loop/tcp_listener.h"
#include "core/net/rtmp/mount.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/refusal_log.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/silent_room.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/context.h"

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// Thread-safe but for on_accept().
class RtmpState : public std::enable_shared_from_this<RtmpState> {
public:
    RtmpState(std::shared_ptr<Loops> loops, const RtmpLimits &limits,
              std::shared_ptr<TlsContext> certificate, bool tls_only);
    Address address; ///< where it listens; valid when `opened`
    std::latch opened{1};
    const RtmpLimits limits;
    const std::shared_ptr<TlsContext> tls; ///< nullptr: peers with TLS are refused
    const bool is_tls_only;                ///< peers without TLS are refused
    const std::shared_ptr<PathRules> rules = std::make_shared<PathRules>();
    const std::shared_ptr<Roster> roster;
    const std::shared_ptr<WaitingRoom> waiting; ///< players of streams that nobody feeds
    const std::shared_ptr<WaitingRoom> hosts;   ///< all connections
    const std::shared_ptr<SilentRoom> silent;   ///< those that have not published or played yet
    RefusalLog refusals{"rtmp"};

    /// On the connection's loop.
    void on_accept(tcp::socket &&socket, size_t loop);

    /// A mount is there as long as somebody holds it: a connection, a claim, a feed.
    std::shared_ptr<RtmpMount> mount(const std::string &path, bool create);

    /// Advice for a peer that asked for another path, from the listener's rules: "publish to
    /// rtmp://HOST/live/NAME". Empty if there are no rules.
    std::string publish_advice() const;
    /// Set once a rule has matched a publisher: when no rule is left, the server is ending.
    std::atomic<bool> has_had_rules{false};
    std::string play_advice() const;

    const std::shared_ptr<Loops> &shared_loops() const { return loops_; }

private:
    std::string advice(const std::string &verb, const std::vector<std::string> &paths) const;

    const std::shared_ptr<Loops> loops_;
};

} // namespace penstock::net
