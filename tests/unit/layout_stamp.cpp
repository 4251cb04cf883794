// SPDX-License-Identifier: LGPL-2.1-or-later
// Drawings laid over frames: colours, transparency, edges.
#include "core/layout/stamp.h"

#include "check.hpp"

using namespace penstock::layout;

namespace {

/// A frame of 16x8 pixels of one colour, with room behind each line.
struct Picture {
    std::vector<uint8_t> luma = std::vector<uint8_t>(20 * 8, 100);
    std::vector<uint8_t> blue = std::vector<uint8_t>(12 * 4, 90), red = blue;

    Frame frame() { return {{luma.data(), blue.data(), red.data()}, {20, 12, 12}, {16, 8}}; }
    std::array<int, 3> at(size_t x, size_t y) const {
        return {luma[y * 20 + x], blue[y / 2 * 12 + x / 2], red[y / 2 * 12 + x / 2]};
    }
};

/// One colour, multiplied by its opacity already.
Stamp plain(Rect at, uint32_t argb, Matrix matrix = Matrix::bt709) {
    const std::vector<uint32_t> pixels(size_t(at.width) * at.height, argb);
    return Stamp(reinterpret_cast<const uint8_t *>(pixels.data()), size_t(at.width) * 4, at,
                 matrix);
}

using Colour = std::array<int, 3>;

} // namespace

GST_START_TEST(test_colours) {
    const struct {
        uint32_t argb;
        Matrix matrix;
        Colour wanted;
    } cases[] = {
        {0xffffffff, Matrix::bt709, {235, 128, 128}}, {0xff000000, Matrix::bt709, {16, 128, 128}},
        {0xffff0000, Matrix::bt709, {63, 102, 240}},  {0xffff0000, Matrix::bt601, {81, 90, 240}},
        {0xff0000ff, Matrix::bt601, {41, 240, 110}},
    };
    for (const auto &one : cases) {
        Picture picture;
        plain({2, 2, 4, 4}, one.argb, one.matrix).draw_on(picture.frame());
        const Colour found = picture.at(3, 3);
        fail_unless(found == one.wanted, "%d %d %d", found[0], found[1], found[2]);
    }
}
GST_END_TEST

GST_START_TEST(test_opacity) {
    Picture picture;
    plain({0, 0, 4, 4}, 0x00000000).draw_on(picture.frame());
    fail_unless((picture.at(1, 1) == Colour{100, 90, 90}));
    // Half of black.
    plain({0, 0, 4, 4}, 0x80000000).draw_on(picture.frame());
    const Colour half = picture.at(1, 1);
    fail_unless((half == Colour{58, 109, 109}), "%d %d %d", half[0], half[1], half[2]);
    fail_unless((picture.at(4, 1) == Colour{100, 90, 90}));
    fail_unless((picture.at(1, 4) == Colour{100, 90, 90}));
}
GST_END_TEST

// Up to the last pixel, and not beyond.
GST_START_TEST(test_edges) {
    Picture picture;
    plain({12, 4, 4, 4}, 0xffffffff).draw_on(picture.frame());
    fail_unless_equals_int(picture.at(15, 7)[0], 235);
    fail_unless_equals_int(picture.luma[7 * 20 + 16], 100);
    const auto before = picture.luma;
    plain({14, 4, 4, 4}, 0xff000000).draw_on(picture.frame());
    plain({12, 6, 4, 4}, 0xff000000).draw_on(picture.frame());
    Stamp().draw_on(picture.frame());
    fail_unless(picture.luma == before);
}
GST_END_TEST

static Suite *layout_stamp_suite() {
    Suite *suite = suite_create("layout_stamp");
    TCase *tests = tcase_create("stamps");
    tcase_add_test(tests, test_colours);
    tcase_add_test(tests, test_opacity);
    tcase_add_test(tests, test_edges);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(layout_stamp)
