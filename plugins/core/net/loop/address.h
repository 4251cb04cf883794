// SPDX-License-Identifier: LGPL-2.1-or-later
// Listener addresses, `host:port`, and the `location` URLs of Penstock's elements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::net {

struct Address {
    std::string host;  ///< empty: all interfaces, IPv4 and IPv6
    uint16_t port = 0; ///< 0: chosen by the system
    bool operator==(const Address &) const = default;
    auto operator<=>(const Address &) const = default;
    /// "127.0.0.1:1935", "[::1]:1935", ":1935"
    std::string to_string() const;
};

/// Parses "host:port", ":port" or "[v6]:port". nullopt if it is invalid.
std::optional<Address> parse_address(std::string_view text);

/// A parsed `location`: the path has no leading slash, the query no question mark.
struct Location {
    std::string scheme;
    Address address;
    std::string path;
    std::string query;
};

/// Parses "rtmp://host:1935/live/name", "http://:8080/x". `default_port` is used for a URL without
/// port, except https and rtmps, whose port is 443. On failure returns nullopt and sets `error`.
std::optional<Location> parse_location(std::string_view url, uint16_t default_port,
                                       std::string *error);

/// Whether a name is allowed in a path: 1 to 128 characters of [A-Za-z0-9._~-], not "." or "..".
bool is_safe_segment(std::string_view segment);
/// Whether a path has one to eight segments, separated by slashes, that are all safe.
bool is_safe_path(std::string_view path);

/// The unescaped value of `name` in "key=…&x=…"; empty if absent.
std::string_view query_value(std::string_view query, std::string_view name);

} // namespace penstock::net
