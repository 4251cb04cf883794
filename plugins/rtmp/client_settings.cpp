// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/client_settings.h"

#include <utility>

namespace penstock::rtmp {

std::optional<net::RtmpClientOptions> ClientSettings::options(bool publish,
                                                              std::string *error) const {
    auto url = parse_client_url(location, key, publish, error);
    if (!url) return std::nullopt;
    net::RtmpClientOptions out{.url = std::move(*url), .trust = trust, .backoff = backoff()};
    return out;
}

} // namespace penstock::rtmp
