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

    PublishSlot slot; ///< who publishes, and who takes it
    /// Hands packets to the receiver; false: pause reading.
    bool deliver(const Publisher &publisher, Bytes &&packets);

    /// Only one producer at a time, which MountKeeper ensures.
    void attach_feed(const PlayFeedOptions &options);
    void detach_feed();
    bool has_feed() const { return has_feed_; }
    /// The producer's thread only.
    fanout::TsFeed &feed() { return feed_; }

    /// Those of publishers, or of viewers; nullopt while nobody claims, or feeds, the path.
    std::optional<SrtTraits> traits(bool publish) const;
    void set_traits(bool publish, std::optional<SrtTraits> traits);

    std::atomic<uint64_t> bytes_in{0};
    SrtNetworks publishers, watching; ///< the networks of its peers

    bool in_use() const override;
    MountInfo info() const override;

private:
    std::atomic<bool> has_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the producer came; 0: there is none
    fanout::TsFeed feed_;
    mutable std::mutex traits_mutex_;    ///< guards traits_
    std::optional<SrtTraits> traits_[2]; ///< of viewers, of publishers
};

} // namespace penstock::net
