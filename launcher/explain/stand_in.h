// SPDX-License-Identifier: LGPL-2.1-or-later
// Stand-ins for elements: the same pads, but no socket, file or device. They drop their input and
// produce no output.
#pragma once

#include <string>

namespace penstock::explain {

/// Whether the element would listen, send, write or open a device when its pipeline starts.
bool reaches_outside(const std::string &factory);
/// Registers a stand-in and returns its factory's name; `factory` itself if it has no pads. Needs
/// gst_init().
std::string stand_in_for(const std::string &factory);

} // namespace penstock::explain
