// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams of FLV tags between elements and a server whose listener takes publishers and serves
// players: the same for every protocol of that kind. No GStreamer, and no Boost in this header.
#pragma once

#include "core/fanout/policy.h"
#include "core/flv/tag.h"
#include "core/gop/history.h"
#include "core/net/stream/ending.h"
#include "core/net/stream/publish_slot.h"
#include "core/net/stream/viewer_totals.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace penstock::net {

/// The receiver of a publisher's stream: the work of a server source.
class TagReceiver : public PublishReceiver {
public:
    /// Returns false if the receiver's queue is full: reading from the peer then pauses until
    /// PublishClaim::resume().
    virtual bool on_tag(flv::Tag &&tag) = 0;
};

/// Detaches when destroyed; waits until no call to the receiver is running.
class PublishClaim {
public:
    virtual ~PublishClaim() = default;
    /// There is room again after on_tag() returned false.
    virtual void resume() = 0;
    /// Asks the publisher for a keyframe. False if there is none, or its protocol has no way to.
    /// Any thread.
    virtual bool want_keyframe() = 0;
    /// Bytes received from publishers so far.
    virtual uint64_t bytes_in() const = 0;
};

struct PlayFeedOptions {
    gop::Limits history;
    fanout::Policy policy;
    Ending ending; ///< what becomes of the players when the feed is destroyed
    /// Asked about the players, those that wait already included; may be nullptr.
    std::shared_ptr<PeerWatch> watch;
    /// Called when a viewer needs a keyframe and the stream has none near, at most once a second;
    /// on a network loop, so it must return at once. Empty: nobody is asked.
    std::function<void()> on_keyframe_wanted{};
};

/// The producer's side of a stream (for a server sink). When it is destroyed, players stay on the
/// mount for the grace period.
class PlayFeed {
public:
    virtual ~PlayFeed() = default;
    /// Never blocks. Tags in order; configuration and metadata included.
    virtual void push(const flv::Tag &tag) = 0;
    /// The timestamps that follow have nothing to do with those before.
    virtual void discontinuity() = 0;
    /// Any thread.
    virtual ViewerTotals stats() const = 0;
};

} // namespace penstock::net
