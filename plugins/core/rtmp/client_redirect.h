// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a server sends a client that it asks to connect again. Enhanced RTMP v2, "Reconnect
// Request".
#pragma once

#include "core/rtmp/client_url.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::rtmp {

/// Resolves the request's tcUrl, absolute or relative (RFC 3986, section 5.2), against the present
/// URL; empty is the present one. It may change host, port and application, and rtmp:// to
/// rtmps://; not rtmps:// to rtmp://, nor to any other scheme, and the stream's name or key stays.
/// Otherwise, or beyond 4096 bytes, returns nullopt and sets `error` to the reason, which does not
/// contain the URL.
std::optional<ClientUrl> redirect_client(const ClientUrl &from, std::string_view tc_url,
                                         std::string *error);

} // namespace penstock::rtmp
