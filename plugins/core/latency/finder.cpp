// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/finder.h"

#include <algorithm>
#include <cmath>

namespace penstock::latency {
namespace {

/// A transition between dark and light within a row.
struct Edge {
    float at;      ///< pixels; halfway between the two levels
    bool to_light; ///< false: to dark
};

/// Minimum change of brightness at an edge. The larger value is tried first: it ignores coding
/// noise within a bar, but misses faint stamps.
constexpr int swings[] = {64, 24};
/// The minimum difference between dark and light in a code.
constexpr float least_contrast = 16;

/// Appends the edges of a row, found from alternating extremes: an extreme is confirmed once the
/// brightness has changed by `swing` from it.
void find_edges(const Luma &luma, int y, int swing, std::vector<Edge> &edges) {
    edges.clear();
    const uint8_t *row = luma.data + y * luma.stride;
    const auto pixel = [&](int x) -> int { return row[x * luma.step]; };
    int last_value = pixel(0), last_at = 0; // the confirmed extreme
    int high = last_value, high_at = 0, low = last_value, low_at = 0;
    const auto cross = [&](int from, int to, int before, int after) {
        const float middle = static_cast<float>(before + after) / 2;
        const bool to_light = after > before;
        int x = from + 1;
        while (x < to && (static_cast<float>(pixel(x)) > middle) != to_light)
            ++x;
        const auto a = static_cast<float>(pixel(x - 1)), b = static_cast<float>(pixel(x));
        const float part = a == b ? 0.5F : std::clamp((middle - a) / (b - a), 0.0F, 1.0F);
        // A pixel's value applies to its centre.
        edges.push_back({static_cast<float>(x - 1) + part + 0.5F, to_light});
    };
    int direction = 0; // from the confirmed extreme
    for (int x = 1; x < luma.width; ++x) {
        const int value = pixel(x);
        if (value > high) {
            high = value;
            high_at = x;
        }
        if (value < low) {
            low = value;
            low_at = x;
        }
        if (direction >= 0 && high - value >= swing) {
            if (direction > 0) cross(last_at, high_at, last_value, high);
            last_value = high;
            last_at = high_at;
            direction = -1;
            low = value;
            low_at = x;
        } else if (direction <= 0 && value - low >= swing) {
            if (direction < 0) cross(last_at, low_at, last_value, low);
            last_value = low;
            last_at = low_at;
            direction = 1;
            high = value;
            high_at = x;
        }
    }
    if (direction > 0) cross(last_at, high_at, last_value, high);
    if (direction < 0) cross(last_at, low_at, last_value, low);
}

bool is_about(float length, float cells, float cell) {
    return std::abs(length - cells * cell) <= (cells > 1 ? 0.6F : 0.5F) * cell;
}

/// Mean brightness of a rectangle around a point.
float mean_around(const Luma &luma, float x, float y, float half_width, float half_height) {
    const int x0 = std::clamp(static_cast<int>(std::lround(x - half_width)), 0, luma.width - 1);
    const int x1 =
        std::clamp(static_cast<int>(std::lround(x + half_width)) - 1, x0, luma.width - 1);
    const int y0 = std::clamp(static_cast<int>(std::lround(y - half_height)), 0, luma.height - 1);
    const int y1 =
        std::clamp(static_cast<int>(std::lround(y + half_height)) - 1, y0, luma.height - 1);
    int sum = 0;
    for (int v = y0; v <= y1; ++v) {
        const uint8_t *row = luma.data + v * luma.stride;
        for (int u = x0; u <= x1; ++u)
            sum += row[u * luma.step];
    }
    return static_cast<float>(sum) / static_cast<float>((x1 - x0 + 1) * (y1 - y0 + 1));
}

/// Follows a dark bar up or down from row `y` to its end. Returns the edge in pixels, or a negative
/// number if the bar reaches the edge of the frame. The bar ends where it is light and no longer
/// differs from the light bar beside it; where the scene shines through, it may become lighter
/// before that.
float bar_end(const Luma &luma, float dark, float light, int y, int direction, float cell) {
    const auto mean = [&](float x, int row, float half_width) {
        return mean_around(luma, x, static_cast<float>(row) + 0.5F, half_width, 0.5F);
    };
    const float begin = mean(dark, y, cell / 2), half = (mean(light, y, cell / 4) - begin) / 2;
    float before = half;
    for (; y >= 0 && y < luma.height; y += direction) {
        const float now = mean(dark, y, cell / 2);
        const float difference = mean(light, y, cell / 4) - now;
        if (now > begin + half && difference < half) {
            const float part = before > half ? (before - half) / (before - difference) : 0;
            return static_cast<float>(y) + 0.5F + static_cast<float>(direction) * (part - 1);
        }
        before = difference;
    }
    return -1;
}

/// Completes `place`, whose left and right are known, with the ends of the bars.
bool find_rows(const Luma &luma, int y, Place &place) {
    const float cell = (place.right - place.left) / cells::width;
    const float left = place.left + 1.5F * cell, light_left = place.left + 3.5F * cell;
    const float right = place.right - cell, light_right = place.right - 2.5F * cell;
    const float tops[] = {bar_end(luma, left, light_left, y, -1, cell),
                          bar_end(luma, right, light_right, y, -1, cell)};
    const float bottoms[] = {bar_end(luma, left, light_left, y, 1, cell),
                             bar_end(luma, right, light_right, y, 1, cell)};
    if (tops[0] < 0 || tops[1] < 0 || bottoms[0] < 0 || bottoms[1] < 0) return false;
    if (std::abs(tops[0] - tops[1]) > cell || std::abs(bottoms[0] - bottoms[1]) > cell)
        return false;
    place.top = (tops[0] + tops[1]) / 2;
    place.bottom = (bottoms[0] + bottoms[1]) / 2;
    const float shape = (place.bottom - place.top) / cells::rows / cell;
    return shape > 0.4F && shape < 2.5F;
}

} // namespace

bool find(const Luma &luma, const std::function<bool(const Place &)> &found) {
    // Odd, so that the rows do not align with a codec's blocks.
    const int stride = std::max(1, std::min(luma.width, luma.height) / 64) | 1;
    std::vector<Edge> edges;
    for (const int swing : swings) {
        for (int y = stride; y < luma.height; y += stride) {
            find_edges(luma, y, swing, edges);
            for (size_t i = 0; i + 8 <= edges.size(); ++i) {
                if (edges[i].to_light) continue;
                const float start = edges[i].at;
                float cell = (edges[i + 3].at - start) / 5;
                if (cell < 2 || !is_about(edges[i + 1].at - start, 3, cell) ||
                    !is_about(edges[i + 2].at - edges[i + 1].at, 1, cell) ||
                    !is_about(edges[i + 3].at - edges[i + 2].at, 1, cell))
                    continue;
                const float end = start + cell * cells::width;
                for (size_t k = i + 7; k < edges.size() && edges[k].at < end + 2 * cell; ++k) {
                    if (!edges[k].to_light || edges[k].at < end - 2 * cell) continue;
                    const float exact = (edges[k].at - start) / cells::width;
                    if (!is_about(edges[k].at - edges[k - 1].at, 2, exact) ||
                        !is_about(edges[k - 1].at - edges[k - 2].at, 1, exact) ||
                        !is_about(edges[k - 2].at - edges[k - 3].at, 1, exact))
                        continue;
                    Place place{start, edges[k].at, 0, 0};
                    if (find_rows(luma, y, place) && found(place)) return true;
                }
            }
        }
    }
    return false;
}

bool measure(const Luma &luma, const Place &place, Samples &out) {
    if (place.left < 0 || place.top < 0 || place.right > static_cast<float>(luma.width) ||
        place.bottom > static_cast<float>(luma.height))
        return false;
    const float width = (place.right - place.left) / cells::width;
    const float height = (place.bottom - place.top) / cells::rows;
    if (width < 1 || height < 1) return false;
    for (int row = 0; row < cells::rows; ++row) {
        const float y = place.top + (static_cast<float>(row) + 0.5F) * height;
        for (int column = 0; column < cells::width; ++column)
            out[static_cast<size_t>(row)][static_cast<size_t>(column)] =
                mean_around(luma, place.left + (static_cast<float>(column) + 0.5F) * width, y,
                            width / 4, height / 4);
    }
    return true;
}

bool word_by_bars(const Samples &samples, Codeword &word) {
    word = {};
    constexpr size_t end = cells::start + cells::columns;
    for (int row = 0; row < cells::rows; ++row) {
        const auto &at = samples[static_cast<size_t>(row)];
        const float dark_left = (at[1] + at[4]) / 2, light_left = (at[3] + at[5]) / 2;
        const float dark_right = (at[end + 1] + (at[end + 3] + at[end + 4]) / 2) / 2;
        const float light_right = (at[end] + at[end + 2]) / 2;
        if (light_left - dark_left < least_contrast || light_right - dark_right < least_contrast)
            return false;
        const float left = (dark_left + light_left) / 2, right = (dark_right + light_right) / 2;
        for (int column = 0; column < cells::columns; ++column) {
            const float part = (static_cast<float>(column) + 0.5F) / cells::columns;
            if (at[static_cast<size_t>(cells::start + column)] < left + (right - left) * part) {
                const Bit bit = bit_of(column, row);
                word[bit.byte] |= bit.mask;
            }
        }
    }
    return true;
}

void word_by_neighbours(const Samples &samples, int reach, Codeword &word) {
    word = {};
    for (int row = 0; row < cells::rows; ++row)
        for (int column = 0; column < cells::columns; ++column) {
            const int center = cells::start + column;
            float least = 255, most = 0;
            for (int v = std::max(row - 1, 0); v <= std::min(row + 1, cells::rows - 1); ++v)
                for (int u = center - reach; u <= center + reach; ++u) {
                    const float value = samples[static_cast<size_t>(v)][static_cast<size_t>(u)];
                    least = std::min(least, value);
                    most = std::max(most, value);
                }
            if (samples[static_cast<size_t>(row)][static_cast<size_t>(center)] <
                (least + most) / 2) {
                const Bit bit = bit_of(column, row);
                word[bit.byte] |= bit.mask;
            }
        }
}

} // namespace penstock::latency
