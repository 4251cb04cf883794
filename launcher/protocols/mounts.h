// SPDX-License-Identifier: LGPL-2.1-or-later
// The mounts at a listener's address, used by the listeners of this folder.
#pragma once

#include "core/net/stream/mounts.h"
#include "protocols/protocol.h"

#include <string>
#include <vector>

namespace penstock::protocols {

/// The mounts of the given protocols at one address. Callable from any thread.
class MountsAt {
public:
    MountsAt(net::Address address, std::vector<std::string> protocols)
        : address_(std::move(address)), protocols_(std::move(protocols)) {}

    bool is_live(const std::string &path) const;
    unsigned viewers(const std::string &path) const;
    void close_viewers(const std::string &path, const std::string &reason) const;
    /// As Listener::watch().
    Lease watch(std::function<void(const std::string &path)> changed) const;

private:
    std::vector<std::shared_ptr<net::Mount>> find(const std::string &path) const;

    const net::Address address_;
    const std::vector<std::string> protocols_;
};

} // namespace penstock::protocols
