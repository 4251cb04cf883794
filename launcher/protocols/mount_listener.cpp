// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/mount_listener.h"

#include "core/net/stream/mount_keeper.h"

#include <algorithm>

namespace penstock::protocols {

bool takes_publishers(const net::PathRules &rules, const std::vector<net::MountInfo> &mounts,
                      std::string_view suffix) {
    const auto examples = rules.publish_examples();
    return std::any_of(examples.begin(), examples.end(),
                       [&](const auto &path) { return path.ends_with(suffix); }) ||
           std::any_of(mounts.begin(), mounts.end(),
                       [](const auto &mount) { return mount.claimed; });
}

Lease MountListener::lease_publish(PublishLease lease) {
    net::LeaseOptions options;
    options.publish_key = std::move(lease.publish_key);
    options.matches = std::move(lease.matches);
    options.example = std::move(lease.example);
    options.on_publish = [tell = std::move(lease.on_publish)](const net::PublishAttempt &attempt) {
        tell(attempt.path);
    };
    return server_.rules.add(std::move(options), server_.server);
}

Lease MountListener::lease_play(PlayLease lease) {
    return server_.rules.add(net::DemandOptions{.matches = std::move(lease.matches),
                                                .is_ready = std::move(lease.is_ready),
                                                .on_demand = std::move(lease.on_demand),
                                                .example = std::move(lease.example)},
                             server_.server);
}

std::vector<std::shared_ptr<net::Mount>> MountListener::find(const std::string &path) const {
    std::vector<std::shared_ptr<net::Mount>> out;
    for (const std::string &protocol : server_.protocols)
        if (auto mount = net::Mounts::instance().find({protocol, server_.address, path}))
            out.push_back(std::move(mount));
    return out;
}

bool MountListener::is_publishing(const std::string &path) const {
    const auto mounts = find(path);
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const auto &mount) { return mount->info().publishing; });
}

bool MountListener::is_live(const std::string &path) const {
    const auto mounts = find(path);
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const auto &mount) { return mount->info().live; });
}

bool MountListener::is_fed(const std::string &path) const {
    return std::any_of(server_.protocols.begin(), server_.protocols.end(), [&](const auto &name) {
        return net::MountKeeper::instance().is_fed({name, server_.address, path});
    });
}

unsigned MountListener::viewers(const std::string &path) const {
    unsigned sum = 0;
    for (const auto &mount : find(path))
        sum += mount->viewers();
    return sum;
}

void MountListener::end_viewers(const std::string &path, const std::string &reason) {
    for (const auto &mount : find(path))
        net::MountKeeper::instance().end(mount, reason);
}

Lease MountListener::watch(std::function<void(const std::string &path)> changed) {
    return net::Mounts::instance().subscribe(
        [address = server_.address, protocols = server_.protocols,
         changed = std::move(changed)](const net::MountKey &mount, net::MountEvent event) {
            const bool is_media =
                event != net::MountEvent::published && event != net::MountEvent::unpublished;
            if (is_media && mount.address == address &&
                std::find(protocols.begin(), protocols.end(), mount.protocol) != protocols.end())
                changed(mount.path);
        });
}

} // namespace penstock::protocols
