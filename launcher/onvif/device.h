// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks an ONVIF device for its streams.
#pragma once

#include "onvif/messages.h"

#include <string>
#include <vector>

namespace penstock::onvif {

struct Device {
    std::string name, hardware, address; ///< the URL of the device service
    std::vector<Profile> profiles;
    std::string error; ///< why there are no profiles, or no URL of one; with the remedy
};

/// Asks the devices at the same time, each with bounded time and sizes. Of several addresses the
/// first one that answers counts. A password goes in clear only to those that are named, or over
/// TLS.
std::vector<Device> ask(const std::vector<Found> &found, const Credentials &credentials);

} // namespace penstock::onvif
