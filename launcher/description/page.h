// SPDX-License-Identifier: LGPL-2.1-or-later
// The key `page`: where the viewers' page is, and who may show its player.
#pragma once

#include "description/launch_text.h"
#include "description/yaml.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// Text with placeholders: an address, a `match`, a key.
struct Template {
    Node node;
    Pieces pieces;
};

struct PageText {
    Template address;
    std::vector<Template> embed; ///< origins that may show the player in a frame
    /// An address where plain HTTP is sent on to the page's.
    std::optional<Template> redirect_from;
};

/// Whether the text is an origin, as in "https://example.org", "http://localhost:3000",
/// "https://*.example.org" or "*" (any).
bool is_origin(std::string_view text);
/// "https://example.org"
std::string example_origin();

} // namespace penstock::description
