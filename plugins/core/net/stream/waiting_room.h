// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits what peers occupy, per host and in total, so that a host can't take all of it:
// connections, sessions, viewers that wait for a stream without a producer.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <arpa/inet.h>

namespace penstock::net {

/// The host of "127.0.0.1:53412" or "[2001:db8::1]:53412". Addresses of one IPv6 /64 are one host,
/// since a subscriber has all of them.
inline std::string host_of(std::string_view endpoint) {
    std::string host(endpoint.substr(0, endpoint.rfind(':')));
    if (!host.starts_with('[') || !host.ends_with(']')) return host;
    in6_addr address;
    const std::string bare = host.substr(1, host.find_first_of("%]") - 1);
    if (::inet_pton(AF_INET6, bare.c_str(), &address) != 1) return host;
    return std::string(reinterpret_cast<const char *>(address.s6_addr), 8);
}

/// Thread-safe.
class WaitingRoom : public std::enable_shared_from_this<WaitingRoom> {
public:
    /// A peer's place; released on destruction.
    class Seat {
    public:
        Seat(std::shared_ptr<WaitingRoom> room, std::string host)
            : room_(std::move(room)), host_(std::move(host)) {}
        ~Seat() { room_->leave(host_); }
        Seat(const Seat &) = delete;
        Seat &operator=(const Seat &) = delete;

    private:
        const std::shared_ptr<WaitingRoom> room_;
        const std::string host_;
    };

    WaitingRoom(size_t seats, size_t seats_per_host)
        : seats_(seats), seats_per_host_(seats_per_host) {}

    /// nullptr if no place is left, in total or for this host. `endpoint` is "127.0.0.1:53412".
    std::unique_ptr<Seat> enter(std::string_view endpoint) {
        std::string host = host_of(endpoint);
        std::lock_guard lock(mutex_);
        if (taken_ >= seats_) return nullptr;
        size_t &of_host = by_host_[host];
        if (of_host >= seats_per_host_) return nullptr;
        ++of_host;
        ++taken_;
        return std::make_unique<Seat>(shared_from_this(), std::move(host));
    }

    /// Whether enter() would have a place now.
    bool has_room(std::string_view endpoint) {
        const std::string host = host_of(endpoint);
        std::lock_guard lock(mutex_);
        const auto found = by_host_.find(host);
        return taken_ < seats_ && (found == by_host_.end() || found->second < seats_per_host_);
    }

private:
    void leave(const std::string &host) {
        std::lock_guard lock(mutex_);
        --taken_;
        const auto found = by_host_.find(host);
        if (--found->second == 0) by_host_.erase(found);
    }

    const size_t seats_, seats_per_host_;
    std::mutex mutex_; ///< guards the following
    std::unordered_map<std::string, size_t> by_host_;
    size_t taken_ = 0;
};

} // namespace penstock::net
