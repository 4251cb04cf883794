// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/mounts.h"

#include <algorithm>

namespace penstock::protocols {

std::vector<std::shared_ptr<net::Mount>> MountsAt::find(const std::string &path) const {
    std::vector<std::shared_ptr<net::Mount>> out;
    for (const std::string &protocol : protocols_)
        if (auto mount = net::Mounts::instance().find({protocol, address_, path}))
            out.push_back(std::move(mount));
    return out;
}

bool MountsAt::is_live(const std::string &path) const {
    const auto mounts = find(path);
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const auto &mount) { return mount->info().live; });
}

unsigned MountsAt::viewers(const std::string &path) const {
    unsigned sum = 0;
    for (const auto &mount : find(path))
        sum += mount->viewers();
    return sum;
}

void MountsAt::close_viewers(const std::string &path, const std::string &reason) const {
    for (const auto &mount : find(path))
        mount->close_viewers(reason);
}

Lease MountsAt::watch(std::function<void(const std::string &path)> changed) const {
    return net::Mounts::instance().subscribe(
        [address = address_, protocols = protocols_,
         changed = std::move(changed)](const net::MountKey &mount, net::MountEvent event) {
            const bool is_media =
                event != net::MountEvent::published && event != net::MountEvent::unpublished;
            if (is_media && mount.address == address &&
                std::find(protocols.begin(), protocols.end(), mount.protocol) != protocols.end())
                changed(mount.path);
        });
}

} // namespace penstock::protocols
