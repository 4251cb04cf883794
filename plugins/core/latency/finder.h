// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds candidate positions of a code in a frame by the bars at its sides.
#pragma once

#include "core/latency/code.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace penstock::latency {

/// The brightness of a frame, not owned: 8 bits per pixel, `step` bytes apart. For RGB the green
/// channel is sufficient.
struct Luma {
    const uint8_t *data = nullptr;
    int width = 0, height = 0;
    ptrdiff_t stride = 0; ///< bytes from one row to the next
    int step = 1;

    uint8_t at(int x, int y) const { return data[y * stride + x * step]; }
};

/// The outer edges of a code's bars; pixels.
struct Place {
    float left = 0, right = 0, top = 0, bottom = 0;
};

/// Scans rows of `luma` at regular distances and calls `found` for each position with both bars
/// until it returns true. Returns whether it did. Finds codes at least 1/20 of the frame's shorter
/// side high with cells of at least 3 pixels.
bool find(const Luma &luma, const std::function<bool(const Place &)> &found);

/// The brightness of each cell, including the bars.
using Samples = std::array<std::array<float, cells::width>, cells::rows>;

/// Returns false if `place` is not within the frame.
bool measure(const Luma &luma, const Place &place, Samples &out);
/// Decodes the cells by the dark and light levels of the bars in each row; the result may be wrong.
/// Returns false if the levels hardly differ.
bool word_by_bars(const Samples &samples, Codeword &word);
/// Decodes the cells by comparing each with its surroundings up to `reach` (1 or 2) columns away,
/// for a stamp over which the scene shines through. A wider reach gives more reliable levels; a
/// narrower one avoids edges of the scene.
void word_by_neighbours(const Samples &samples, int reach, Codeword &word);

} // namespace penstock::latency
