// SPDX-License-Identifier: LGPL-2.1-or-later
// Where in a picture a code may be, from the bars at its sides.
#pragma once

#include "core/latency/code.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace penstock::latency {

/// A picture's brightness, not owned: 8 bits, `step` bytes from one pixel to the next (green will
/// do for RGB).
struct Luma {
    const uint8_t *data = nullptr;
    int width = 0, height = 0;
    ptrdiff_t stride = 0; ///< bytes from one row to the next
    int step = 1;

    uint8_t at(int x, int y) const { return data[y * stride + x * step]; }
};

/// The outer edges of a code's bars, in pixels.
struct Place {
    float left = 0, right = 0, top = 0, bottom = 0;
};

/// Looks along every so many rows of `luma` and calls `found` for each place that has both bars,
/// until that returns true. Returns whether it did. Codes 1/20 of the picture's shorter side high
/// and more are met, cells of 3 pixels and more.
bool find(const Luma &luma, const std::function<bool(const Place &)> &found);

/// The brightness of each cell, the bars' as well.
using Samples = std::array<std::array<float, cells::width>, cells::rows>;

/// False if `place` is not within the picture.
bool measure(const Luma &luma, const Place &place, Samples &out);
/// What the cells say, right or not, by what is dark and light in each row's bars. False if those
/// hardly differ.
bool word_by_bars(const Samples &samples, Codeword &word);
/// The same by what is dark and light around each cell, up to `reach` columns away: for a stamp
/// that a scene shines through. The more columns, the surer are both among them; the fewer, the
/// nearer may an edge of the scene be. `reach` is 1 or 2.
void word_by_neighbours(const Samples &samples, int reach, Codeword &word);

} // namespace penstock::latency
