// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on an RTMP listener: its publisher, what takes the publisher's stream, the feed of what
// is played, and the players, who may outlive all of these.
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/live_mount.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::net {

class RtmpConnection;

class RtmpMount final : public LiveMount {
public:
    RtmpMount(MountKey key, std::shared_ptr<Loops> loops);

    // --- publishing; lock: mutex_ ---------------------------------------------------------
    enum class Publish {
        accepted,       ///< the receiver has been told of it
        ask,            ///< publish_authority() has to allow it before announce()
        wait_for_claim, ///< it keeps the name until a receiver claims the path, or refuse()
        busy,           ///< another publisher has the name
        wrong_key,      ///< the receiver asks for another key
    };
    /// A publisher comes, which was admitted in the receivers' epoch `admitted`.
    Publish publish(const std::shared_ptr<RtmpConnection> &publisher, uint64_t admitted);
    /// Tells the receiver of the publisher that waits. False if one of them has gone.
    bool announce(const RtmpConnection *publisher);
    /// The publisher went (or was never accepted). Tells the receiver.
    void unpublish(const RtmpConnection *publisher, const std::string &reason);
    /// Hands a tag to the receiver; false: pause reading.
    bool deliver(flv::Tag &&tag);

    /// False if another receiver has it. A publisher that waits without the key is closed.
    bool claim(PublishReceiver &receiver, const ClaimOptions &options);
    void release_claim();
    bool claimed() const;
    void refuse(const std::string &reason);
    /// The key that the receiver asks for; empty if none.
    std::string publish_key() const;
    /// How long the receiver lets a publisher send no media; ns, 0: for ever.
    uint64_t silence_timeout() const { return silence_timeout_; }
    /// Who decides about publishers: the receiver's watcher.
    Authority publish_authority() const;
    void resume_publisher();
    std::shared_ptr<RtmpConnection> publisher() const;

    // --- playing --------------------------------------------------------------------------
    bool attach_feed(gop::Limits limits, const fanout::Policy &policy,
                     std::shared_ptr<PeerWatch> watch);
    void detach_feed();
    bool has_feed() const { return has_feed_; }
    /// The producer's thread only.
    fanout::FlvFeed &feed() { return feed_; }
    std::atomic<uint64_t> bytes_in{0};

    bool in_use() const override;
    MountInfo info() const override;

private:
    mutable std::mutex mutex_;
    /// Held while the receiver is called, so that release_claim() can wait for the call's end.
    /// Order: call_mutex_ before mutex_.
    mutable std::mutex call_mutex_;
    std::shared_ptr<RtmpConnection> publisher_;
    PublishReceiver *receiver_ = nullptr;
    std::string publish_key_;
    Authority publish_authority_;
    bool announced_ = false; ///< the receiver knows of the publisher
    std::atomic<uint64_t> silence_timeout_{0};
    std::atomic<bool> has_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the producer came; 0: there is none
    fanout::FlvFeed feed_;
};

} // namespace penstock::net
