// SPDX-License-Identifier: LGPL-2.1-or-later
// A room on one loop: packets, texts and news come from other loops through a bounded box, and go
// to the participants that this loop serves.
#pragma once

#include "core/net/loop/loops.h"
#include "core/net/rtc/room_track.h"
#include "core/rtc/room/forwarder.h"
#include "core/rtc/room/room.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace penstock::net {

/// What may be forwarded, as all receivers see it. Immutable.
struct RoomScene {
    rtc::room::Scene tracks;
    std::unordered_map<uint64_t, RoomTrackPtr> handles; ///< by number
};

/// A participant as the side of its loop sees it. Called on that loop.
class RoomMember {
public:
    virtual ~RoomMember() = default;
    virtual uint32_t number() const = 0;
    virtual void on_packet(uint64_t track, const rtc::room::MediaPacketPtr &packet,
                           int64_t now) = 0;
    /// Packets of this track were dropped on their way.
    virtual void on_lost(uint64_t track) = 0;
    virtual void on_scene(const std::shared_ptr<const RoomScene> &scene) = 0;
    virtual void on_text(const std::string &text) = 0;
    /// The room wants it gone.
    virtual void on_removed(const std::string &reason) = 0;
    /// After RoomSide::flush_later(): the loop's turn is over.
    virtual void flush() = 0;
};

/// A slow loop loses packets, never memory: video first, from then up to a keyframe.
class RoomSide : public std::enable_shared_from_this<RoomSide> {
public:
    /// Packets that wait for the loop: of video, and in all; texts.
    static constexpr size_t most_video = 2'048, most_packets = 4'096, most_texts = 2'000;
    /// Packets of one turn; other work of the loop has its turn in between.
    static constexpr size_t turn = 256;
    /// Packets of a layer that are kept for repetition; a power of two.
    static constexpr size_t history = 512;

    RoomSide(std::shared_ptr<Loops> loops, size_t loop, std::function<void(uint32_t)> welcome)
        : loops_(std::move(loops)), loop_(loop), welcome_(std::move(welcome)) {}

    size_t loop() const { return loop_; }

    // --- any thread -----------------------------------------------------------------------
    void put(const RoomTrackPtr &track, rtc::room::MediaPacketPtr packet);
    void put(const rtc::room::Room::Text &text);
    void put(std::shared_ptr<const RoomScene> scene);
    void put_removal(uint32_t participant, std::string reason);
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

    // --- on its loop ----------------------------------------------------------------------
    void add(const std::shared_ptr<RoomMember> &member);
    void remove(RoomMember &member);
    /// The member has a slot that wants this layer, or no more.
    void set_interest(RoomMember &member, const RoomTrackPtr &track, uint8_t layer, bool is_wanted);
    rtc::room::MediaPacketPtr find(const rtc::room::Target &target, uint32_t epoch,
                                   int64_t number) const;
    /// Calls the member's flush() behind what the loop is doing now.
    void flush_later(std::shared_ptr<RoomMember> member);
    /// A packet of a participant on this loop.
    void deliver(const RoomTrack &track, const rtc::room::MediaPacketPtr &packet, int64_t now);
    const std::shared_ptr<const RoomScene> &scene() const { return scene_; }

private:
    struct Incoming {
        RoomTrackPtr track;
        rtc::room::MediaPacketPtr packet; ///< nullptr: packets of it are missing here
    };
    struct Box {
        std::vector<Incoming> packets;
        /// Tracks of `packets` with nothing behind the place where packets of them are missing.
        std::unordered_set<uint64_t> lost;
        std::vector<rtc::room::Room::Text> texts;
        std::vector<std::pair<uint32_t, std::string>> removals;
        std::shared_ptr<const RoomScene> scene;
        bool has_lost_texts = false;
    };
    struct Feed {
        RoomTrackPtr track;
        struct Listener {
            RoomMember *member = nullptr;
            unsigned layers = 0; ///< that it wants
        };
        std::vector<Listener> listeners;
        std::array<std::vector<rtc::room::MediaPacketPtr>, rtc::room::most_layers> sent;
    };
    void schedule();
    void drain();
    void take_news(Box &box);
    void flush();

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    const std::function<void(uint32_t)> welcome_; ///< somebody has lost texts
    std::atomic<uint64_t> dropped_{0};

    std::mutex mutex_; ///< guards what follows
    Box box_;
    bool is_scheduled_ = false;
    size_t waiting_ = 0; ///< packets, those that are in hand included

    // Its loop's alone:
    std::vector<Incoming> in_hand_;
    size_t at_ = 0; ///< in that
    std::map<uint32_t, std::shared_ptr<RoomMember>> members_;
    std::unordered_map<uint64_t, Feed> feeds_; ///< by track
    std::vector<std::shared_ptr<RoomMember>> to_flush_;
    std::shared_ptr<const RoomScene> scene_;
};

} // namespace penstock::net
