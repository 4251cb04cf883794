// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that srtpushsink and srtpullsrc have in common.
#pragma once

#include "core/net/srt/client.h"
#include "gst/reconnect_settings.h"

#include <gst/gst.h>

#include <optional>
#include <string>

namespace penstock::srt {

struct ClientSettings {
    ReconnectSettings reconnect;
    LinkMode mode = LinkMode::caller;
    bool has_mode = false; ///< `mode` was set: it counts more than the location's form
    std::string stream_id, local_address;
    net::SrtTraits traits;

    /// Parses the location, whose parameters count more than properties. On failure returns nullopt
    /// and sets `error`, which has no secret. `shown`: the location for messages.
    std::optional<net::SrtClientOptions> options(bool sends, std::string *shown,
                                                 std::string *error) const;
};

/// Installs the properties with ids from `first` on.
void install_client_settings(GObjectClass *klass, guint first, const char *location_blurb);
/// False if `id` is none of them.
bool set_client_setting(ClientSettings &settings, guint first, guint id, const GValue *value);
bool get_client_setting(const ClientSettings &settings, guint first, guint id, GValue *value);

} // namespace penstock::srt
