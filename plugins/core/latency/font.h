// SPDX-License-Identifier: LGPL-2.1-or-later
// A fixed-width font of 5 × 7 dots for ASCII; avoids a font library.
#pragma once

#include <cstdint>

namespace penstock::latency::font {

constexpr int width = 5, height = 7; ///< dots of a character, excluding spacing
constexpr int advance = width + 1;   ///< distance between characters; dots

/// Whether a dot is inked. `column` 0 to 4; `row` 0 to 7 from the top, row 7 for descenders.
/// Characters other than printable ASCII are drawn as a box.
bool is_inked(char character, int column, int row);

} // namespace penstock::latency::font
