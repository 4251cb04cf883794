// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements that stand in for others: the same pads, but no socket, file or device behind them. What
// goes into one is thrown away, what could come out of one never comes.
#pragma once

#include <string>

namespace penstock::explain {

/// Whether the element would serve, send, write or open something when its pipeline starts.
bool reaches_outside(const std::string &factory);
/// Registers a stand-in and returns its factory's name; the element itself if it has no pads.
/// gst_init() comes first.
std::string stand_in_for(const std::string &factory);

} // namespace penstock::explain
