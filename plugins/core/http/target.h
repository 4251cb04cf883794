// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses the target of an HTTP request: path and query (RFC 9112 section 3.2). Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::http {

/// Longer targets are rejected.
inline constexpr size_t max_target_size = 8 << 10;

struct Target {
    std::string path;  ///< percent-decoded, with leading slash, without control characters
    std::string query; ///< as sent, without the question mark; empty if absent
    bool operator==(const Target &) const = default;
};

/// Parses an origin-form ("/live/cam.flv?key=1") or absolute-form ("http://host/live") target.
/// nullopt: another form, too long, an invalid escape, or a control character, escaped or not.
std::optional<Target> parse_target(std::string_view target);

/// Replaces each %XX by its byte. nullopt: an invalid escape or a control character (0x00-0x1f,
/// 0x7f), escaped or not.
std::optional<std::string> percent_decode(std::string_view text);

/// The decoded value of the first `name=value` in a query; "+" means a space. A name without value
/// gives an empty string. nullopt: the name is absent, or its value has an invalid escape.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

} // namespace penstock::http
