// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties udp, announce and ice-servers of WebRTC's elements.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/rtc/options.h"

#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace penstock::rtc {

/// Thread-safe.
class Settings {
public:
    /// Installs them with ids from `first_id` on.
    static void install(GObjectClass *klass, guint first_id);
    /// False if `id` is none of them.
    bool set(guint first_id, guint id, const GValue *value);
    bool get(guint first_id, guint id, GValue *value) const;

    /// Opens the server of an element's location, whose path has to be a name and `ending`
    /// ("/whip"); `folder` is that of the example in an error. On failure nullptr, and sets
    /// `error`.
    std::shared_ptr<net::RtcServer> open(const net::Location &location, const net::TlsFiles &tls,
                                         std::string_view ending, std::string *error,
                                         std::string_view folder = "live") const;

private:
    mutable std::mutex mutex_; ///< guards texts_
    net::RtcTexts texts_;
};

} // namespace penstock::rtc
