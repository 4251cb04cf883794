// SPDX-License-Identifier: LGPL-2.1-or-later
// A path of WHIP or WHEP: its publisher and receiver, the feed of what is played, and its viewers.
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/publish_slot.h"
#include "core/rtc/frame_maker.h"
#include "core/rtc/live_edge.h"
#include "core/rtc/play_policy.h"
#include "core/rtc/rate_meter.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::net {

class RtcMount final : public LiveMount {
public:
    RtcMount(MountKey key, std::shared_ptr<Loops> loops);

    PublishSlot slot; ///< who publishes, and who takes it
    /// Hands a tag to the receiver; false: it is full, and the tag was the last that it takes.
    bool deliver(const Publisher &publisher, flv::Tag &&tag);

    // --- the feed's; one producer at a time, which MountKeeper ensures ----------------------
    void attach_feed(const PlayFeedOptions &options);
    void detach_feed();
    void push(const flv::Tag &tag);
    void discontinuity();

    // --- the viewers'; any thread -----------------------------------------------------------
    bool has_feed() const { return has_feed_; }
    /// What is known of the stream; `ready` is set once its tracks are.
    rtc::StreamFacts facts(bool *ready) const;
    const rtc::StreamIds &ids() const { return ids_; }
    /// Calls `then` when the tracks are known, or the feed ends: at once if they are. Not if `who`
    /// has gone by then.
    void when_ready(std::weak_ptr<void> who, std::function<void()> then);
    /// The frame that has this number among those of the video track that are kept for
    /// retransmissions; nullptr if it is too old.
    fanout::PacketPtr sent_video(uint8_t rung, uint64_t number) const;
    /// Asks the encoder for a keyframe, at most once a second.
    void want_keyframe();
    /// Whether what comes is of the present: an encoder begins with the cached GOP of its source,
    /// of which all that comes after a viewer has joined would lie in the viewer's buffer.
    bool is_at_edge() const { return edge_.is_reached(steady_ns()); }
    /// Packets of RTP that the stream has in a second, lately.
    unsigned packet_rate() const { return packet_rate_; }
    /// Bitrates of the tracks, lately.
    rtc::StreamRates rates() const;

    std::atomic<uint64_t> bytes_in{0};

    bool in_use() const override;
    MountInfo info() const override;

private:
    struct Waiting {
        std::weak_ptr<void> who;
        std::function<void()> then;
    };
    static void call(const std::vector<Waiting> &waiting);
    void publish_facts(uint64_t now);
    void measure_rates(const rtc::RtpFrame &frame, uint64_t now);

    const rtc::StreamIds ids_;
    std::atomic<bool> has_feed_{false}, had_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the stream was ready; 0: it is not
    std::atomic<unsigned> packet_rate_{0};
    std::atomic<uint64_t> keyframe_wanted_ns_{0};
    // The producer's thread alone:
    rtc::FrameMaker maker_;
    fanout::FlvFeed feed_;
    uint64_t began_ns_ = 0; ///< when the first media of this feed came; 0: none did
    rtc::RateMeter meter_;
    std::string complaint_; ///< the last that was logged
    rtc::LiveEdge edge_;

    mutable std::mutex mutex_; ///< guards what follows
    rtc::StreamFacts facts_;
    rtc::StreamRates rates_;
    bool is_ready_ = false;
    std::vector<Waiting> waiting_;
    std::function<void()> on_keyframe_wanted_;
    /// The frames of a video track that are kept for retransmissions.
    struct Sent {
        std::deque<fanout::PacketPtr> frames;
        size_t packets = 0;
    };
    std::array<Sent, rtc::max_rungs> sent_;
};

} // namespace penstock::net
