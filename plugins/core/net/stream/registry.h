// SPDX-License-Identifier: LGPL-2.1-or-later
// The servers of the process by address: who asks for the same address gets the same server.
#pragma once

#include "core/net/loop/address.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {

/// Server needs `bool start(const Address &, std::string *error)`. Holds no server open.
template <class Server>
class Registry {
public:
    /// Waits for a server of this address that is about to close: not to be called on a loop.
    /// `options` are for a server that is not there yet.
    template <class... Options>
    std::shared_ptr<Server> open(const Address &address, std::string *error,
                                 const Options &...options) {
        std::unique_lock lock(mutex_);
        // Port 0 is a new port each time.
        for (; address.port != 0; closed_.wait(lock)) {
            const auto found = servers_.find(address);
            if (found == servers_.end()) break;
            if (auto server = found->second.lock()) return server;
        }
        auto started = std::make_unique<Server>(options...);
        if (!started->start(address, error)) return nullptr;
        const Address bound = started->address();
        std::shared_ptr<Server> server(started.release(), [this, bound](Server *closing) {
            delete closing;
            std::lock_guard closing_lock(mutex_);
            if (const auto found = servers_.find(bound);
                found != servers_.end() && found->second.expired())
                servers_.erase(found);
            closed_.notify_all();
        });
        servers_[bound] = server;
        return server;
    }
    /// nullptr if there is none, or it is about to close.
    std::shared_ptr<Server> find(const Address &address) {
        std::lock_guard lock(mutex_);
        const auto found = servers_.find(address);
        return found == servers_.end() ? nullptr : found->second.lock();
    }
    template <class Base>
    std::vector<std::shared_ptr<Base>> all() {
        std::lock_guard lock(mutex_);
        std::vector<std::shared_ptr<Base>> open;
        for (const auto &[address, weak] : servers_)
            if (auto server = weak.lock()) open.push_back(std::move(server));
        return open;
    }

private:
    std::mutex mutex_;
    std::condition_variable closed_;
    std::map<Address, std::weak_ptr<Server>> servers_;
};

} // namespace penstock::net
