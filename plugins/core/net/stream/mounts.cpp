// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/mounts.h"

#include "core/net/loop/clock.h"

#include <algorithm>

namespace penstock::net {

// --- Mount --------------------------------------------------------------------------------

Authority make_authority(std::shared_ptr<PeerWatch> watch) {
    static std::atomic<uint64_t> next{1};
    if (!watch) return {};
    return {next++, std::move(watch)};
}

Mount::Mount(MountKey key) : key_(std::move(key)) {
}

Mount::~Mount() {
    Mounts::instance().forget(key_);
}

void Mount::set_authority(std::shared_ptr<PeerWatch> watch) {
    std::lock_guard lock(authority_mutex_);
    authority_ = make_authority(std::move(watch));
    epoch_.store(authority_.epoch, std::memory_order_release);
}

Authority Mount::authority() const {
    std::lock_guard lock(authority_mutex_);
    return authority_;
}

std::chrono::nanoseconds Mount::end_viewers(std::chrono::nanoseconds, const std::string &reason) {
    close_viewers(reason);
    return {};
}

void Mount::note_media() {
    media_at_ms_.store(steady_ms(), std::memory_order_relaxed);
}

uint64_t Mount::silent_ms() const {
    const uint64_t at = media_at_ms();
    return at == 0 ? 0 : steady_ms() - at;
}

int64_t Mount::last_media() const {
    return media_at_ms() == 0 ? 0 : unix_ms() - static_cast<int64_t>(silent_ms());
}

void Mount::tell(MountEvent event) const {
    Mounts::instance().tell(key_, event);
}

// --- Mounts -------------------------------------------------------------------------------

Mounts &Mounts::instance() {
    // Never destroyed: a mount may outlive everything else in the process.
    static auto *the = new Mounts;
    return *the;
}

std::shared_ptr<Mount> Mounts::find(const MountKey &key) const {
    std::lock_guard lock(mutex_);
    const auto found = mounts_.find(key);
    return found == mounts_.end() ? nullptr : found->second.lock();
}

void Mounts::add(const std::shared_ptr<Mount> &mount) {
    std::lock_guard lock(mutex_);
    mounts_[mount->key()] = mount;
}

void Mounts::forget(const MountKey &key) {
    std::lock_guard lock(mutex_);
    const auto found = mounts_.find(key);
    if (found != mounts_.end() && found->second.expired()) mounts_.erase(found);
}

std::vector<std::shared_ptr<Mount>> Mounts::all() const {
    std::vector<std::shared_ptr<Mount>> present;
    std::lock_guard lock(mutex_);
    for (const auto &[key, weak] : mounts_)
        if (auto mount = weak.lock()) present.push_back(std::move(mount));
    return present;
}

std::vector<MountInfo> Mounts::snapshot() const {
    std::vector<MountInfo> infos;
    for (const auto &mount : all())
        if (mount->in_use()) infos.push_back(mount->info());
    return infos;
}

std::vector<MountInfo> Mounts::snapshot(std::string_view protocol) const {
    std::vector<MountInfo> infos;
    for (const auto &mount : all())
        if (mount->key().protocol == protocol && mount->in_use()) infos.push_back(mount->info());
    return infos;
}

class Mounts::Subscription final : public MountSubscription {
public:
    explicit Subscription(std::shared_ptr<const OnEvent> on_event)
        : on_event_(std::move(on_event)) {}
    ~Subscription() override {
        Mounts &mounts = Mounts::instance();
        std::lock_guard lock(mounts.subscribers_mutex_);
        auto rest = std::make_shared<Subscribers>(*mounts.subscribers_);
        std::erase(*rest, on_event_);
        mounts.has_subscribers_ = !rest->empty();
        mounts.subscribers_ = std::move(rest);
    }

private:
    const std::shared_ptr<const OnEvent> on_event_;
};

std::unique_ptr<MountSubscription> Mounts::subscribe(OnEvent on_event) {
    auto shared = std::make_shared<const OnEvent>(std::move(on_event));
    {
        std::lock_guard lock(subscribers_mutex_);
        auto more = std::make_shared<Subscribers>(*subscribers_);
        more->push_back(shared);
        subscribers_ = std::move(more);
        has_subscribers_ = true;
    }
    return std::make_unique<Subscription>(std::move(shared));
}

void Mounts::tell(const MountKey &mount, MountEvent event) const {
    if (!has_subscribers_) return;
    std::shared_ptr<const Subscribers> subscribers;
    {
        std::lock_guard lock(subscribers_mutex_);
        subscribers = subscribers_;
    }
    for (const auto &on_event : *subscribers)
        (*on_event)(mount, event);
}

} // namespace penstock::net
