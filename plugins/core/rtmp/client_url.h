// SPDX-License-Identifier: LGPL-2.1-or-later
// The URLs of other RTMP servers: what to connect to, and what to ask for.
#pragma once

#include "core/rtmp/client_session.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::rtmp {

struct ClientUrl {
    bool tls = false; ///< rtmps://
    std::string host; ///< a name or an address; IPv6 without brackets
    uint16_t port = 0;
    ClientRequest request;
    std::string shown; ///< "rtmp://host/app", without key and queries: for logs and messages
};

/// Parses `location`, rtmp:// (default port 1935) or rtmps:// (443).
///
/// With a `key`, the whole path and its query are the app ("live2?backup=1") and the key is the
/// stream's name. Without one, the last segment of the path is the name and the query belongs to
/// it; "rtmp://host/app?query/name" is understood too. On failure returns nullopt and sets `error`,
/// which does not contain the URL, because that may have a key.
std::optional<ClientUrl> parse_client_url(std::string_view location, std::string_view key,
                                          bool publish, std::string *error);

} // namespace penstock::rtmp
