// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources of datagrams that get nothing: nobody is told by the network that a sender has gone.
#pragma once

#include <gst/gst.h>

#include <map>
#include <optional>
#include <string>

namespace penstock::supervisor {

/// Knows the messages that udpsrc posts over and over with its property `timeout`. Not thread-safe.
class SilentSources {
public:
    /// Returns the text to report; none for other messages, and while a silence lasts. `now`:
    /// monotonic, µs.
    std::optional<std::string> notice(GstMessage *message, gint64 now);

private:
    std::map<std::string, gint64> last_; ///< message of a source, by its name
};

} // namespace penstock::supervisor
