// SPDX-License-Identifier: LGPL-2.1-or-later
// Layouts of conferences: where tiles stand, in grids, with a speaker, with shared screens.
#include "core/layout/tiles.h"

#include "check.hpp"

using namespace penstock::layout;

namespace {

std::string text(const Rect &r) {
    return std::to_string(r.width) + "x" + std::to_string(r.height) + "+" + std::to_string(r.x) +
           "+" + std::to_string(r.y);
}

/// The pictures, one after the other.
std::string pictures(Kind kind, Size frame, const std::vector<Tile> &tiles) {
    std::string out;
    for (const Place &place : arrange(kind, frame, tiles))
        out += (out.empty() ? "" : " ") + text(place.picture);
    return out;
}

std::vector<Tile> people(size_t count) {
    return std::vector<Tile>(count);
}

bool overlap(const Rect &a, const Rect &b) {
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
           b.y < a.y + a.height;
}

} // namespace

GST_START_TEST(test_fit) {
    fail_unless_equals_string(text(fit({16, 9}, {0, 0, 640, 480})).c_str(), "640x360+0+60");
    fail_unless_equals_string(text(fit({9, 16}, {100, 0, 640, 480})).c_str(), "270x480+284+0");
    fail_unless_equals_string(text(fit({1280, 720}, {0, 0, 1280, 720})).c_str(), "1280x720+0+0");
    // What has no shape, or one that nothing can be seen of, is 16:9.
    fail_unless_equals_string(text(fit({0, 0}, {0, 0, 640, 360})).c_str(), "640x360+0+0");
    fail_unless_equals_string(text(fit({6400, 200}, {0, 0, 640, 360})).c_str(), "640x360+0+0");
}
GST_END_TEST

GST_START_TEST(test_grid) {
    const Size frame{1280, 720};
    fail_unless_equals_int(arrange(Kind::grid, frame, {}).size(), 0);
    fail_unless_equals_string(pictures(Kind::grid, frame, people(1)).c_str(), "1280x720+0+0");
    // Beside each other in a wide frame, one above the other in an upright one.
    fail_unless_equals_string(pictures(Kind::grid, frame, people(2)).c_str(),
                              "628x352+8+184 628x352+644+184");
    fail_unless_equals_string(pictures(Kind::grid, {720, 1280}, people(2)).c_str(),
                              "704x396+8+124 704x396+8+760");
    // A last row that is not full is in the middle.
    fail_unless_equals_string(pictures(Kind::grid, frame, people(3)).c_str(),
                              "618x348+12+8 618x348+648+8 618x348+330+364");
    const auto seven = arrange(Kind::grid, frame, people(7));
    fail_unless_equals_int(seven[6].cell.x, seven[1].cell.x);
    fail_unless(seven[6].cell.y > seven[3].cell.y);
    // Upright ones stand beside each other.
    const auto upright = arrange(Kind::grid, frame, std::vector<Tile>(4, Tile{{9, 16}}));
    for (const Place &place : upright)
        fail_unless_equals_int(place.cell.y, upright[0].cell.y);
}
GST_END_TEST

GST_START_TEST(test_speaker) {
    const Size frame{1280, 720};
    auto three = people(3);
    three[1].is_speaker = true;
    const auto places = arrange(Kind::speaker, frame, three);
    fail_unless(places[1].is_large && !places[0].is_large && !places[2].is_large);
    fail_unless_equals_string(text(places[1].picture).c_str(), "1004x564+8+78");
    fail_unless_equals_string(text(places[0].picture).c_str(), "252x140+1020+112");
    fail_unless_equals_string(text(places[2].picture).c_str(), "252x140+1020+468");
    // The first one, if nobody speaks; alone, the whole frame.
    fail_unless(arrange(Kind::speaker, frame, people(3))[0].is_large);
    fail_unless_equals_string(pictures(Kind::speaker, frame, people(1)).c_str(), "1280x720+0+0");
    // The strip is below in an upright frame.
    const auto tall = arrange(Kind::speaker, {720, 1280}, three);
    fail_unless(tall[0].cell.y > tall[1].cell.y + tall[1].cell.height);
}
GST_END_TEST

GST_START_TEST(test_screen) {
    for (const Kind kind : {Kind::grid, Kind::speaker}) {
        auto tiles = people(4);
        tiles[0].is_speaker = true;
        tiles[2] = {{4, 3}, true, false};
        const auto places = arrange(kind, {1280, 720}, tiles);
        for (size_t i = 0; i < places.size(); ++i)
            fail_unless_equals_int(places[i].is_large, i == 2);
        fail_unless(places[2].picture.size().pixels() > 8 * places[0].picture.size().pixels());
    }
    // Two screens are alike.
    std::vector<Tile> screens{{{16, 9}, true}, {{16, 9}, true}, {}};
    const auto two = arrange(Kind::grid, {1280, 720}, screens);
    fail_unless(two[0].cell.size() == two[1].cell.size());
    fail_unless(two[0].is_large && two[1].is_large && !two[2].is_large);
}
GST_END_TEST

// Whatever the tiles are: within the frame, even, not over each other.
GST_START_TEST(test_laws) {
    std::mt19937 random(1);
    for (int round = 0; round < rounds(4000); ++round) {
        const Size frame{unsigned(64 + 2 * (random() % 1000)), unsigned(64 + 2 * (random() % 600))};
        std::vector<Tile> tiles(1 + random() % 49);
        for (Tile &tile : tiles)
            tile = {{unsigned(random() % 2000), unsigned(random() % 2000)},
                    random() % 8 == 0,
                    random() % 8 == 0};
        const auto kind = random() % 2 ? Kind::grid : Kind::speaker;
        const auto places = arrange(kind, frame, tiles);
        fail_unless_equals_int(places.size(), tiles.size());
        for (size_t i = 0; i < places.size(); ++i) {
            const auto &[cell, picture, is_large] = places[i];
            for (const Rect &r : {cell, picture}) {
                const std::string where = text(r);
                fail_if((r.x | r.y | r.width | r.height) & 1, "%s is odd", where.c_str());
                fail_unless(r.width >= 2 && r.height >= 2, "%s", where.c_str());
                // Tiles that are too many for a tiny frame may leave it, which the mixer leaves
                // out.
                if (frame.width >= 320 && frame.height >= 180)
                    fail_unless(r.x + r.width <= frame.width && r.y + r.height <= frame.height,
                                "%s of %zu in %ux%u", where.c_str(), tiles.size(), frame.width,
                                frame.height);
            }
            if (frame.width < 320 || frame.height < 180) continue;
            for (size_t j = 0; j < i; ++j)
                fail_if(overlap(places[j].cell, cell), "%s and %s of %zu in %ux%u",
                        text(places[j].cell).c_str(), text(cell).c_str(), tiles.size(), frame.width,
                        frame.height);
        }
    }
}
GST_END_TEST

static Suite *layout_tiles_suite() {
    Suite *suite = suite_create("layout_tiles");
    TCase *tests = tcase_create("layouts");
    tcase_add_test(tests, test_fit);
    tcase_add_test(tests, test_grid);
    tcase_add_test(tests, test_speaker);
    tcase_add_test(tests, test_screen);
    tcase_add_test(tests, test_laws);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(layout_tiles)
