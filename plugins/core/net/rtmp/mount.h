// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on an RTMP listener: its publisher and receiver, the feed of what is played, and the
// players, who may outlive all of these.
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/publish_slot.h"

#include <atomic>
#include <memory>

namespace penstock::net {

class RtmpMount final : public LiveMount {
public:
    RtmpMount(MountKey key, std::shared_ptr<Loops> loops);

    PublishSlot slot; ///< who publishes, and who takes it
    /// Hands a tag to the receiver; false: pause reading.
    bool deliver(const Publisher &publisher, flv::Tag &&tag);

    /// Only one producer at a time, which MountKeeper ensures.
    void attach_feed(const PlayFeedOptions &options);
    void detach_feed();
    bool has_feed() const { return has_feed_; }
    /// The producer's thread only.
    fanout::FlvFeed &feed() { return feed_; }
    /// See fanout::FlvFeed::codec(); any thread.
    uint32_t codec(flv::TagType type) const { return feed_.codec(type); }
    std::atomic<uint64_t> bytes_in{0};

    bool in_use() const override;
    MountInfo info() const override;

private:
    std::atomic<bool> has_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the producer came; 0: there is none
    fanout::FlvFeed feed_;
};

} // namespace penstock::net
