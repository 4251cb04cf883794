// SPDX-License-Identifier: LGPL-2.1-or-later
// The options of a WebRTC server as people write them. No GStreamer, no sockets.
#pragma once

#include "core/net/rtc/server.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

inline constexpr size_t max_announced = 16;
inline constexpr size_t max_ice_servers = 16;

/// The values of the properties `udp`, `announce` and `ice-servers`.
struct RtcTexts {
    std::string udp = ":8189";
    std::string announce;    ///< "203.0.113.7,2001:db8::7"; empty: none
    std::string ice_servers; ///< "stun:host,turn:user:password@host:port"; empty: none
};

/// nullopt if one of them is invalid; sets `error`, which begins with the property's name and holds
/// no user name and no password.
std::optional<RtcOptions> parse_rtc_options(const RtcTexts &texts, std::string *error);

/// IPv4 and IPv6 addresses with commas between; not those that nobody can send to (0.0.0.0, ::,
/// multicast). Without spaces.
std::optional<std::vector<std::string>> parse_announced(std::string_view text, std::string *error);

/// URIs of RFC 7064 and RFC 7065 with commas between: "stun:host", "stuns:host:port",
/// "turn:user:password@host:port?transport=udp", "turns:…". TURN needs user and password; in these,
/// what is not a letter, a digit or one of -._~ may be written as %XX, and a colon, a comma, an @
/// and a % have to be.
std::optional<std::vector<IceServer>> parse_ice_servers(std::string_view text, std::string *error);

/// The text of `ice-servers` for people: user names and passwords are "***".
std::string without_credentials(std::string_view ice_servers);

} // namespace penstock::net
