// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties udp and udp-port of RTSP's server elements, multicast and multicast-ttl of the
// one that plays.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/rtsp/server.h"

#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <string>

namespace penstock::rtsp {

/// Thread-safe.
class Settings {
public:
    /// Installs them with ids from `first_id` on. `plays`: those of players, too.
    static void install(GObjectClass *klass, guint first_id, bool plays);
    /// False if `id` is none of them.
    bool set(guint first_id, guint id, const GValue *value);
    bool get(guint first_id, guint id, GValue *value) const;

    /// Opens the server of an element's location. On failure nullptr, and sets `error`.
    std::shared_ptr<net::RtspServer> open(const net::Location &location, const net::TlsFiles &tls,
                                          std::string *error) const;
    /// Tells the server where the stream at `path` is sent by multicast.
    bool set_multicast(net::RtspServer &server, const std::string &path, std::string *error) const;

private:
    mutable std::mutex mutex_; ///< guards the following
    net::RtspOptions options_;
    std::string multicast_;
    unsigned multicast_ttl_ = default_ttl;
    static constexpr unsigned default_ttl = 1;
};

} // namespace penstock::rtsp
