// SPDX-License-Identifier: LGPL-2.1-or-later
// URLs of RTSP (RFC 2326, section 3.2), and the references that lead to a track. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::rtsp {

inline constexpr uint16_t default_port = 554, default_tls_port = 322;
inline constexpr size_t max_url_size = 8 << 10; ///< longer ones are rejected, in bytes

struct Url {
    bool is_secure = false; ///< rtsps
    std::string user;       ///< percent-decoded; empty: none
    std::string password;   ///< percent-decoded
    std::string host;       ///< without brackets
    uint16_t port = default_port;
    std::string target; ///< path and query as written; "/" at least

    /// Without user and password: what a request names, and what a digest is made of.
    std::string without_user() const;
    /// For people: without user, password and query, which may hold secrets.
    std::string shown() const;
    /// Of the target, percent-decoded, without the leading slash.
    std::string path() const;
    /// What follows "?"; empty: nothing.
    std::string_view query() const;
    bool operator==(const Url &) const = default;
};

/// nullopt unless it is rtsp://, rtspu:// or rtsps:// with a host and of printable characters.
std::optional<Url> parse_url(std::string_view text);

/// The URL of a track: what a=control says, against the description's own a=control or
/// Content-Base, `base`. "*" and "" are the base itself. Relative ones are appended to the base
/// behind a slash, query and all, as every client and server does it, instead of replacing the
/// last segment as RFC 3986 says.
std::string control_url(std::string_view base, std::string_view control);

} // namespace penstock::rtsp
