// SPDX-License-Identifier: LGPL-2.1-or-later
// Text from the network for a log.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// At most `limit` characters, with a dot for each that is not printable ASCII; "…" behind what
/// was longer.
inline std::string printable(std::string_view text, size_t limit) {
    std::string out;
    for (const char c : text.substr(0, limit))
        out += c >= ' ' && c <= '~' ? c : '.';
    return text.size() > limit ? out + "…" : out;
}

} // namespace penstock
