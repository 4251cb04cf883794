// SPDX-License-Identifier: LGPL-2.1-or-later
// What an HTTP request asks for: its target's path and query (RFC 9112 section 3.2). Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::http {

/// Targets longer than this are refused.
inline constexpr size_t max_target_size = 8 << 10;

struct Target {
    std::string path;  ///< percent-decoded, begins with a slash, no control characters
    std::string query; ///< as sent, without its question mark; empty if there is none
    bool operator==(const Target &) const = default;
};

/// Parses an origin-form ("/live/cam.flv?key=1") or an absolute-form ("http://host/live") target.
/// nullopt: another form, too long, a broken escape, or a control character, escaped or not.
std::optional<Target> parse_target(std::string_view target);

/// Replaces each %XX by its byte. nullopt: a broken escape or a control character (0x00-0x1f,
/// 0x7f), escaped or not.
std::optional<std::string> percent_decode(std::string_view text);

/// The decoded value of the first `name=value` in a query; "+" stands for a space. Empty value for
/// a name alone. nullopt: the name is absent, or its value has a broken escape.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

} // namespace penstock::http
