// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of elements that connect to another server again and again, and the messages about
// their connection.
#pragma once

#include "core/net/client/change.h"
#include "core/net/tls/client.h"
#include "core/rtmp/backoff.h"

#include <gst/gst.h>

#include <string>

namespace penstock {

struct ReconnectSettings {
    std::string location;
    std::string key;
    uint64_t reconnect_delay = 1 * GST_SECOND; ///< ns
    uint64_t reconnect_max_delay = 30 * GST_SECOND;
    uint64_t refused_delay = 60 * GST_SECOND;
    net::TlsTrust trust;

    rtmp::BackoffLimits backoff() const;
};

/// Installs the properties with ids from `first` on; returns the next free id. `scheme` is that of
/// TLS: "rtmps".
guint install_reconnect_settings(GObjectClass *klass, guint first, const char *location_blurb,
                                 const char *key_blurb, const char *scheme);
/// False if `id` is none of them.
bool set_reconnect_setting(ReconnectSettings &settings, guint first, guint id, const GValue *value);
bool get_reconnect_setting(const ReconnectSettings &settings, guint first, guint id, GValue *value);

/// Posts the message `name` about a change; where attempts fail, also a warning when its reason is
/// a new one. `last_reason` is the caller's, and changes.
void post_client_change(GstElement *element, const char *name, const std::string &location,
                        const net::ClientChange &change, std::string &last_reason);

} // namespace penstock
