// SPDX-License-Identifier: LGPL-2.1-or-later
// What the registry of mounts tells of one of them.
#pragma once

#include "core/net/stream/mounts.h"

#include "eventually.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace penstock_test {

/// The registry's events of one path, as text.
struct MountEvents {
    explicit MountEvents(std::string path) : path(std::move(path)) {
        subscription = penstock::net::Mounts::instance().subscribe(
            [this](const penstock::net::MountKey &mount, penstock::net::MountEvent event) {
                static constexpr const char *names[] = {"published", "unpublished", "live",
                                                        "gone",      "came",        "went"};
                if (mount.path != this->path) return;
                std::lock_guard lock(mutex);
                text += (text.empty() ? "" : " ") + std::string(names[int(event)]);
            });
    }
    std::string all() const {
        std::lock_guard lock(mutex);
        return text;
    }
    bool become(const std::string &wanted) const {
        return penstock_test::eventually([&] { return all() == wanted; });
    }
    const std::string path;
    mutable std::mutex mutex;
    std::string text;
    std::unique_ptr<penstock::net::MountSubscription> subscription;
};

} // namespace penstock_test
