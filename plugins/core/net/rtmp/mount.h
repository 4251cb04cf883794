// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on an RTMP listener: its publisher, what takes the publisher's stream, the feed of what
// is played, and the players, who may outlive all of these.
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/audience.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {

class RtmpConnection;

class RtmpMount {
public:
    RtmpMount(std::string path, std::shared_ptr<Loops> loops);

    const std::string &path() const { return path_; }

    // --- publishing; lock: mutex_ ---------------------------------------------------------
    enum class Publish { accepted, ask, wait_for_claim, busy };
    /// A publisher comes, about whom `asked` has been asked. `ask`: the receiver's watch is another
    /// one, which has to be asked before announce().
    Publish publish(const std::shared_ptr<RtmpConnection> &publisher, const PeerWatch *asked);
    /// Tells the receiver of the publisher that waits. False if one of them has gone.
    bool announce(const RtmpConnection *publisher);
    /// The publisher went (or was never accepted). Tells the receiver.
    void unpublish(const RtmpConnection *publisher, const std::string &reason);
    /// Hands a tag to the receiver; false: pause reading.
    bool deliver(flv::Tag &&tag);

    /// False if another receiver has it. A publisher that waits without the key is closed.
    bool claim(PublishReceiver &receiver, const std::string &key, std::shared_ptr<PeerWatch> watch);
    void release_claim();
    bool claimed() const;
    void refuse(const std::string &reason);
    /// The key that the receiver asks for; empty if none.
    std::string key() const;
    std::shared_ptr<PeerWatch> publish_watch() const;
    void resume_publisher();
    std::shared_ptr<RtmpConnection> publisher() const;

    // --- playing --------------------------------------------------------------------------
    bool attach_feed(gop::Limits limits, const fanout::Policy &policy,
                     std::shared_ptr<PeerWatch> watch);
    void detach_feed();
    bool has_feed() const { return has_feed_; }
    /// Each feed with a watch has a gate of its own that players pass once; 0: there is none.
    uint64_t gate() const { return gate_; }
    std::pair<uint64_t, std::shared_ptr<PeerWatch>> gate_and_watch() const;
    /// The producer's thread only.
    fanout::FlvFeed &feed() { return feed_; }
    Audience &audience() { return *audience_; }
    std::atomic<uint64_t> bytes_in{0};

    bool unused() const;
    MountInfo info() const;

private:
    const std::string path_;
    mutable std::mutex mutex_;
    /// Held while the receiver is called, so that release_claim() can wait for the call's end.
    /// Order: call_mutex_ before mutex_.
    mutable std::mutex call_mutex_;
    std::shared_ptr<RtmpConnection> publisher_;
    PublishReceiver *receiver_ = nullptr;
    std::string key_;
    std::shared_ptr<PeerWatch> publish_watch_, play_watch_;
    std::atomic<uint64_t> gate_{0};
    bool announced_ = false; ///< the receiver knows of the publisher
    std::atomic<bool> has_feed_{false};
    const std::shared_ptr<Audience> audience_;
    fanout::FlvFeed feed_;
};

} // namespace penstock::net
