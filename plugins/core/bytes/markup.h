// SPDX-License-Identifier: LGPL-2.1-or-later
// Text in HTML, XML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// The text for an element's content, or for an attribute in double quotes. Control characters are
/// left out, since XML can't express them.
inline std::string escape_markup(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            if (static_cast<unsigned char>(c) >= ' ' && c != 0x7F) out += c;
        }
    }
    return out;
}

} // namespace penstock
