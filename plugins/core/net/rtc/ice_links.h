// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and TURN servers as a client of WHIP and WHEP learns and writes them. No GStreamer, no
// sockets. Thread-safe.
#pragma once

#include "core/net/rtc/server.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Appends the servers that a Link header offers (RFC 9725 section 4.6):
/// `<turn:host>; rel="ice-server"; username="…"; credential="…", <stun:host>; rel=ice-server`.
/// What is no such link, or malformed, is ignored; `out` never has more than max_ice_servers.
void read_ice_links(std::string_view header, std::vector<IceServer> &out);

/// "turn://user:password@host:port?transport=udp", with the characters of user and password
/// escaped: the form that GStreamer's webrtcbin takes.
std::string slashed_url(const IceServer &server);

} // namespace penstock::net
