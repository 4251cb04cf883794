// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/mount_keeper.h"

#include "core/net/loop/clock.h"
#include "core/net/loop/loops.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::net {
namespace {

using std::chrono::nanoseconds;

constexpr const char *ended_text = "the stream has ended";
/// Bounds a delay, so that adding it does not overflow the clock's range.
constexpr nanoseconds longest_delay = std::chrono::hours(24 * 365);

/// Holds the loops that it runs on.
struct LoopTimer {
    std::shared_ptr<Loops> loops = Loops::shared();
    Timer timer{loops->at(0)};
};

MountKeeper::Timer start_loop_timer(nanoseconds delay, std::function<void()> then) {
    const auto timer = std::make_shared<LoopTimer>();
    timer->timer.expires_after(delay);
    timer->timer.async_wait([then = std::move(then)](boost::system::error_code error) {
        if (!error) then();
    });
    return timer;
}

} // namespace

MountKeeper &MountKeeper::instance() {
    static auto *the = new MountKeeper(start_loop_timer);
    return *the;
}

std::shared_ptr<Mount> MountKeeper::attach(const MountKey &key, const std::function<Made()> &make,
                                           bool *busy) {
    Timer stale; // destroyed after the lock is released
    std::unique_lock lock(mutex_);
    *busy = false;
    closed_.wait(lock, [&] {
        const auto found = entries_.find(key);
        return found == entries_.end() || !found->second.is_closing;
    });
    if (const auto found = entries_.find(key); found != entries_.end()) {
        Entry &entry = found->second;
        *busy = std::exchange(entry.is_fed, true);
        if (*busy) return nullptr;
        ++entry.turn;
        stale = std::move(entry.timer);
        return entry.mount;
    }
    Made made = make();
    if (!made.mount) return nullptr;
    Entry &entry = entries_[key];
    entry.mount = made.mount;
    entry.path = std::move(made.path);
    return made.mount;
}

/// The delay begins now.
void MountKeeper::wait(Entries::iterator entry, nanoseconds delay,
                       void (MountKeeper::*then)(const MountKey &key, uint64_t turn)) {
    const uint64_t turn = ++entry->second.turn;
    entry->second.timer =
        start_timer_(std::min(delay, longest_delay),
                     [this, key = entry->first, turn, then] { (this->*then)(key, turn); });
}

void MountKeeper::detach(const std::shared_ptr<Mount> &mount, const Ending &ending) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(mount->key());
    if (found == entries_.end() || found->second.mount != mount || !found->second.is_fed) return;
    found->second.is_fed = false;
    found->second.ending = ending;
    const nanoseconds rest = ending.grace - std::chrono::milliseconds(mount->silent_ms());
    if (rest.count() <= 0 || !mount->has_audience()) return tell_now(found, ended_text, lock);
    wait(found, rest, &MountKeeper::tell);
}

bool MountKeeper::is_fed(const MountKey &key) const {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found != entries_.end() && found->second.is_fed;
}

void MountKeeper::end(const std::shared_ptr<Mount> &mount, const std::string &reason) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(mount->key());
    if (found != entries_.end() && found->second.mount == mount && !found->second.is_fed &&
        !found->second.is_closing)
        return tell_now(found, reason, lock);
    lock.unlock();
    mount->end_viewers(Ending().linger, reason);
}

void MountKeeper::tell(const MountKey &key, uint64_t turn) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.turn != turn) return;
    tell_now(found, ended_text, lock);
}

void MountKeeper::tell_now(Entries::iterator found, const std::string &reason,
                           std::unique_lock<std::mutex> &lock) {
    const nanoseconds rest = found->second.mount->end_viewers(found->second.ending.linger, reason);
    const Timer old = std::move(found->second.timer); // destroyed after the lock is released
    if (rest.count() > 0) {
        wait(found, rest, &MountKeeper::close);
        lock.unlock();
        return;
    }
    const MountKey key = found->first;
    const uint64_t turn = ++found->second.turn;
    lock.unlock();
    close(key, turn);
}

void MountKeeper::close(const MountKey &key, uint64_t turn) {
    std::shared_ptr<Mount> mount;
    std::shared_ptr<void> path;
    Timer timer;
    {
        std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found == entries_.end() || found->second.turn != turn || found->second.is_closing)
            return;
        found->second.is_closing = true;
        mount = found->second.mount;
        path = std::move(found->second.path);
        timer = std::move(found->second.timer);
    }
    mount->give_up();
    path.reset(); // may close the listener
    std::lock_guard lock(mutex_);
    entries_.erase(key);
    closed_.notify_all();
}

void MountKeeper::forget(std::string_view protocol, const Address &address) {
    std::vector<Entry> gone; // destroyed after the lock is released
    std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const bool is_there = entry->first.protocol == protocol &&
                              entry->first.address == address && !entry->second.is_closing;
        if (is_there) gone.push_back(std::move(entry->second));
        entry = is_there ? entries_.erase(entry) : std::next(entry);
    }
}

} // namespace penstock::net
