// SPDX-License-Identifier: LGPL-2.1-or-later
// The rooms of a WebRTC server, by their paths, and those who wait for one to open.
#pragma once

#include "core/net/rtc/room_state.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Whether a path is the endpoint of a room: "room/standup/join".
bool is_room_path(std::string_view path);

/// Thread-safe.
class RtcRooms {
public:
    static constexpr size_t most_rooms = 1'000;
    static constexpr size_t most_waiting = 200; ///< for one room

    explicit RtcRooms(std::shared_ptr<Loops> loops) : loops_(std::move(loops)) {}

    /// The room, with this tap in it; opened if needed. One that is open keeps its options, and a
    /// warning says which are others. nullptr, and `error` is set: too many are open.
    std::shared_ptr<RtcRoom> open(const std::string &path, const RoomOptions &options,
                                  const std::shared_ptr<RoomTap> &tap, std::string *error);
    /// nullptr: it is not open.
    std::shared_ptr<RtcRoom> find(const std::string &path) const;
    /// Calls `then` when the room is open, or will not be, with the reason; not if `who` has gone
    /// by then. False: too many wait.
    using Then = std::function<void(const std::shared_ptr<RtcRoom> &, const std::string &reason)>;
    bool wait(const std::string &path, std::weak_ptr<void> who, Then then);
    /// Whether it is open, and somebody is there whose media the server can read.
    bool is_readable(const std::string &path) const;
    /// Whether somebody is in it, or waits for it to open.
    bool is_wanted(const std::string &path) const;
    /// It will not open.
    void refuse(const std::string &path, const std::string &reason);

private:
    struct Waiting {
        std::weak_ptr<void> who;
        Then then;
    };
    std::vector<Waiting> take_waiting(const std::string &path);

    const std::shared_ptr<Loops> loops_;
    mutable std::mutex mutex_; ///< guards what follows
    std::map<std::string, std::weak_ptr<RtcRoom>, std::less<>> rooms_;
    std::map<std::string, std::vector<Waiting>, std::less<>> waiting_;
};

} // namespace penstock::net
