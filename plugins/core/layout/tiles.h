// SPDX-License-Identifier: LGPL-2.1-or-later
// Computes the places of a conference's participants in one frame: as a grid, or the speaker large
// and the others in a strip.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock::layout {

struct Size {
    unsigned width = 0, height = 0; ///< pixels
    bool operator==(const Size &) const = default;
    uint64_t pixels() const { return uint64_t(width) * height; }
};

/// Pixels from the top left corner of the frame. All of them are even, as 4:2:0 needs it.
struct Rect {
    unsigned x = 0, y = 0, width = 0, height = 0;
    bool operator==(const Rect &) const = default;
    Size size() const { return {width, height}; }
};

enum class Kind {
    grid,    ///< all alike
    speaker, ///< the one who speaks large, the others in a strip
};

/// A participant or a shared screen.
struct Tile {
    Size shape{16, 9};       ///< the display aspect ratio, of any scale
    bool is_screen = false;  ///< large in both layouts
    bool is_speaker = false; ///< large in `Kind::speaker`, unless there is a screen
};

struct Place {
    Rect cell;    ///< what the tile may use
    Rect picture; ///< the tile's shape, as large as the cell allows, in its centre
    bool is_large = false;
};

/// The largest rectangle of the shape within the cell, centred. A shape without extent, and one
/// that is more than 32 times as long as wide, is taken for 16:9. At least 2x2 pixels.
Rect fit(Size shape, Rect cell);

/// The places of the tiles, in their order, in a frame of this size (even, at least 64x64). Tiles
/// that are alike get cells that are alike, in the number of columns that makes the pictures
/// largest; a last row that is not full is centred. Shared screens, or else the speaker (the first
/// tile if nobody is) in `Kind::speaker`, get four fifths of the frame, and the others a strip at
/// the right or below, wherever more is left for the large ones.
std::vector<Place> arrange(Kind kind, Size frame, const std::vector<Tile> &tiles);

} // namespace penstock::layout
