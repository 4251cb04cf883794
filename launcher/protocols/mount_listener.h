// SPDX-License-Identifier: LGPL-2.1-or-later
// The listener of a server that has path rules and mounts: the same for every such protocol.
#pragma once

#include "core/net/stream/mounts.h"
#include "core/net/stream/path_rules.h"
#include "protocols/protocol.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::protocols {

/// Whether a server has publishers, or may have some: a rule takes those whose paths end in
/// `suffix`, or an element waits for one. One for players alone has none.
bool takes_publishers(const net::PathRules &rules, const std::vector<net::MountInfo> &mounts,
                      std::string_view suffix = "");

/// A protocol derives from it, and adds what only its server can do.
class MountListener : public Listener {
public:
    struct Server {
        std::shared_ptr<void> server; ///< is held, and keeps the port open
        net::Address address;
        std::string scheme; ///< of the URLs at this port
        net::PathRules &rules;
        std::vector<std::string> protocols; ///< of the mounts that are served there
    };
    explicit MountListener(Server server) : server_(std::move(server)) {}

    net::Address address() const override { return server_.address; }
    std::string scheme() const override { return server_.scheme; }
    std::shared_ptr<const void> server() const override { return server_.server; }
    void add_watch(const std::shared_ptr<net::PeerWatch> &watch) override {
        server_.rules.add_watch(watch);
    }
    Lease lease_publish(PublishLease lease) override;
    Lease lease_play(PlayLease lease) override;
    bool parks_viewers() const override { return false; }
    bool is_publishing(const std::string &path) const override;
    bool is_live(const std::string &path) const override;
    bool is_fed(const std::string &path) const override;
    unsigned viewers(const std::string &path) const override;
    void refuse(const std::string &, const std::string &) override {}
    void refuse_busy(const std::string &) override {}
    Lease watch(std::function<void(const std::string &path)> changed) override;
    void end_viewers(const std::string &path, const std::string &reason) override;

private:
    std::vector<std::shared_ptr<net::Mount>> find(const std::string &path) const;

    const Server server_;
};

} // namespace penstock::protocols
