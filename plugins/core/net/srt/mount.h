// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on an SRT listener: its publisher and receiver, the feed of what is played, and the
// viewers, who may outlive all of these.
#pragma once

#include "core/fanout/ts_feed.h"
#include "core/net/srt/server.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/publish_slot.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

namespace penstock::net {

class SrtMount final : public LiveMount {
public:
    SrtMount(MountKey key, std::shared_ptr<Loops> loops);

    PublishSlot slot; ///< who publishes, and who takes it: by claim() and release()
    /// The slot's, with the traits that publishers have to have. False if another receiver has the
    /// path.
    bool claim(TsReceiver &receiver, const ClaimOptions &options, const SrtTraits &traits);
    void release();
    /// Hands packets to the receiver; false: pause reading.
    bool deliver(const Publisher &publisher, Bytes &&packets);

    /// Only one producer at a time, which MountKeeper ensures. `traits`: those that viewers have to
    /// have.
    void attach_feed(const PlayFeedOptions &options, const SrtTraits &traits);
    void detach_feed();
    bool has_feed() const { return has_feed_; }
    /// The producer's thread only.
    fanout::TsFeed &feed() { return feed_; }

    /// Those of publishers while the path is claimed, or of viewers since it was fed first; else
    /// nullopt.
    std::optional<SrtTraits> traits(bool publish) const;
    /// Changes before a producer's media come.
    unsigned feeds() const { return feeds_.load(std::memory_order_acquire); }

    std::atomic<uint64_t> bytes_in{0};
    SrtNetworks publishers, watching; ///< the networks of its peers

    bool in_use() const override;
    MountInfo info() const override;

private:
    std::atomic<bool> has_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the producer came; 0: there is none
    fanout::TsFeed feed_;
    void set_traits(bool publish, std::optional<SrtTraits> traits);

    std::mutex claim_mutex_;             ///< held while the receiver and its traits change together
    std::atomic<unsigned> feeds_{0};     ///< producers so far
    mutable std::mutex traits_mutex_;    ///< guards traits_
    std::optional<SrtTraits> traits_[2]; ///< of viewers, of publishers
};

} // namespace penstock::net
