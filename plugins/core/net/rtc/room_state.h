// SPDX-License-Identifier: LGPL-2.1-or-later
// A room that is open: its roster, its sides on all loops, and those who tap it.
#pragma once

#include "core/net/rtc/room.h"
#include "core/net/rtc/room_side.h"
#include "core/rtc/room/room.h"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::net {

/// A tap that is not called any more once it is closed. Thread-safe.
class RoomTap {
public:
    explicit RoomTap(RoomReceiver &receiver)
        : takes_media_(receiver.takes_media()), receiver_(&receiver) {}
    bool takes_media() const { return takes_media_; }
    template <class Call>
    void call(Call &&call) {
        std::lock_guard lock(mutex_);
        if (receiver_) call(*receiver_);
    }
    void close() {
        std::lock_guard lock(mutex_);
        receiver_ = nullptr;
    }

private:
    const bool takes_media_;
    std::mutex mutex_; ///< guards receiver_
    RoomReceiver *receiver_;
};
using RoomTaps = std::vector<std::shared_ptr<RoomTap>>;

/// Thread-safe. Lock order: mutex_, then those of sides. No tap is called with it held.
class RtcRoom : public std::enable_shared_from_this<RtcRoom> {
public:
    static constexpr uint64_t tick_ns = 100'000'000;

    RtcRoom(std::string path, const RoomOptions &options, std::shared_ptr<Loops> loops);
    ~RtcRoom();

    const std::string &path() const { return path_; } ///< "room/standup/join"
    const RoomOptions &options() const { return options_; }
    RoomSide &side(size_t loop) { return *sides_[loop]; }
    bool is_full() const;
    bool is_occupied() const;
    /// Whether somebody is there whose media the server can read.
    bool is_readable() const;

    // --- participants ---------------------------------------------------------------------
    struct Joined {
        uint32_t number = 0; ///< 0: the room is full, or closed
        std::array<RoomTrackPtr, rtc::room::source_kinds> tracks; ///< nullptr: not sent
    };
    struct Joining {
        size_t loop = 0;
        std::string name;
        bool is_host = false;
        bool is_sealed = false; ///< its media are encrypted end to end, and of no use to taps
        std::array<size_t, rtc::room::source_kinds> layers{}; ///< 0: the kind is not sent
    };
    Joined join(const Joining &who);
    void leave(uint32_t participant);
    /// `most_text`: bytes of a text that it takes; 0: as before.
    void welcome(uint32_t participant, size_t most_text = 0);
    std::optional<rtc::room::message::View> take_text(uint32_t participant, std::string_view text);
    void set_flowing(uint32_t participant, rtc::room::SourceKind kind, bool flows);
    /// What of these participants' texts names somebody.
    std::vector<uint32_t> numbers_of(const std::vector<std::string> &ids) const;
    /// Its name, and whether it is muted, as taps are told.
    void describe(uint32_t participant, RoomStream &out) const;
    /// From every participant's tick; acts every tick_ns.
    void tick(uint64_t now);
    /// To all loops on which somebody wants it.
    void publish(const RoomTrackPtr &track, size_t from, const rtc::room::MediaPacketPtr &packet,
                 int64_t now);

    // --- taps -----------------------------------------------------------------------------
    /// False: the room has closed.
    bool add_tap(const std::shared_ptr<RoomTap> &tap);
    /// The last one closes the room.
    void remove_tap(const std::shared_ptr<RoomTap> &tap);
    /// Those that take media; they have changed when the turn has.
    RoomTaps media_taps() const;
    bool is_tapped() const; ///< there are such
    unsigned tap_turn() const { return tap_turn_.load(std::memory_order_acquire); }
    /// A stream for taps; its number, which no other gets.
    uint64_t open_stream();
    void close_stream(uint64_t stream);
    /// Somebody who taps this stream needs a keyframe; taken by its participant. Of a stream that
    /// is not open, nothing happens.
    void want_keyframe(uint64_t stream);
    bool take_keyframe_request(uint64_t stream);

    bool is_closed() const { return is_closed_; }
    RoomStats stats() const;
    struct Counters {
        std::atomic<uint64_t> bytes_in{0}, packets_in{0}, bytes_out{0}, packets_out{0};
        std::atomic<uint64_t> repeated{0}, dropped{0}, messages{0};
    };
    Counters counters;

private:
    void act();
    void tell_scene(uint64_t now);
    void tell_occupied();
    void taps_changed();
    void close(const std::string &reason);

    const std::string path_;
    const RoomOptions options_;
    const std::shared_ptr<Loops> loops_;
    std::vector<std::shared_ptr<RoomSide>> sides_;
    std::atomic<uint64_t> next_tick_{0};
    std::atomic<bool> is_closed_{false};
    std::atomic<unsigned> tap_turn_{0};
    std::atomic<unsigned> requests_{0}; ///< for keyframes

    mutable std::mutex mutex_; ///< guards what follows
    rtc::room::Room room_;
    std::map<uint32_t, size_t> loops_of_; ///< by participant
    std::set<uint32_t> sealed_;           ///< participants who encrypt end to end
    std::map<uint64_t, RoomTrackPtr> tracks_;
    bool is_scene_due_ = false;
    uint64_t scene_told_ = 0; ///< ns
    uint64_t joined_ = 0;
    RoomTaps taps_;
    uint64_t last_stream_ = 0;
    std::map<uint64_t, bool> streams_; ///< for taps; whether a keyframe is wanted
};

} // namespace penstock::net
