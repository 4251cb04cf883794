// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that rtcpushsink and rtcpullsrc have in common.
#pragma once

#include "rtc/client.h"

#include <gst/gst.h>

#include <optional>
#include <string>

namespace penstock::rtc {

struct ClientSettings {
    std::string location, token, ice_servers;
    bool relay_only = false;
    uint64_t reconnect_delay = 1 * GST_SECOND; ///< ns
    uint64_t reconnect_max_delay = 30 * GST_SECOND;
    uint64_t refused_delay = 60 * GST_SECOND;
    uint64_t silence_timeout = 15 * GST_SECOND;
    net::TlsTrust trust;

    /// nullopt if they are invalid; sets `error`, which has no secret.
    std::optional<ClientOptions> options(std::string *error) const;
};

/// Installs the properties with ids from `first` on.
void install_client_settings(GObjectClass *klass, guint first, const char *location_blurb);
/// False if `id` is none of them.
bool set_client_setting(ClientSettings &settings, guint first, guint id, const GValue *value);
bool get_client_setting(const ClientSettings &settings, guint first, guint id, GValue *value);

/// Posts the message `name` about a change; where attempts fail, also a warning when its reason is
/// a new one. `last_reason` is the caller's, and changes.
void post_client_change(GstElement *element, const char *name, const std::string &location,
                        const ClientChange &change, std::string &last_reason);

} // namespace penstock::rtc
