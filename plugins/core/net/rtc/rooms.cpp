// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/rooms.h"

#include "core/net/loop/log.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

/// The names of the options that are not the same, "host-key, last-n"; empty: none.
std::string differences(const RoomOptions &one, const RoomOptions &other) {
    std::string out;
    const auto compare = [&](bool same, const char *name) {
        if (!same) out += std::string(out.empty() ? "" : ", ") + name;
    };
    compare(one.host_key == other.host_key, "host-key");
    compare(one.may_speak == other.may_speak, "default-role");
    compare(one.is_h264 == other.is_h264, "video-codec");
    compare(one.max_participants == other.max_participants, "max-participants");
    compare(one.last_n == other.last_n, "last-n");
    return out;
}

} // namespace

bool is_room_path(std::string_view path) {
    return path.ends_with("/join");
}

std::vector<RtcRooms::Waiting> RtcRooms::take_waiting(const std::string &path) {
    const auto found = waiting_.find(path);
    if (found == waiting_.end()) return {};
    auto out = std::move(found->second);
    waiting_.erase(found);
    return out;
}

std::shared_ptr<RtcRoom> RtcRooms::open(const std::string &path, const RoomOptions &options,
                                        const std::shared_ptr<RoomTap> &tap, std::string *error) {
    std::shared_ptr<RtcRoom> room;
    std::vector<Waiting> waiting;
    std::string others;
    {
        std::lock_guard lock(mutex_);
        std::erase_if(rooms_, [](const auto &one) {
            const auto open = one.second.lock();
            return !open || open->is_closed();
        });
        const auto found = rooms_.find(path);
        if (found != rooms_.end()) room = found->second.lock();
        // It may be closing just now.
        if (room && !room->add_tap(tap)) room.reset();
        if (room) others = differences(room->options(), options);
        if (!room) {
            if (rooms_.size() >= most_rooms && !rooms_.contains(path)) {
                if (error)
                    *error = std::to_string(most_rooms) + " rooms are open, and no more may be";
                return nullptr;
            }
            room = std::make_shared<RtcRoom>(path, options, loops_);
            room->add_tap(tap);
            rooms_[path] = room;
        }
        waiting = take_waiting(path);
    }
    if (!others.empty())
        log(LogLevel::warning, "rtc",
            "[" + path + "] is open with another " + others +
                ", and stays so: give all rtcroom of a room the same");
    for (const Waiting &each : waiting)
        if (const auto who = each.who.lock()) each.then(room, {});
    return room;
}

std::shared_ptr<RtcRoom> RtcRooms::find(const std::string &path) const {
    std::lock_guard lock(mutex_);
    const auto found = rooms_.find(path);
    const auto room = found == rooms_.end() ? nullptr : found->second.lock();
    return room && !room->is_closed() ? room : nullptr;
}

bool RtcRooms::wait(const std::string &path, std::weak_ptr<void> who, Then then) {
    std::unique_lock lock(mutex_);
    const auto found = rooms_.find(path);
    const auto room = found == rooms_.end() ? nullptr : found->second.lock();
    if (room && !room->is_closed()) {
        lock.unlock();
        then(room, {});
        return true;
    }
    // Names are whatever peers ask for: those that nobody waits for any more are forgotten.
    for (auto one = waiting_.begin(); one != waiting_.end();) {
        std::erase_if(one->second, [](const Waiting &each) { return each.who.expired(); });
        one = one->second.empty() ? waiting_.erase(one) : std::next(one);
    }
    auto &waiting = waiting_[path];
    if (waiting.size() >= most_waiting) return false;
    waiting.push_back({std::move(who), std::move(then)});
    return true;
}

bool RtcRooms::is_readable(const std::string &path) const {
    const auto room = find(path);
    return room && room->is_readable();
}

bool RtcRooms::is_wanted(const std::string &path) const {
    if (const auto room = find(path); room && room->is_occupied()) return true;
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(path);
    return found != waiting_.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [](const Waiting &one) { return !one.who.expired(); });
}

void RtcRooms::refuse(const std::string &path, const std::string &reason) {
    std::vector<Waiting> waiting;
    {
        std::lock_guard lock(mutex_);
        waiting = take_waiting(path);
    }
    for (const Waiting &each : waiting)
        if (const auto who = each.who.lock()) each.then(nullptr, reason);
}

} // namespace penstock::net
