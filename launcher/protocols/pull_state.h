// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of sources that connect again by themselves, in place of errors.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

namespace penstock::protocols {

/// Why such a source has no connection to its server; nullopt if the message is none of theirs, or
/// tells something else.
std::optional<std::string> lost_connection(GstMessage *message);

} // namespace penstock::protocols
