// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames with a stamp, and transformations of them; luma only.
#pragma once

#include "core/latency/finder.h"
#include "core/latency/panel.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace penstock::test {

struct Picture {
    int width, height;
    std::vector<uint8_t> pixels;

    Picture(int w, int h, uint8_t value = 128)
        : width(w), height(h), pixels(static_cast<size_t>(w) * static_cast<size_t>(h), value) {}
    uint8_t &at(int x, int y) {
        return pixels[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
    }
    uint8_t at(int x, int y) const { return const_cast<Picture *>(this)->at(x, y); }
    latency::Luma luma() const { return {pixels.data(), width, height, width, 1}; }
};

/// A busy scene with shapes and noise.
inline Picture scene(int width, int height, unsigned seed) {
    Picture p(width, height);
    std::mt19937 random(seed);
    for (int i = 0; i < 60; ++i) {
        const int x = int(random() % unsigned(width)), y = int(random() % unsigned(height));
        const int w = 4 + int(random() % unsigned(width / 3)),
                  h = 4 + int(random() % unsigned(height / 3));
        const uint8_t value = uint8_t(16 + random() % 220);
        for (int v = y; v < std::min(y + h, height); ++v)
            for (int u = x; u < std::min(x + w, width); ++u)
                p.at(u, v) = value;
    }
    for (uint8_t &pixel : p.pixels)
        pixel = uint8_t(std::clamp(int(pixel) + int(random() % 17) - 8, 0, 255));
    return p;
}

inline latency::Rectangle draw(Picture &picture, const latency::Stamp &stamp,
                               const latency::Appearance &appearance = {}) {
    const latency::Panel panel(appearance, picture.width, picture.height);
    int y = panel.area().y;
    for (const latency::Band &band : panel.draw(stamp))
        for (int i = 0; i < band.height; ++i, ++y)
            for (size_t x = 0; x < band.luma.size(); ++x)
                picture.at(panel.area().x + int(x), y) = band.luma[x];
    return panel.area();
}

/// Scales by averaging areas, like a good scaler.
inline Picture scaled(const Picture &from, int width, int height) {
    Picture out(width, height);
    const double sx = double(from.width) / width, sy = double(from.height) / height;
    const double rx = std::max(1.0, sx), ry = std::max(1.0, sy);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const double cx = (x + 0.5) * sx - 0.5, cy = (y + 0.5) * sy - 0.5;
            double sum = 0, weights = 0;
            for (int v = int(std::ceil(cy - ry)); v <= int(cy + ry); ++v)
                for (int u = int(std::ceil(cx - rx)); u <= int(cx + rx); ++u) {
                    const double weight = (1 - std::abs(v - cy) / ry) * (1 - std::abs(u - cx) / rx);
                    if (weight <= 0) continue;
                    sum += weight * from.at(std::clamp(u, 0, from.width - 1),
                                            std::clamp(v, 0, from.height - 1));
                    weights += weight;
                }
            out.at(x, y) = uint8_t(std::lround(sum / weights));
        }
    return out;
}

inline Picture cropped(const Picture &from, int x, int y, int width, int height) {
    Picture out(width, height);
    for (int v = 0; v < height; ++v)
        for (int u = 0; u < width; ++u)
            out.at(u, v) = from.at(x + u, y + v);
    return out;
}

/// Centres a picture in a larger black one.
inline Picture boxed(const Picture &from, int width, int height) {
    Picture out(width, height, 16);
    for (int v = 0; v < from.height; ++v)
        for (int u = 0; u < from.width; ++u)
            out.at((width - from.width) / 2 + u, (height - from.height) / 2 + v) = from.at(u, v);
    return out;
}

} // namespace penstock::test
