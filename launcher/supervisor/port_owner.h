// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the process that listens on a port, as far as this user's rights allow.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::supervisor {

/// "nginx (process 812)"; empty if unknown.
std::string owner_of_port(uint16_t port);

} // namespace penstock::supervisor
