// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits the connections that have asked for nothing yet. When all places are taken, a newcomer
// gets that of the host that has most, so that a few hosts can't lock out all others.
#pragma once

#include "core/net/stream/waiting_room.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace penstock::net {

inline constexpr const char *too_many_silent = "too many connections have asked for nothing yet";

/// Thread-safe.
class SilentRoom : public std::enable_shared_from_this<SilentRoom> {
public:
    /// A connection's place; released on destruction.
    class Seat {
    public:
        Seat(std::shared_ptr<SilentRoom> room, std::string host, uint64_t number)
            : room_(std::move(room)), host_(std::move(host)), number_(number) {}
        ~Seat() { room_->leave(host_, number_); }
        Seat(const Seat &) = delete;
        Seat &operator=(const Seat &) = delete;

    private:
        const std::shared_ptr<SilentRoom> room_;
        const std::string host_;
        const uint64_t number_;
    };

    SilentRoom(size_t seats, size_t seats_per_host)
        : seats_(seats), seats_per_host_(seats_per_host) {}

    /// Takes a place. nullptr if the host has `seats_per_host` already. `endpoint` is the peer's
    /// address and port, "127.0.0.1:53412". `give_way` is called when the place is given to a
    /// newcomer, once at most, on the newcomer's thread and without a lock.
    std::unique_ptr<Seat> enter(std::string_view endpoint, std::function<void()> give_way) {
        std::string host = host_of(endpoint);
        std::function<void()> displaced;
        std::unique_ptr<Seat> seat;
        {
            std::lock_guard lock(mutex_);
            const auto own = by_host_.find(host);
            if (own != by_host_.end() && own->second.size() >= seats_per_host_) return nullptr;
            if (taken_ >= seats_) displaced = displace();
            const uint64_t number = next_++;
            by_host_[host].emplace(number, std::move(give_way));
            ++taken_;
            seat = std::make_unique<Seat>(shared_from_this(), std::move(host), number);
        }
        if (displaced) displaced();
        return seat;
    }

private:
    /// A host's places by their number, which is their age: the oldest comes first.
    using Places = std::map<uint64_t, std::function<void()>>;

    /// Frees the oldest place of the host that has most; of hosts with as many, the oldest of all.
    /// Returns its `give_way`.
    std::function<void()> displace() {
        const auto most =
            std::max_element(by_host_.begin(), by_host_.end(), [](const auto &a, const auto &b) {
                if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
                return a.second.begin()->first > b.second.begin()->first;
            });
        if (most == by_host_.end()) return {};
        auto give_way = std::move(most->second.begin()->second);
        remove(most, most->second.begin());
        return give_way;
    }
    void leave(const std::string &host, uint64_t number) {
        std::lock_guard lock(mutex_);
        const auto found = by_host_.find(host);
        if (found == by_host_.end()) return;
        const auto place = found->second.find(number);
        if (place != found->second.end()) remove(found, place);
    }
    void remove(std::unordered_map<std::string, Places>::iterator host, Places::iterator place) {
        host->second.erase(place);
        if (host->second.empty()) by_host_.erase(host);
        --taken_;
    }

    const size_t seats_, seats_per_host_;
    std::mutex mutex_; ///< guards all fields below
    std::unordered_map<std::string, Places> by_host_;
    size_t taken_ = 0;
    uint64_t next_ = 0;
};

} // namespace penstock::net
