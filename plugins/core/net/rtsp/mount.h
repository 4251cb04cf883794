// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on an RTSP listener: its publisher and receiver, the feed of what is played, and its
// players.
#pragma once

#include "core/bytes/writer.h"
#include "core/fanout/flv_feed.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/publish_slot.h"
#include "core/net/stream/waiters.h"
#include "core/rtsp/play/description.h"
#include "core/rtsp/play/maker.h"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

class RtspMulticast;

class RtspMount final : public LiveMount {
public:
    RtspMount(MountKey key, std::shared_ptr<Loops> loops);

    PublishSlot slot; ///< who publishes, and who takes it
    /// Hands a tag to the receiver; false: it is full, and the tag was the last that it takes.
    bool deliver(const Publisher &publisher, flv::Tag &&tag);

    // --- the feed's; one producer at a time, which MountKeeper ensures ----------------------
    void attach_feed(const PlayFeedOptions &options);
    void detach_feed();
    void push(const flv::Tag &tag);
    void discontinuity();

    // --- the players'; any thread -----------------------------------------------------------
    bool has_feed() const { return has_feed_; }
    /// What is known of the stream's tracks; `ready` is set once all that are there are known.
    std::vector<rtsp::PlayTrack> tracks(bool *ready) const;
    /// Changes with what tracks() tells.
    unsigned version() const { return version_; }
    /// Calls `then` when the tracks are known, or the feed ends: at once if they are. Not if `who`
    /// has gone by then.
    void when_ready(std::weak_ptr<void> who, std::function<void()> then);
    /// Appends a sender report of a track, with its CNAME (RFC 3550, 6.4.1). False if it has sent
    /// nothing.
    bool write_report(size_t track, Writer &out) const;
    /// Where it is sent by multicast; without an address, nowhere.
    void set_multicast(const rtsp::MulticastPlace &place);
    rtsp::MulticastPlace multicast_place() const;
    /// Sends to that place as long as somebody holds the result; nullptr if that is impossible.
    /// `local`: the address of the interface, if it is not being sent already.
    std::shared_ptr<RtspMulticast> send_multicast(const boost::asio::ip::address &local);
    /// Packets of RTP that the stream has in a second, lately.
    unsigned packet_rate() const { return packet_rate_; }

    std::atomic<uint64_t> bytes_in{0};

    bool in_use() const override;
    MountInfo info() const override;

private:
    /// What sender reports tell of a track.
    struct Sent {
        bool is_video = false;
        uint32_t ssrc = 0, clock = 0;
        uint32_t time = 0, timestamp = 0; ///< of the last frame: ms, and ticks
        uint32_t packets = 0, bytes = 0;
    };
    void publish_tracks(uint64_t now);
    void note_sent(const rtsp::PlayPacket &packet);
    void measure_rate(const rtsp::PlayPacket &packet, uint64_t now);

    const std::string cname_;
    std::atomic<bool> has_feed_{false}, had_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970: when the stream was ready; 0: it is not
    std::atomic<unsigned> packet_rate_{0}, version_{0};
    // The producer's thread alone:
    rtsp::PlayMaker maker_;
    fanout::FlvFeed feed_;
    uint64_t began_ns_ = 0; ///< when the first media of this feed came; 0: none did
    uint64_t rate_since_ns_ = 0;
    unsigned rate_packets_ = 0;
    std::string complaint_; ///< the last that was logged

    mutable std::mutex mutex_; ///< guards what follows
    std::vector<rtsp::PlayTrack> tracks_;
    bool is_ready_ = false;
    Waiters waiting_;
    rtsp::MulticastPlace multicast_place_;
    std::weak_ptr<RtspMulticast> multicast_; ///< whose holders end it
    std::array<Sent, rtsp::max_tracks> sent_;
    /// A moment of the stream's timeline, and of the wall clock.
    std::optional<uint32_t> anchor_ms_;
    int64_t anchor_unix_ms_ = 0;
};

} // namespace penstock::net
