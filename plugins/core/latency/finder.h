// SPDX-License-Identifier: LGPL-2.1-or-later
// Where in a picture a code may be, from the bars at its sides.
#pragma once

#include "core/latency/code.h"

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

/// What the cells at `place` say, right or not. False if they are outside of the picture or the
/// bars are hardly darker than what is between them.
bool sample(const Luma &luma, const Place &place, Codeword &word);

} // namespace penstock::latency
