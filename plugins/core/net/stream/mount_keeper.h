// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps mounts while nobody feeds them, and ends their viewers if nobody comes: the rule of Ending,
// once for every protocol.
#pragma once

#include "core/net/stream/ending.h"
#include "core/net/stream/mount.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace penstock::net {

/// Thread-safe. A mount is here from its first producer until it is given up. Its stages: fed;
/// waiting for a producer (`grace`); ended, while it still answers (`linger`, HLS only).
///
/// Lock order: mutex_ is held while `make`, Mount::end_viewers() and Mount::has_audience() are
/// called. Nothing is destroyed with it held: the last holder of a path may close its listener.
class MountKeeper {
public:
    /// Cancels on destruction, as far as the call has not begun.
    using Timer = std::shared_ptr<void>;
    /// Calls `then` once after `delay`, on another thread's turn, never before it has returned.
    using StartTimer =
        std::function<Timer(std::chrono::nanoseconds delay, std::function<void()> then)>;

    explicit MountKeeper(StartTimer start_timer) : start_timer_(std::move(start_timer)) {}
    /// The process's only instance, with timers on the network loops. Never destroyed.
    static MountKeeper &instance();

    struct Made {
        std::shared_ptr<Mount> mount; ///< nullptr: it could not be made
        std::shared_ptr<void> path;   ///< what serves it at its path; released when it is given up
    };
    /// A producer comes. Returns the mount that is kept for it, or else what `make` returns;
    /// nullptr and `busy` if the mount has a producer. Must not be called on a network loop.
    std::shared_ptr<Mount> attach(const MountKey &key, const std::function<Made()> &make,
                                  bool *busy);
    /// Its producer has gone. A mount that nobody watches is given up at once.
    void detach(const std::shared_ptr<Mount> &mount, const Ending &ending);
    /// Whether the mount has a producer, although media may not have come yet.
    bool is_fed(const MountKey &key) const;
    /// Its stream has ended for good: viewers are told now. A mount that is not kept here (it never
    /// had a producer) is ended as well.
    void end(const std::shared_ptr<Mount> &mount, const std::string &reason);
    /// The listener at this address has closed with all its viewers.
    void forget(std::string_view protocol, const Address &address);

private:
    struct Entry {
        std::shared_ptr<Mount> mount;
        std::shared_ptr<void> path;
        Timer timer; ///< set while it has no producer
        Ending ending;
        uint64_t turn = 0; ///< changes with each stage: the timer of an earlier one is ignored
        bool is_fed = true, is_closing = false;
    };
    using Entries = std::map<MountKey, Entry>;
    void wait(Entries::iterator entry, std::chrono::nanoseconds delay,
              void (MountKeeper::*then)(const MountKey &key, uint64_t turn));
    void tell(const MountKey &key, uint64_t turn);
    /// Releases the lock.
    void tell_now(Entries::iterator entry, const std::string &reason,
                  std::unique_lock<std::mutex> &lock);
    void close(const MountKey &key, uint64_t turn);

    const StartTimer start_timer_;
    mutable std::mutex mutex_; ///< guards entries_
    std::condition_variable closed_;
    Entries entries_;
};

} // namespace penstock::net
