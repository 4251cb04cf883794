// SPDX-License-Identifier: LGPL-2.1-or-later
// Where something listens: `host:port`, and the `location` URLs of our elements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::net {

struct Address {
    std::string host;  ///< empty: every interface, IPv4 and IPv6
    uint16_t port = 0; ///< 0: the system chooses
    bool operator==(const Address &) const = default;
    auto operator<=>(const Address &) const = default;
    /// "127.0.0.1:1935", "[::1]:1935", ":1935"
    std::string to_string() const;
};

/// Parses "host:port", ":port", "[v6]:port". nullopt if it is none of these.
std::optional<Address> parse_address(std::string_view text);

/// A `location`: scheme, address, path without its leading slash, query without its mark.
struct Location {
    std::string scheme;
    Address address;
    std::string path;
    std::string query;
};

/// Parses "rtmp://host:1935/live/name", "http://:8080/x". `default_port` serves a URL without
/// one, unless it is https, whose port is 443. On failure nullopt and the reason in `error`.
std::optional<Location> parse_location(std::string_view url, uint16_t default_port,
                                       std::string *error);

/// True for a name that may be part of a path: one to 128 of [A-Za-z0-9._~-], not "." or "..".
bool is_safe_segment(std::string_view segment);
/// True if every slash-separated segment is safe, and there are one to eight of them.
bool is_safe_path(std::string_view path);

/// The value of `name` in "key=…&x=…", as it stands there; empty if there is none.
std::string_view query_value(std::string_view query, std::string_view name);

} // namespace penstock::net
