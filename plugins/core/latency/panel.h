// SPDX-License-Identifier: LGPL-2.1-or-later
// The appearance of a stamp: code, clock and text as rows of brightness, to be copied into frames
// of any format.
#pragma once

#include "core/latency/code.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::latency {

enum class Content { both, text, code };

struct Appearance {
    Content content = Content::both;
    /// Height of the code with its quiet zone, relative to the frame's shorter side.
    double size = 0.2;
    double x = 0, y = 1;  ///< 0: at the left or top, 1: at the right or bottom
    double margin = 0.06; ///< kept free at each edge, relative to the frame's width or height
    std::string text;     ///< a second line below the clock
};

/// A rectangle in pixels; all values are even.
struct Rectangle {
    int x = 0, y = 0, width = 0, height = 0;
    bool is_empty() const { return width == 0; }
};

/// Identical consecutive rows.
struct Band {
    int height;
    std::vector<uint8_t> luma; ///< a single row: dark, light or grey
};

/// Computes the layout of a stamp for one frame size, and draws it.
class Panel {
public:
    /// The limits of video range; full-range video shows them as dark and light grey.
    static constexpr uint8_t dark = 16, light = 235;

    Panel(const Appearance &appearance, int width, int height);

    /// Empty if the frame is too small: a cell needs two pixels.
    const Rectangle &area() const { return area_; }
    /// Size of a cell in pixels; 0 without a code.
    int cell() const { return cell_; }
    /// Bands from top to bottom; their heights add up to the area's.
    std::vector<Band> draw(const Stamp &stamp) const;

private:
    void fit(const Appearance &appearance, int width, int height);
    void draw_code(const Stamp &stamp, std::vector<Band> &out) const;
    void draw_line(const std::string &line, std::vector<Band> &out) const;

    Content content_;
    std::string text_;
    Rectangle area_;
    int cell_ = 0, dot_ = 0;
};

/// UTC to the millisecond: "16:43:27.123".
std::string clock_text(const Stamp &stamp);
/// The last six digits of the frame number, and the text: "#001234 camera 2".
std::string frame_text(const Stamp &stamp, const std::string &text);

} // namespace penstock::latency
