// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/layout/stamp.h"

#include <algorithm>
#include <cstring>

namespace penstock::layout {
namespace {

/// A colour and its opacity, 0 to 255 each; the colour is multiplied by the opacity.
struct Colour {
    double red = 0, green = 0, blue = 0, alpha = 0;
};

Colour colour_at(const uint8_t *pixel) {
    uint32_t word = 0;
    std::memcpy(&word, pixel, sizeof word);
    const auto part = [&](unsigned shift) { return double(word >> shift & 0xff); };
    return {part(16), part(8), part(0), part(24)};
}

/// Weights of red and blue in luma.
struct Weights {
    double red, blue;
};

Weights weights_of(Matrix matrix) {
    return matrix == Matrix::bt709 ? Weights{0.2126, 0.0722} : Weights{0.299, 0.114};
}

uint8_t rounded(double value) {
    return uint8_t(std::clamp(value + 0.5, 0.0, 255.0));
}

double luma(const Colour &c, Weights w) {
    return w.red * c.red + (1 - w.red - w.blue) * c.green + w.blue * c.blue;
}

uint8_t laid_over(uint8_t below, uint8_t through, uint8_t value) {
    return uint8_t(std::min(255, (below * through + 127) / 255 + value));
}

} // namespace

Stamp::Stamp(const uint8_t *pixels, size_t stride, Rect at, Matrix matrix) : at_(at) {
    const Weights w = weights_of(matrix);
    for (size_t i = 0; i < planes_.size(); ++i) {
        const size_t size = size_t(at.width) * at.height / (i == 0 ? 1 : 4);
        planes_[i].values.resize(size);
        planes_[i].through.resize(size);
    }
    const auto pixel = [&](size_t x, size_t y) { return colour_at(pixels + y * stride + x * 4); };
    for (size_t y = 0; y < at.height; ++y)
        for (size_t x = 0; x < at.width; ++x) {
            const Colour c = pixel(x, y);
            const size_t to = y * at.width + x;
            planes_[0].values[to] = rounded(16 * c.alpha / 255 + luma(c, w) * 219 / 255);
            planes_[0].through[to] = uint8_t(255 - c.alpha);
        }
    for (size_t y = 0; y < at.height / 2; ++y)
        for (size_t x = 0; x < at.width / 2; ++x) {
            Colour c;
            for (const Colour &one : {pixel(2 * x, 2 * y), pixel(2 * x + 1, 2 * y),
                                      pixel(2 * x, 2 * y + 1), pixel(2 * x + 1, 2 * y + 1)}) {
                c.red += one.red / 4;
                c.green += one.green / 4;
                c.blue += one.blue / 4;
                c.alpha += one.alpha / 4;
            }
            const size_t to = y * (at.width / 2) + x;
            const double grey = 128 * c.alpha / 255, light = luma(c, w);
            const double blue = (c.blue - light) / (1 - w.blue),
                         red = (c.red - light) / (1 - w.red);
            planes_[1].values[to] = rounded(grey + blue * 112 / 255);
            planes_[2].values[to] = rounded(grey + red * 112 / 255);
            planes_[1].through[to] = planes_[2].through[to] = rounded(255 - c.alpha);
        }
}

void Stamp::draw_on(const Frame &frame) const {
    if (at_.x + at_.width > frame.size.width || at_.y + at_.height > frame.size.height) return;
    for (size_t i = 0; i < planes_.size(); ++i) {
        const unsigned part = i == 0 ? 1 : 2;
        const size_t width = at_.width / part, height = at_.height / part;
        for (size_t y = 0; y < height; ++y) {
            uint8_t *line = frame.planes[i] + (at_.y / part + y) * frame.strides[i] + at_.x / part;
            const uint8_t *values = planes_[i].values.data() + y * width;
            const uint8_t *through = planes_[i].through.data() + y * width;
            for (size_t x = 0; x < width; ++x)
                line[x] = laid_over(line[x], through[x], values[x]);
        }
    }
}

} // namespace penstock::layout
