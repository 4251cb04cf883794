// SPDX-License-Identifier: LGPL-2.1-or-later
// The servers of the process by address: who asks for the same address gets the same server.
#pragma once

#include "core/net/address.h"

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
    /// `options` are for a server that is not there yet.
    template <class... Options>
    std::shared_ptr<Server> open(const Address &address, std::string *error,
                                 const Options &...options) {
        std::lock_guard lock(mutex_);
        // Port 0 is a new port each time.
        if (address.port != 0)
            if (const auto found = servers_.find(address); found != servers_.end())
                if (auto server = found->second.lock()) return server;
        auto server = std::make_shared<Server>(options...);
        if (!server->start(address, error)) return nullptr;
        servers_[server->address()] = server;
        return server;
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
    std::map<Address, std::weak_ptr<Server>> servers_;
};

} // namespace penstock::net
