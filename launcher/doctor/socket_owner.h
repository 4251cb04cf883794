// SPDX-License-Identifier: LGPL-2.1-or-later
// Which process listens on a port, as far as this user may know.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::doctor {

/// "nginx (process 812)"; empty if it is nobody's that may be looked at.
std::string owner_of_port(uint16_t port);

} // namespace penstock::doctor
