// SPDX-License-Identifier: LGPL-2.1-or-later
// A fixed-width font of 5 × 7 dots for ASCII, so that text costs no library and no rasterizing.
#pragma once

#include <cstdint>

namespace penstock::latency::font {

constexpr int width = 5, height = 7; ///< dots of a character, without the space around it
constexpr int advance = width + 1;   ///< from one character to the next

/// Whether a dot is inked. `column` 0 to 4, `row` 0 to 7 from the top; row 7 is what hangs below
/// the line of some letters. What is not printable ASCII is a box.
bool is_inked(char character, int column, int row);

} // namespace penstock::latency::font
