// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the process that listens on a port, as far as this user's rights allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::supervisor {

struct PortOwner {
    std::string program; ///< "nginx"
    std::string process; ///< its number
    /// Of `penstock run`: what it was told to run. Empty for other programs.
    std::vector<std::string> descriptions;
    /// "nginx (process 812)"
    std::string to_string() const { return program + " (process " + process + ")"; }
};

/// nullopt if unknown.
std::optional<PortOwner> owner_of_port(uint16_t port);

} // namespace penstock::supervisor
