// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes text from the network safe for a log.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// Replaces characters other than printable ASCII by dots and truncates to `limit` characters,
/// marked by "…".
inline std::string printable(std::string_view text, size_t limit) {
    std::string out;
    for (const char c : text.substr(0, limit))
        out += c >= ' ' && c <= '~' ? c : '.';
    return text.size() > limit ? out + "…" : out;
}

} // namespace penstock
