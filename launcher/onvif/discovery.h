// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds ONVIF devices on the networks of this machine (WS-Discovery by multicast).
#pragma once

#include "onvif/messages.h"

#include <string>
#include <vector>

namespace penstock::onvif {

inline constexpr size_t max_devices = 512; ///< more are left out

/// Sends a probe from each IPv4 interface that is up (or the one named), and listens for
/// `seconds`. Each device is in the list once. With no interface at all, `error` tells why.
std::vector<Found> discover(const std::string &interface, double seconds, std::string *error);

} // namespace penstock::onvif
