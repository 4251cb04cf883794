// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the addresses of a host without blocking a loop.
#pragma once

#include "core/net/loop/loops.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace penstock::net {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    int family() const { return storage.ss_family; }
};

/// From where an address can be reached.
enum class Reach {
    machine, ///< this machine only: loopback
    network, ///< private networks and links
    world,
};
Reach reach_of(const SocketAddress &address);

struct Resolved {
    std::vector<SocketAddress> addresses; ///< in the order in which to try them; at most 8
    std::string error;                    ///< why there are none
};

/// Calls `done` on the loop. A name is looked up on a thread of its own, because a name server that
/// does not answer would hold up all other names behind it; an address needs no thread. A lookup
/// can't be cancelled and may take a minute: `done` must not rely on its owner still being there.
void resolve(std::shared_ptr<Loops> loops, size_t loop, const std::string &host, uint16_t port,
             std::function<void(Resolved)> done);

} // namespace penstock::net
