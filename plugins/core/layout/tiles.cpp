// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/layout/tiles.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace penstock::layout {
namespace {

constexpr unsigned longest_shape = 32;
/// The strip's part of the frame.
constexpr unsigned strip_part = 5;
/// The gap between cells, as a part of the frame's shorter side.
constexpr unsigned gap_part = 90;

unsigned even(uint64_t length) {
    return unsigned(length & ~uint64_t(1));
}

using Indexes = std::vector<size_t>;

/// Rows of cells that are alike, and what the pictures in them take together.
struct Grid {
    Rect area;
    unsigned columns = 1, rows = 1, gap = 0;
    Size cell;
    uint64_t pixels = 0;
};

Grid grid_of(Rect area, const std::vector<Tile> &tiles, const Indexes &which, unsigned columns,
             unsigned gap) {
    Grid grid;
    grid.area = area;
    grid.columns = columns;
    grid.gap = gap;
    const auto count = unsigned(which.size());
    grid.rows = (count + columns - 1) / columns;
    const auto part = [&](unsigned length, unsigned parts) {
        const unsigned gaps = gap * (parts - 1);
        return length > gaps ? std::max(2u, even((length - gaps) / parts)) : 2u;
    };
    grid.cell = {part(area.width, columns), part(area.height, grid.rows)};
    for (const size_t index : which)
        grid.pixels +=
            fit(tiles[index].shape, {0, 0, grid.cell.width, grid.cell.height}).size().pixels();
    return grid;
}

/// The grid with the largest pictures. Of two that are as good, the one that is as long as the
/// area.
Grid best_grid(Rect area, const std::vector<Tile> &tiles, const Indexes &which, unsigned gap) {
    std::optional<Grid> best;
    const bool is_wide = area.width >= area.height;
    for (unsigned columns = 1; columns <= which.size(); ++columns) {
        const Grid grid = grid_of(area, tiles, which, columns, gap);
        const bool fits = grid.columns * (grid.cell.width + gap) <= area.width + gap &&
                          grid.rows * (grid.cell.height + gap) <= area.height + gap;
        if (!fits && best) continue;
        if (!best || grid.pixels > best->pixels || (is_wide && grid.pixels == best->pixels))
            best = grid;
    }
    return *best;
}

void place(const Grid &grid, const std::vector<Tile> &tiles, const Indexes &which, bool is_large,
           std::vector<Place> &places) {
    const auto count = unsigned(which.size());
    const auto length = [&](unsigned cells, unsigned one) {
        return cells * one + (cells - 1) * grid.gap;
    };
    const auto rest = [](unsigned whole, unsigned used) {
        return whole > used ? even((whole - used) / 2) : 0;
    };
    const unsigned top = grid.area.y + rest(grid.area.height, length(grid.rows, grid.cell.height));
    for (unsigned at = 0; at < count; ++at) {
        const unsigned row = at / grid.columns, column = at % grid.columns;
        const unsigned in_row = std::min(grid.columns, count - row * grid.columns);
        const unsigned left = grid.area.x + rest(grid.area.width, length(in_row, grid.cell.width));
        const Rect cell{left + column * (grid.cell.width + grid.gap),
                        top + row * (grid.cell.height + grid.gap), grid.cell.width,
                        grid.cell.height};
        places[which[at]] = {cell, fit(tiles[which[at]].shape, cell), is_large};
    }
}

/// The large ones' area and the strip's.
struct Split {
    Rect main, strip;
};

Split split(Rect area, unsigned gap, bool at_right) {
    Split out{area, area};
    if (at_right) {
        out.strip.width = even(area.width / strip_part);
        out.strip.x = area.x + area.width - out.strip.width;
        out.main.width = area.width - out.strip.width - gap;
    } else {
        out.strip.height = even(area.height / strip_part);
        out.strip.y = area.y + area.height - out.strip.height;
        out.main.height = area.height - out.strip.height - gap;
    }
    return out;
}

/// The tiles that are large; empty if all are alike.
Indexes large_tiles(Kind kind, const std::vector<Tile> &tiles) {
    Indexes large;
    for (size_t i = 0; i < tiles.size(); ++i)
        if (tiles[i].is_screen) large.push_back(i);
    if (!large.empty() || kind == Kind::grid) return large;
    const auto speaker =
        std::find_if(tiles.begin(), tiles.end(), [](const Tile &tile) { return tile.is_speaker; });
    large.push_back(speaker == tiles.end() ? 0 : size_t(speaker - tiles.begin()));
    return large;
}

} // namespace

Rect fit(Size shape, Rect cell) {
    const auto [shorter, longer] = std::minmax(shape.width, shape.height);
    if (shorter == 0 || longer / shorter >= longest_shape) shape = {16, 9};
    uint64_t width = cell.width, height = width * shape.height / shape.width;
    if (height > cell.height) {
        height = cell.height;
        width = height * shape.width / shape.height;
    }
    Rect out;
    out.width = std::max(2u, even(width));
    out.height = std::max(2u, even(height));
    out.x = cell.x + (cell.width > out.width ? even((cell.width - out.width) / 2) : 0);
    out.y = cell.y + (cell.height > out.height ? even((cell.height - out.height) / 2) : 0);
    return out;
}

std::vector<Place> arrange(Kind kind, Size frame, const std::vector<Tile> &tiles) {
    std::vector<Place> places(tiles.size());
    if (tiles.empty()) return places;
    const unsigned gap = std::max(2u, even(std::min(frame.width, frame.height) / gap_part));
    // A tile that is alone has the whole frame.
    const unsigned margin = tiles.size() == 1 ? 0 : gap;
    const Rect area{margin, margin, frame.width - 2 * margin, frame.height - 2 * margin};
    const Indexes large = large_tiles(kind, tiles);
    Indexes small;
    for (size_t i = 0; i < tiles.size(); ++i)
        if (std::find(large.begin(), large.end(), i) == large.end()) small.push_back(i);
    if (large.empty() || small.empty()) {
        const Indexes &all = large.empty() ? small : large;
        place(best_grid(area, tiles, all, gap), tiles, all, !large.empty(), places);
        return places;
    }
    Split parts = split(area, gap, true);
    Grid main = best_grid(parts.main, tiles, large, gap);
    const Split below = split(area, gap, false);
    const Grid above = best_grid(below.main, tiles, large, gap);
    const bool is_wide = frame.width >= frame.height;
    if (above.pixels > main.pixels || (above.pixels == main.pixels && !is_wide)) {
        parts = below;
        main = above;
    }
    place(main, tiles, large, true, places);
    place(best_grid(parts.strip, tiles, small, gap), tiles, small, false, places);
    return places;
}

} // namespace penstock::layout
