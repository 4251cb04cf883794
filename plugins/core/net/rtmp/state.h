// SPDX-License-Identifier: LGPL-2.1-or-later
// What the connections of one RTMP listener share: its mounts and leases.
#pragma once

#include "core/net/loop/tcp_listener.h"
#include "core/net/rtmp/connection.h"
#include "core/net/rtmp/mount.h"
#include "core/net/rtmp/server.h"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace penstock::net {

class RtmpState : public std::enable_shared_from_this<RtmpState> {
public:
    explicit RtmpState(std::shared_ptr<Loops> loops, const RtmpLimits &limits = {});
    const RtmpLimits limits;

    void on_accept(tcp::socket &&socket, size_t loop);
    void remove(const std::shared_ptr<RtmpConnection> &connection); ///< on its loop
    /// Closes all connections; waits for it unless called on a loop.
    void shutdown();
    void start_checks();

    /// A mount is there as long as somebody holds it: a connection, a claim, a feed.
    std::shared_ptr<RtmpMount> mount(const std::string &path, bool create);
    std::vector<MountInfo> mounts() const;
    bool needs_key() const;

    uint64_t add_lease(LeaseOptions options);
    uint64_t add_demand(DemandOptions options);
    void remove_lease(uint64_t id);
    /// The first lease that matches; its on_publish may be called.
    std::shared_ptr<const LeaseOptions> lease_for(const std::string &path) const;

    /// Whom a player of this path has to ask.
    std::shared_ptr<const DemandOptions> demand_for(const std::string &path) const;
    void end_players(const std::shared_ptr<RtmpMount> &mount, const std::string &reason);

    /// Who is asked about every peer of this listener.
    std::vector<std::shared_ptr<PeerWatch>> watches() const;
    void add_watch(const std::shared_ptr<PeerWatch> &watch);

    Loops &loops() { return *loops_; }

private:
    struct PerLoop {
        std::set<std::shared_ptr<RtmpConnection>> connections; ///< touched by its loop alone
        std::unique_ptr<boost::asio::steady_timer> timer;
        bool closing = false;
    };
    void check(size_t loop);

    std::shared_ptr<Loops> loops_;
    std::vector<PerLoop> per_loop_;
    std::atomic<size_t> connections_{0};
    mutable std::mutex mutex_; ///< what follows
    std::vector<std::weak_ptr<PeerWatch>> watches_;
    std::map<std::string, std::weak_ptr<RtmpMount>, std::less<>> mounts_;
    std::map<uint64_t, std::shared_ptr<const LeaseOptions>> leases_;
    std::map<uint64_t, std::shared_ptr<const DemandOptions>> demands_;
    uint64_t next_lease_ = 1;
};

} // namespace penstock::net
