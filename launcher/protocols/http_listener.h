// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP port that streams over HTTP and WebSocket, HLS and the viewers' page share.
#pragma once

#include "protocols/protocol.h"

namespace penstock::protocols {

std::shared_ptr<Listener> open_http(const Opening &opening, std::string *error);
/// Why nothing came from an http:// or https:// URL.
std::string explain_http_failure(const std::string &url, const Failure &failure);
/// "https" if the listener at the address speaks TLS, else "http".
std::string http_scheme_at(const net::Address &address);
/// http and https.
std::vector<Scheme> http_schemes();

} // namespace penstock::protocols
