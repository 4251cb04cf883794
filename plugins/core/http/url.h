// SPDX-License-Identifier: LGPL-2.1-or-later
// URLs of HTTP servers that are asked by clients (RFC 9110 section 4.2, RFC 3986). Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::http {

/// Longer URLs are rejected, in bytes.
inline constexpr size_t max_url_size = 8 << 10;

struct Url {
    bool is_secure = false; ///< https
    std::string host;       ///< without brackets
    uint16_t port = 0;      ///< that of the scheme if none is written
    std::string target;     ///< path and query as written; "/" at least

    /// The value of the Host header: without the scheme's own port.
    std::string authority() const;
    /// For people: without the query, which may hold a secret.
    std::string shown() const;
    bool operator==(const Url &) const = default;
};

/// nullopt unless it is http:// or https:// with a host, without user and fragment, and of
/// printable characters.
std::optional<Url> parse_url(std::string_view text);

/// The URL that a reference means in an answer from `base` (RFC 3986 section 5.2): absolute, "//",
/// from the root, or relative. nullopt if it is no URL as above.
std::optional<Url> resolve_url(const Url &base, std::string_view reference);

} // namespace penstock::http
