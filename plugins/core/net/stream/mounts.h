// SPDX-License-Identifier: LGPL-2.1-or-later
// All mounts of the process: look-up by key, listing, and subscription to changes.
#pragma once

#include "core/net/stream/mount.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Ends a subscription on destruction. A call in progress on another thread may still finish
/// afterwards.
class MountSubscription {
public:
    virtual ~MountSubscription() = default;
};

/// Thread-safe; never destroyed.
class Mounts {
public:
    static Mounts &instance();

    /// The mount with this key; nullptr if there is none.
    std::shared_ptr<Mount> find(const MountKey &key) const;
    /// Returns the existing mount if it `fits`, else the result of `make`. Both are called under a
    /// lock.
    template <class Kind, class Fits, class Make>
    std::shared_ptr<Kind> find_or_make(const MountKey &key, Fits fits, Make make) {
        std::shared_ptr<Kind> present; // destroyed after the lock is released
        std::lock_guard lock(mutex_);
        std::weak_ptr<Mount> &entry = mounts_[key];
        present = std::static_pointer_cast<Kind>(entry.lock());
        if (present && fits(*present)) return present;
        std::shared_ptr<Kind> made = make();
        entry = made;
        return made;
    }
    /// Adds a mount; replaces one with the same key that has no holders left.
    void add(const std::shared_ptr<Mount> &mount);

    /// All mounts in use, sorted by key. Takes a lock per mount.
    std::vector<MountInfo> snapshot() const;
    /// The same for one protocol.
    std::vector<MountInfo> snapshot(std::string_view protocol) const;
    std::vector<std::shared_ptr<Mount>> all() const;

    using OnEvent = std::function<void(const MountKey &mount, MountEvent event)>;
    /// Calls `on_event` where the change happens, on a network loop or streaming thread: it must
    /// return at once and must not call the mount.
    std::unique_ptr<MountSubscription> subscribe(OnEvent on_event);

    /// For Mount: tells the subscribers, and removes a mount that is destroyed.
    void tell(const MountKey &mount, MountEvent event) const;
    void forget(const MountKey &key);

private:
    class Subscription;

    mutable std::mutex mutex_; ///< guards mounts_
    std::map<MountKey, std::weak_ptr<Mount>> mounts_;
    using Subscribers = std::vector<std::shared_ptr<const OnEvent>>;
    mutable std::mutex subscribers_mutex_; ///< guards subscribers_
    std::shared_ptr<const Subscribers> subscribers_ = std::make_shared<Subscribers>();
    std::atomic<bool> has_subscribers_{false};
};

} // namespace penstock::net
