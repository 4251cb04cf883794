// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/panel.h"

#include "core/latency/font.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace penstock::latency {
namespace {

/// In dots: a line of text with one dot above, and two below for descenders.
constexpr int line_height = font::height + 3;
/// Dots per cell at most, so that the text is about as wide as the code.
constexpr int dots_per_cell = 3;

int even(int value) {
    return value & ~1;
}

/// The position of `size` within `whole`: `where` 0 to 1 between the margins, if it fits.
int place(int size, int whole, double where, double margin) {
    const int free = whole - size;
    const int edge = std::min(static_cast<int>(std::ceil(margin * whole)), free / 2);
    return even(edge + static_cast<int>(std::lround(where * (free - 2 * edge))));
}

} // namespace

std::string clock_text(const Stamp &stamp) {
    const int64_t ms = stamp.time / 1000;
    char text[40];
    std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", static_cast<int>(ms / 3'600'000 % 24),
                  static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60),
                  static_cast<int>(ms % 1000));
    return text;
}

std::string frame_text(const Stamp &stamp, const std::string &text) {
    char number[16];
    std::snprintf(number, sizeof number, "#%06u", static_cast<unsigned>(stamp.frame % 1'000'000));
    return text.empty() ? number : number + (" " + text);
}

Panel::Panel(const Appearance &appearance, int width, int height)
    : content_(appearance.content), text_(appearance.text) {
    const int wanted = static_cast<int>(
        std::lround(appearance.size * std::min(width, height) / cells::full_height));
    for (int cell = std::max(wanted, 2); cell >= 2 && area_.is_empty(); --cell) {
        cell_ = cell;
        fit(appearance, width, height);
    }
}

void Panel::fit(const Appearance &appearance, int width, int height) {
    dot_ = std::max(1, cell_ / dots_per_cell);
    int w = 0, h = 0;
    if (content_ != Content::text) {
        w = cells::full_width * cell_;
        h = cells::full_height * cell_;
    }
    if (content_ != Content::code) {
        // Text that is too long is truncated.
        const auto room = static_cast<size_t>(std::max(0, width / (dot_ * font::advance) - 2));
        const size_t length =
            std::max(clock_text({}).size(), std::min(frame_text({}, text_).size(), room));
        w = std::max(w, (static_cast<int>(length) + 2) * font::advance * dot_);
        h += 2 * line_height * dot_;
    }
    w = even(w + 1);
    h = even(h + 1);
    if (w > width || h > height) return;
    area_ = {place(w, width, appearance.x, appearance.margin),
             place(h, height, appearance.y, appearance.margin), w, h};
}

std::vector<Band> Panel::draw(const Stamp &stamp) const {
    std::vector<Band> bands;
    if (area_.is_empty()) return bands;
    if (content_ != Content::text) draw_code(stamp, bands);
    if (content_ != Content::code) {
        draw_line(clock_text(stamp), bands);
        draw_line(frame_text(stamp, text_), bands);
    }
    int height = 0;
    for (const Band &band : bands)
        height += band.height;
    if (height < area_.height)
        bands.push_back(
            {area_.height - height, std::vector<uint8_t>(static_cast<size_t>(area_.width), light)});
    return bands;
}

void Panel::draw_code(const Stamp &stamp, std::vector<Band> &out) const {
    const Codeword word = encode(stamp);
    const std::vector<uint8_t> blank(static_cast<size_t>(area_.width), light);
    out.push_back({cells::quiet * cell_, blank});
    for (int row = 0; row < cells::rows; ++row) {
        Band band{cell_, blank};
        auto at = band.luma.begin() + cells::quiet * cell_;
        for (int column = 0; column < cells::width; ++column, at += cell_)
            if (is_dark(word, column, row)) std::fill_n(at, cell_, dark);
        out.push_back(std::move(band));
    }
    out.push_back({cells::quiet * cell_, blank});
}

void Panel::draw_line(const std::string &line, std::vector<Band> &out) const {
    const std::vector<uint8_t> blank(static_cast<size_t>(area_.width), light);
    const int room = area_.width / (dot_ * font::advance) - 1;
    const std::string shown = line.substr(0, static_cast<size_t>(std::max(room, 0)));
    out.push_back({dot_, blank});
    for (int row = 0; row <= font::height; ++row) {
        Band band{dot_, blank};
        auto at = band.luma.begin() + font::advance * dot_;
        for (const char character : shown) {
            for (int column = 0; column < font::width; ++column)
                if (font::is_inked(character, column, row))
                    std::fill_n(at + column * dot_, dot_, dark);
            at += font::advance * dot_;
        }
        out.push_back(std::move(band));
    }
    out.push_back({dot_, blank});
}

} // namespace penstock::latency
