// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room/drawing.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <optional>

namespace penstock::room {
namespace {

using layout::Rect;
using layout::Stamp;

struct Rgb {
    double red, green, blue;
};

constexpr Rgb floor_colour{0.08, 0.09, 0.11}, card_colour{0.16, 0.18, 0.21},
    speaker_colour{0.25, 0.62, 0.95}, quiet_text{0.62, 0.65, 0.70}, muted_colour{1, 0.56, 0.59};
/// Behind initials: one for each name.
constexpr std::array<Rgb, 8> avatar_colours{{{0.75, 0.30, 0.29},
                                             {0.76, 0.47, 0.20},
                                             {0.55, 0.53, 0.18},
                                             {0.27, 0.56, 0.32},
                                             {0.16, 0.55, 0.55},
                                             {0.24, 0.46, 0.75},
                                             {0.46, 0.38, 0.74},
                                             {0.68, 0.33, 0.61}}};
constexpr unsigned least_label_height = 64; ///< of a picture that has a label
constexpr unsigned frame_width = 4;         ///< around who speaks
constexpr size_t most_text = 256;           ///< bytes of a name that are drawn

struct SurfaceEnd {
    void operator()(cairo_surface_t *p) const { cairo_surface_destroy(p); }
};
struct ContextEnd {
    void operator()(cairo_t *p) const { cairo_destroy(p); }
};
struct ObjectEnd {
    void operator()(gpointer p) const { g_object_unref(p); }
};
using LayoutPtr = std::unique_ptr<PangoLayout, ObjectEnd>;

unsigned even_up(double length) {
    return unsigned(std::ceil(length / 2)) * 2;
}

/// Something to draw on, of even size.
class Sheet {
public:
    Sheet(unsigned width, unsigned height)
        : width_(width), height_(height),
          surface_(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, int(width), int(height))),
          context_(cairo_create(surface_.get())) {}

    cairo_t *context() const { return context_.get(); }
    void colour(const Rgb &c, double opacity = 1) const {
        cairo_set_source_rgba(context(), c.red, c.green, c.blue, opacity);
    }
    /// Empty if cairo has no memory.
    Stamp stamp(unsigned x, unsigned y, layout::Matrix matrix) const {
        cairo_surface_flush(surface_.get());
        const uint8_t *pixels = cairo_image_surface_get_data(surface_.get());
        if (!pixels) return {};
        return {pixels,
                size_t(cairo_image_surface_get_stride(surface_.get())),
                {x, y, width_, height_},
                matrix};
    }

private:
    unsigned width_, height_;
    std::unique_ptr<cairo_surface_t, SurfaceEnd> surface_;
    std::unique_ptr<cairo_t, ContextEnd> context_;
};

/// Valid UTF-8 of at most this many bytes, in one line.
std::string drawable(const std::string &text, size_t most) {
    const GOwned<> valid(g_utf8_make_valid(text.c_str(), gssize(text.size())));
    std::string out = valid.get();
    if (out.size() > most) {
        const gchar *end = g_utf8_find_prev_char(out.c_str(), out.c_str() + most + 1);
        out.resize(end ? size_t(end - out.c_str()) : 0);
    }
    for (char &c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return out;
}

LayoutPtr lay_out(cairo_t *context, const std::string &text, double pixels, bool is_bold,
                  std::optional<double> most_width) {
    LayoutPtr out(pango_cairo_create_layout(context));
    PangoFontDescription *font = pango_font_description_from_string("Sans");
    pango_font_description_set_absolute_size(font, pixels * PANGO_SCALE);
    if (is_bold) pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    pango_layout_set_font_description(out.get(), font);
    pango_font_description_free(font);
    pango_layout_set_single_paragraph_mode(out.get(), TRUE);
    pango_layout_set_text(out.get(), text.c_str(), int(text.size()));
    if (most_width) {
        pango_layout_set_ellipsize(out.get(), PANGO_ELLIPSIZE_END);
        int width = 0;
        pango_layout_get_pixel_size(out.get(), &width, nullptr);
        if (width > *most_width) pango_layout_set_width(out.get(), int(*most_width * PANGO_SCALE));
    }
    return out;
}

/// Draws with the text's own middle at a place.
void show_centred(cairo_t *context, PangoLayout *text, double x, double y) {
    PangoRectangle ink;
    pango_layout_get_pixel_extents(text, &ink, nullptr);
    cairo_move_to(context, x - ink.x - ink.width / 2.0, y - ink.y - ink.height / 2.0);
    pango_cairo_show_layout(context, text);
}

void fill(const layout::Frame &frame, layout::Matrix matrix, const Rect &at, const Rgb &colour) {
    const auto part = [](double value) { return uint32_t(std::lround(value * 255)); };
    const uint32_t word =
        0xff000000u | part(colour.red) << 16 | part(colour.green) << 8 | part(colour.blue);
    // The smallest stamp has the colour's values in the frame's format.
    const std::array<uint32_t, 4> pixels{word, word, word, word};
    std::array<uint8_t, 4> luma{};
    std::array<uint8_t, 1> blue{}, red{};
    Stamp(reinterpret_cast<const uint8_t *>(pixels.data()), 8, {0, 0, 2, 2}, matrix)
        .draw_on({{luma.data(), blue.data(), red.data()}, {2, 1, 1}, {2, 2}});
    const std::array<uint8_t, 3> values{luma[0], blue[0], red[0]};
    if (at.x + at.width > frame.size.width || at.y + at.height > frame.size.height) return;
    for (size_t i = 0; i < values.size(); ++i) {
        const unsigned by = i == 0 ? 1 : 2;
        for (unsigned y = 0; y < at.height / by; ++y)
            std::memset(frame.planes[i] + (at.y / by + y) * frame.strides[i] + at.x / by, values[i],
                        at.width / by);
    }
}

/// A microphone, crossed out, around a place.
void draw_muted(const Sheet &sheet, double x, double y, double size) {
    cairo_t *context = sheet.context();
    sheet.colour(muted_colour);
    cairo_set_line_width(context, std::max(1.0, size * 0.08));
    cairo_set_line_cap(context, CAIRO_LINE_CAP_ROUND);
    const double half = size * 0.13, top = y - size * 0.22, bottom = y;
    cairo_new_sub_path(context);
    cairo_arc(context, x, top, half, std::numbers::pi, 0);
    cairo_arc(context, x, bottom, half, 0, std::numbers::pi);
    cairo_close_path(context);
    cairo_fill(context);
    cairo_arc(context, x, bottom, size * 0.24, 0, std::numbers::pi);
    cairo_move_to(context, x, bottom + size * 0.24);
    cairo_line_to(context, x, y + size * 0.38);
    cairo_move_to(context, x - size * 0.3, y - size * 0.36);
    cairo_line_to(context, x + size * 0.3, y + size * 0.36);
    cairo_stroke(context);
}

/// The rectangle that is larger on each side, as far as the frame goes.
Rect widened(const Rect &at, unsigned by, layout::Size frame) {
    Rect out;
    out.x = at.x > by ? at.x - by : 0;
    out.y = at.y > by ? at.y - by : 0;
    out.width = std::min(at.x + at.width + by, frame.width) - out.x;
    out.height = std::min(at.y + at.height + by, frame.height) - out.y;
    return out;
}

} // namespace

std::string initials_of(const std::string &name) {
    const std::string text = drawable(name, most_text);
    std::vector<gunichar> firsts;
    bool in_word = false;
    for (const gchar *at = text.c_str(); *at; at = g_utf8_next_char(at)) {
        const gunichar c = g_utf8_get_char(at);
        const bool is_letter = g_unichar_isalnum(c);
        if (is_letter && !in_word) firsts.push_back(g_unichar_toupper(c));
        in_word = is_letter || g_unichar_ismark(c) || (in_word && (c == '\'' || c == 0x2019));
    }
    if (firsts.empty()) return "?";
    if (firsts.size() > 2) firsts = {firsts.front(), firsts.back()};
    std::string out;
    for (const gunichar c : firsts) {
        gchar bytes[6];
        out.append(bytes, size_t(g_unichar_to_utf8(c, bytes)));
    }
    return out;
}

Drawing::Drawing(const GstVideoInfo &info)
    : info_(info), matrix_(GST_VIDEO_INFO_COLORIMETRY(&info).matrix == GST_VIDEO_COLOR_MATRIX_BT709
                               ? layout::Matrix::bt709
                               : layout::Matrix::bt601) {
}

GstPtr<GstBuffer> Drawing::backdrop(const Backdrop &what) const {
    auto buffer = GstPtr<GstBuffer>::adopt(
        gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_), nullptr));
    GstVideoFrame mapped;
    GstVideoInfo info = info_;
    if (!buffer || !gst_video_frame_map(&mapped, &info, buffer.get(), GST_MAP_WRITE)) return {};
    layout::Frame frame;
    frame.size = {unsigned(info.width), unsigned(info.height)};
    for (guint i = 0; i < 3; ++i) {
        frame.planes[i] = static_cast<uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, i));
        frame.strides[i] = size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, i));
    }
    fill(frame, matrix_, {0, 0, frame.size.width, frame.size.height}, floor_colour);
    for (const Rect &around : what.frames)
        fill(frame, matrix_, widened(around, frame_width, frame.size), speaker_colour);
    for (const Card &card : what.cards)
        draw_card(frame, card);
    if (!what.text.empty()) {
        const double size = std::max(12.0, frame.size.height / 20.0);
        const Sheet sheet(frame.size.width & ~1u,
                          std::min(frame.size.height & ~1u, even_up(size * 2)));
        const auto text = lay_out(sheet.context(), drawable(what.text, most_text), size, false,
                                  frame.size.width * 0.9);
        sheet.colour(quiet_text);
        show_centred(sheet.context(), text.get(), frame.size.width / 2.0, size);
        sheet.stamp(0, (unsigned(frame.size.height / 2.0 - size)) & ~1u, matrix_).draw_on(frame);
    }
    gst_video_frame_unmap(&mapped);
    return buffer;
}

void Drawing::draw_card(const layout::Frame &frame, const Card &card) const {
    fill(frame, matrix_, card.at, card_colour);
    const unsigned side = std::min(card.at.width, card.at.height) / 2 & ~1u;
    if (side < 8) return;
    const Sheet sheet(side, side);
    const Rgb &colour = avatar_colours[g_str_hash(card.name.c_str()) % avatar_colours.size()];
    const double middle = side / 2.0;
    cairo_arc(sheet.context(), middle, middle, middle - 1, 0, 2 * std::numbers::pi);
    sheet.colour(colour);
    cairo_fill(sheet.context());
    const auto text =
        lay_out(sheet.context(), initials_of(card.name), side * 0.42, true, side * 0.9);
    sheet.colour({1, 1, 1});
    show_centred(sheet.context(), text.get(), middle, middle);
    sheet
        .stamp((card.at.x + (card.at.width - side) / 2) & ~1u,
               (card.at.y + (card.at.height - side) / 2) & ~1u, matrix_)
        .draw_on(frame);
}

Stamp Drawing::label(const Label &what, const Rect &picture) const {
    const std::string text = drawable(what.text, most_text);
    if (text.empty() || picture.height < least_label_height) return {};
    const double size = std::clamp(picture.height / 16.0, 11.0, 26.0);
    const double inner = std::round(size * 0.45); // between the text and the label's edge
    const double outer = std::max(4.0, std::round(size * 0.4));
    const double mark = what.is_muted ? std::round(size * 1.1) : 0; // wide, before the text
    const double most = picture.width - 2 * outer - 2 * inner - mark;
    if (most < size) return {};
    // The text is measured on a sheet of its own.
    const Sheet measure(2, 2);
    const auto measured = lay_out(measure.context(), text, size, false, most);
    int text_width = 0, text_height = 0;
    pango_layout_get_pixel_size(measured.get(), &text_width, &text_height);
    const Sheet sheet(even_up(text_width + mark + 2 * inner), even_up(text_height + inner * 0.8));
    const double width = even_up(text_width + mark + 2 * inner),
                 height = even_up(text_height + inner * 0.8);
    const double radius = height * 0.25;
    cairo_t *context = sheet.context();
    cairo_new_sub_path(context);
    cairo_arc(context, width - radius, radius, radius, -std::numbers::pi / 2, 0);
    cairo_arc(context, width - radius, height - radius, radius, 0, std::numbers::pi / 2);
    cairo_arc(context, radius, height - radius, radius, std::numbers::pi / 2, std::numbers::pi);
    cairo_arc(context, radius, radius, radius, std::numbers::pi, 1.5 * std::numbers::pi);
    cairo_close_path(context);
    sheet.colour({0, 0, 0}, 0.55);
    cairo_fill(context);
    const auto shown = lay_out(context, text, size, false, most);
    sheet.colour({1, 1, 1});
    cairo_move_to(context, inner + mark, (height - text_height) / 2.0);
    pango_cairo_show_layout(context, shown.get());
    if (what.is_muted) draw_muted(sheet, inner + size * 0.4, height / 2, size);
    const double x = picture.x + outer, y = picture.y + picture.height - outer - height;
    return sheet.stamp(unsigned(x) & ~1u, unsigned(std::max(0.0, y)) & ~1u, matrix_);
}

} // namespace penstock::room
