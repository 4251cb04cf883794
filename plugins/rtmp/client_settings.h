// SPDX-License-Identifier: LGPL-2.1-or-later
// The settings that rtmppushsink and rtmppullsrc have in common.
#pragma once

#include "core/net/rtmp/client.h"
#include "gst/reconnect_settings.h"

#include <optional>
#include <string>

namespace penstock::rtmp {

struct ClientSettings : ReconnectSettings {
    /// Parses the location. On failure returns nullopt and sets `error`.
    std::optional<net::RtmpClientOptions> options(bool publish, std::string *error) const;
};

} // namespace penstock::rtmp
