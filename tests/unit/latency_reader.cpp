// SPDX-License-Identifier: LGPL-2.1-or-later
// The code is found and read anywhere in a frame and at any size; nothing else is read.
#include "core/latency/reader.h"

#include "latency_pictures.hpp"

#include "check.hpp"

using namespace penstock::latency;
using namespace penstock::test;

namespace {

constexpr int64_t some_time = 1'764'000'000'123'456;

Stamp stamp_of(unsigned frame) {
    return {some_time + frame * 33'333LL, frame, uint16_t(frame * 7)};
}

void expect(const Picture &picture, const Stamp &stamp, const char *what) {
    const auto reading = Reader().read(picture.luma());
    fail_unless(reading.has_value(), "%s: nothing is read", what);
    fail_unless(reading->stamp == stamp, "%s: wrong", what);
}

} // namespace

GST_START_TEST(test_sizes_and_places) {
    const std::pair<int, int> sizes[] = {{320, 180},  {640, 360},   {720, 576},   {360, 640},
                                         {1280, 720}, {1920, 1080}, {1080, 1920}, {641, 359}};
    unsigned frame = 0;
    for (const auto &[width, height] : sizes)
        for (const double x : {0.0, 0.5, 1.0})
            for (const double y : {0.0, 0.4, 1.0}) {
                Picture picture = scene(width, height, ++frame);
                Appearance appearance;
                appearance.x = x;
                appearance.y = y;
                appearance.content = frame % 2 ? Content::both : Content::code;
                const Rectangle area = draw(picture, stamp_of(frame), appearance);
                fail_if(area.is_empty());
                fail_unless(area.x % 2 == 0 && area.y % 2 == 0 && area.width % 2 == 0 &&
                            area.height % 2 == 0);
                const std::string what = std::to_string(width) + "x" + std::to_string(height) +
                                         " at " + std::to_string(x) + "," + std::to_string(y);
                expect(picture, stamp_of(frame), what.c_str());
            }
}
GST_END_TEST

GST_START_TEST(test_scaled) {
    unsigned frame = 0;
    for (const auto &[width, height] : {std::pair{640, 360}, {1280, 720}, {1920, 1080}}) {
        if (width == 1920 && rounds(10) < 10) break; // costs tenfold, and shows nothing else
        Picture picture = scene(width, height, 50 + ++frame);
        draw(picture, stamp_of(frame));
        for (const auto &[w, h] :
             {std::pair{426, 240}, {640, 360}, {854, 480}, {1280, 720}, {1920, 1080}, {640, 480}}) {
            const std::string what = std::to_string(width) + " to " + std::to_string(w);
            const Picture other = scaled(picture, w, h);
            expect(other, stamp_of(frame), what.c_str());
            expect(scaled(other, width, height), stamp_of(frame), (what + " and back").c_str());
        }
    }
}
GST_END_TEST

GST_START_TEST(test_boxed_and_cropped) {
    for (unsigned frame = 1; frame < 5; ++frame) {
        Picture picture = scene(640, 360, 90 + frame);
        Appearance appearance;
        appearance.x = frame & 1;
        appearance.y = frame >> 1 & 1;
        draw(picture, stamp_of(frame), appearance);
        expect(boxed(picture, 640, 480), stamp_of(frame), "letterbox");
        expect(boxed(picture, 860, 360), stamp_of(frame), "pillarbox");
        expect(scaled(boxed(picture, 640, 480), 400, 300), stamp_of(frame), "a smaller letterbox");
        // 5 % is cropped at each edge.
        expect(cropped(picture, 32, 18, 576, 324), stamp_of(frame), "cropped");
        expect(scaled(cropped(picture, 32, 18, 576, 324), 640, 360), stamp_of(frame),
               "cropped and scaled");
    }
}
GST_END_TEST

// The code's last place is tried first; when the code moves it is found anew.
GST_START_TEST(test_moves) {
    Reader reader;
    for (unsigned frame = 0; frame < 40; ++frame) {
        Picture picture = scene(640, 360, frame);
        Appearance appearance;
        appearance.x = double(frame / 4 % 4) / 3;
        appearance.size = frame < 20 ? 0.2 : 0.3;
        draw(picture, stamp_of(frame), appearance);
        if (frame % 10 == 9) picture = Picture(640, 360); // one without
        const auto reading = reader.read(picture.luma());
        fail_unless(reading.has_value() == (frame % 10 != 9), "%u", frame);
        if (reading) fail_unless(reading->stamp == stamp_of(frame));
    }
}
GST_END_TEST

GST_START_TEST(test_two_sources) {
    Picture picture = scene(1280, 720, 1);
    Appearance right;
    right.x = 1;
    draw(picture, {some_time, 5, 1});
    draw(picture, {some_time + 900, 6, 2}, right);
    for (const uint16_t source : {1, 2}) {
        const auto reading = Reader(source).read(picture.luma());
        fail_unless(reading && reading->stamp.source == source);
    }
    fail_if(Reader(3).read(picture.luma()).has_value());
}
GST_END_TEST

// A faint stamp over an edge of the scene, at any position of the code: each bar and each cell has
// a different brightness.
GST_START_TEST(test_scene_shines_through) {
    constexpr int share = 40; // opacity in percent
    unsigned read = 0, all = 0;
    for (const bool is_upright : {true, false}) {
        Picture stamped = scene(640, 360, 1);
        const Rectangle area = draw(stamped, stamp_of(1));
        const int from = is_upright ? area.x : area.y;
        const int to = from + (is_upright ? area.width : area.height);
        for (int edge = from; edge < to; ++edge, ++all) {
            Picture picture = stamped;
            for (int y = 0; y < 360; ++y)
                for (int x = 0; x < 640; ++x) {
                    const int behind = (is_upright ? x : y) < edge ? 170 : 60;
                    picture.at(x, y) =
                        uint8_t((stamped.at(x, y) * share + behind * (100 - share)) / 100);
                }
            const auto reading = Reader().read(picture.luma());
            read += reading.has_value();
            if (reading) fail_unless(reading->stamp == stamp_of(1));
        }
    }
    fail_unless(read * 100 >= all * 95, "%u of %u", read, all);
}
GST_END_TEST

// Damage that hides cells or mixes frames: the right number or none is read.
GST_START_TEST(test_damaged) {
    std::mt19937 random(11);
    unsigned read = 0, unread = 0;
    for (unsigned frame = 0; frame < 600; frame += 600 / unsigned(rounds(600))) {
        Picture picture = scene(640, 360, frame % 20);
        const Rectangle area = draw(picture, stamp_of(frame));
        Picture other = scene(640, 360, frame % 20);
        draw(other, stamp_of(frame + 1));
        switch (frame % 4) {
        case 0: // something lies over it
            for (int i = 0; i < int(frame / 40); ++i) {
                const int x = area.x + int(random() % unsigned(area.width - 20));
                const int y = area.y + int(random() % unsigned(area.height - 12));
                const auto value = uint8_t(random());
                for (int v = 0; v < 12; ++v)
                    for (int u = 0; u < 20; ++u)
                        picture.at(x + u, y + v) = value;
            }
            break;
        case 1: // grain
            for (uint8_t &pixel : picture.pixels)
                pixel = uint8_t(
                    std::clamp(int(pixel) + int(random() % (frame + 1)) - int(frame / 2), 0, 255));
            break;
        case 2: { // a fade into the next frame
            const int part = int(random() % 101);
            for (size_t i = 0; i < picture.pixels.size(); ++i)
                picture.pixels[i] =
                    uint8_t((picture.pixels[i] * part + other.pixels[i] * (100 - part)) / 100);
            break;
        }
        default: // torn: below a line it is the next frame
            for (int y = int(random() % 360); y < 360; ++y)
                for (int x = 0; x < 640; ++x)
                    picture.at(x, y) = other.at(x, y);
        }
        const auto reading = Reader().read(picture.luma());
        ++(reading ? read : unread);
        if (reading)
            fail_unless(reading->stamp == stamp_of(frame) ||
                            (frame % 4 >= 2 && reading->stamp == stamp_of(frame + 1)),
                        "frame %u", frame);
    }
    // Both outcomes occurred.
    fail_unless(int(read) > rounds(200) && int(unread) > rounds(50), "%u read, %u not", read,
                unread);
}
GST_END_TEST

GST_START_TEST(test_small_pictures) {
    constexpr int step = 30 / rounds(10);
    for (int width = 1; width < 140; width += step)
        for (int height = 1; height < 80; height += step) {
            Picture picture = scene(std::max(width, 3), std::max(height, 3), 1);
            const Rectangle area = draw(picture, stamp_of(1));
            fail_unless(area.x + area.width <= picture.width);
            fail_unless(area.y + area.height <= picture.height);
            const auto reading = Reader().read(picture.luma());
            if (reading) fail_unless(reading->stamp == stamp_of(1));
        }
    fail_if(Reader().read(Luma{}).has_value());
}
GST_END_TEST

GST_START_TEST(test_text) {
    fail_unless_equals_string(clock_text({1'764'030'207'123'999, 1234, 0}).c_str(), "00:23:27.123");
    fail_unless_equals_string(frame_text({some_time, 71'001'234, 0}, "").c_str(), "#001234");
    fail_unless_equals_string(frame_text({some_time, 12, 0}, "camera 2").c_str(),
                              "#000012 camera 2");
    // A long text makes the panel no wider than the frame, and is not drawn outside of it.
    Picture picture = scene(640, 360, 2);
    Appearance appearance;
    appearance.text = std::string(200, 'W') + "\xC3\xA4";
    const Rectangle area = draw(picture, stamp_of(3), appearance);
    fail_unless(area.width <= 640 && area.width > 500);
    expect(picture, stamp_of(3), "long text");
    appearance.content = Content::text;
    Picture plain(640, 360);
    draw(plain, stamp_of(3), appearance);
    fail_if(Reader().read(plain.luma()).has_value());
}
GST_END_TEST

static Suite *latency_reader_suite() {
    Suite *s = suite_create("latency_reader");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_sizes_and_places);
    tcase_add_test(tc, test_scaled);
    tcase_add_test(tc, test_boxed_and_cropped);
    tcase_add_test(tc, test_moves);
    tcase_add_test(tc, test_two_sources);
    tcase_add_test(tc, test_scene_shines_through);
    tcase_add_test(tc, test_damaged);
    tcase_add_test(tc, test_small_pictures);
    tcase_add_test(tc, test_text);
    return s;
}
GST_CHECK_MAIN(latency_reader)
