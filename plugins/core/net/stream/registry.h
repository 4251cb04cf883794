// SPDX-License-Identifier: LGPL-2.1-or-later
// The servers of a protocol in this process, by address: one server per address.
#pragma once

#include "core/net/loop/address.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {

/// Does not keep servers open: a server closes when its last owner releases it. Thread-safe.
///
/// Server needs
///   Server(const Options &...)
///   bool start(const Address &, std::string *error)   opens the listener; false and why not
///   Address address() const                           the bound address
///   bool suits(const Options &..., std::string *error) const
///                                  true if it was opened with the same options; otherwise why not
///
/// Lock order: no other lock is taken, and no method of Server is called, with mutex_ held.
template <class Server>
class Registry {
public:
    /// Returns the open server at `address`, or a new one. On failure, or if it is open with other
    /// options, returns nullptr and sets `error`. Waits while a server at this address opens or
    /// closes: must not be called on a network loop. Port 0 always opens another server.
    template <class... Options>
    std::shared_ptr<Server> open(const Address &address, std::string *error,
                                 const Options &...options) {
        if (address.port != 0)
            if (auto server = find_or_reserve(address))
                return server->suits(options..., error) ? server : nullptr;
        Reservation reservation{*this, address};
        auto started = std::make_unique<Server>(options...);
        if (!started->start(address, error)) return nullptr;
        const Address bound = started->address();
        std::shared_ptr<Server> server(started.release(), [this, bound](Server *closing) {
            delete closing;
            std::lock_guard lock(mutex_);
            if (const auto found = servers_.find(bound);
                found != servers_.end() && !found->second.opening && found->second.server.expired())
                servers_.erase(found);
            changed_.notify_all();
        });
        std::lock_guard lock(mutex_);
        servers_[bound] = {server};
        return server;
    }
    /// nullptr if none is open at this address, or it is closing.
    std::shared_ptr<Server> find(const Address &address) {
        std::lock_guard lock(mutex_);
        const auto found = servers_.find(address);
        return found == servers_.end() ? nullptr : found->second.server.lock();
    }
    /// All open servers.
    template <class Base>
    std::vector<std::shared_ptr<Base>> all() {
        std::lock_guard lock(mutex_);
        std::vector<std::shared_ptr<Base>> open;
        for (const auto &[address, entry] : servers_)
            if (auto server = entry.server.lock()) open.push_back(std::move(server));
        return open;
    }

private:
    struct Entry {
        std::weak_ptr<Server> server; ///< expired while it opens or closes
        bool opening = false;
    };

    /// The open server; nullptr once the address is reserved for the caller.
    std::shared_ptr<Server> find_or_reserve(const Address &address) {
        std::unique_lock lock(mutex_);
        for (;; changed_.wait(lock)) {
            const auto found = servers_.find(address);
            if (found == servers_.end()) break;
            if (auto server = found->second.server.lock()) return server;
        }
        servers_[address].opening = true;
        return nullptr;
    }
    /// Cancels the reservation of an address whose server failed to open.
    struct Reservation {
        Registry &registry;
        const Address &address;
        ~Reservation() {
            std::lock_guard lock(registry.mutex_);
            if (const auto found = registry.servers_.find(address);
                found != registry.servers_.end() && found->second.opening)
                registry.servers_.erase(found);
            registry.changed_.notify_all();
        }
    };

    std::mutex mutex_;
    std::condition_variable changed_; ///< an entry was opened or erased
    std::map<Address, Entry> servers_;
};

} // namespace penstock::net
