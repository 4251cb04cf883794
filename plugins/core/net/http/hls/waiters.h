// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests of HLS players that wait for what the playlist does not have yet.
#pragma once

#include "core/net/http/response.h"
#include "core/net/stream/waiting_room.h"
#include "core/playlist/reload.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::net {

/// Thread-safe.
class HlsWaiters {
public:
    /// What a request waits for: the playlist at all, a moment of it, the part with a number, or
    /// the beginning of the segment with one.
    struct Wish {
        enum class Kind : uint8_t { playlist, moment, part, segment } kind = Kind::playlist;
        playlist::Moment moment;
        uint64_t part = 0; ///< that number
    };
    struct Waiter {
        HttpReply reply;
        size_t loop = 0; ///< of its connection
        std::string token;
        bool delta = false, gzip = false; ///< the form of the playlist that it gets
        uint64_t deadline_ms = 0;         ///< on the steady clock
        Wish wish;
        std::shared_ptr<WaitingRoom::Seat> seat;
        uint64_t id = 0;
    };
    static constexpr size_t max_waiters = 10'000;
    /// A cache in front, or a network behind one address, has many.
    static constexpr size_t max_per_host = 2'000;

    /// `room` may be shared, to count the waiters of several playlists together.
    explicit HlsWaiters(std::shared_ptr<WaitingRoom> room = make_room()) : room_(std::move(room)) {}
    static std::shared_ptr<WaitingRoom> make_room() {
        return std::make_shared<WaitingRoom>(max_waiters, max_per_host);
    }

    /// `peer` is "127.0.0.1:53412". Returns the waiter's id; 0, and leaves `waiter` as it is, if
    /// there are too many in total or from this host.
    uint64_t add(Waiter &waiter, const std::string &peer);
    /// Takes a waiter out: its client has left, or it is answered. nullopt: it was taken already.
    std::optional<Waiter> take(const Wish &wish, uint64_t id);
    /// Takes those out whose wish `has_come`. It is asked once for each different wish, and must
    /// not call back.
    std::vector<Waiter> take(const std::function<bool(const Wish &)> &has_come);
    std::vector<Waiter> take_expired(uint64_t now_ms);
    size_t size() const;

private:
    using Key = std::pair<Wish::Kind, std::pair<uint64_t, uint64_t>>;
    static Key key_of(const Wish &wish);
    using List = std::vector<Waiter>; ///< in the order in which they came

    const std::shared_ptr<WaitingRoom> room_;
    mutable std::mutex mutex_; ///< guards the following
    std::map<Key, List> by_wish_;
    uint64_t last_id_ = 0;
};

} // namespace penstock::net
