// SPDX-License-Identifier: LGPL-2.1-or-later
// Drawings, made once, that are laid over frame after frame.
#pragma once

#include "core/layout/tiles.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::layout {

/// How RGB becomes Y'CbCr of limited range.
enum class Matrix { bt601, bt709 };

/// A frame in I420, which belongs to somebody else.
struct Frame {
    std::array<uint8_t *, 3> planes{};
    std::array<size_t, 3> strides{}; ///< bytes
    Size size;
};

/// A drawing in I420 with transparency, and where it goes.
class Stamp {
public:
    Stamp() = default;
    /// Makes a stamp of pixels as cairo has them: words of 32 bits, 0xAARRGGBB, with colours that
    /// are multiplied by alpha; `stride` bytes from line to line. `at` has their size and is even.
    Stamp(const uint8_t *pixels, size_t stride, Rect at, Matrix matrix);

    /// Lays it over the frame. Nothing is done if it is not wholly within the frame.
    void draw_on(const Frame &frame) const;
    const Rect &at() const { return at_; }

private:
    struct Plane {
        std::vector<uint8_t> values;  ///< multiplied by the opacity
        std::vector<uint8_t> through; ///< what is left of the frame, 0 to 255
    };
    Rect at_;
    std::array<Plane, 3> planes_;
};

} // namespace penstock::layout
