// SPDX-License-Identifier: LGPL-2.1-or-later
// roommixer: what is seen and heard, in each layout; names; sizes; the end.
#include "elements/roommixer_rig.hpp"

using namespace roommixer_test;

// With nobody there: a text on the background, and silence, from the start on.
GST_START_TEST(test_empty) {
    Room room;
    room.see({{5, 5, background}, {635, 355, background}});
    const auto has_text = [&] {
        for (int x = 100; x < 540; ++x)
            if (room.at(x, 180).luma > 100) return true;
        return false;
    };
    fail_unless(eventually(has_text));
    g_object_set(room.mixer(), "empty-text", "", nullptr);
    fail_unless(eventually([&] { return !has_text(); }));
    fail_unless(eventually([&] { return room.sounds() > 50; }));
    fail_unless_equals_int(room.loudness(), 0);
    fail_unless_equals_int(room.gaps(), 0);
    // Nothing comes before its time.
    fail_unless(room.audio_lead() < gint64(100 * GST_MSECOND), "%" G_GINT64_FORMAT " ms ahead",
                room.audio_lead() / gint64(GST_MSECOND));
    room.fail_on_errors();
}
GST_END_TEST

GST_START_TEST(test_grid) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}, {620, 20, red}});
    fail_unless_equals_string(room.stat_of(first, "drops").c_str(), "0");
    Guest second = room.join(bob);
    room.see({{160, 160, red}, {480, 160, green}, {160, 30, background}, {480, 330, background}});
    Guest third = room.join(eve);
    // The last row is in the middle.
    room.see({{160, 60, red}, {480, 60, green}, {320, 260, blue}, {40, 260, background}});
    room.leave(first);
    room.see({{160, 160, green}, {480, 160, blue}});
    room.leave(second);
    room.leave(third);
    room.see({{20, 20, background}});
    room.fail_on_errors();
}
GST_END_TEST

// The layout changes while it plays; a shared screen is large whoever speaks.
GST_START_TEST(test_speaker) {
    Room room("layout=speaker");
    Person silent = ann, loud = bob, screen = eve;
    silent.volume = "0";
    loud.volume = "0.5";
    screen.tags = ",keywords=(string)screen";
    Guest first = room.join(silent);
    room.see({{20, 20, red}});
    Guest second = room.join(loud);
    room.see({{200, 180, green}, {570, 180, red}});
    fail_unless(room.loudness() > 1000);
    g_object_set(room.mixer(), "layout", 0, nullptr);
    room.see({{160, 160, red}, {480, 160, green}});
    Guest third = room.join(screen);
    room.see({{200, 180, blue}, {570, 110, red}, {570, 240, green}});
    fail_unless_equals_string(room.stat_of(third, "screen").c_str(), "true");
    g_object_set(room.mixer(), "layout", 1, nullptr);
    room.leave(third);
    room.see({{200, 180, green}, {570, 180, red}});
    room.fail_on_errors();
}
GST_END_TEST

// Without video there are initials on a card; with a title there is a label.
GST_START_TEST(test_names) {
    Room room;
    Person heard{.title = "Ann <b>&amp; \"Bob\"", .colour = "", .volume = "0.2", .tags = ""};
    heard.title = "Ann <b>&amp; Bob";
    Guest guest = room.join(heard);
    room.see({{20, 20, card}, {620, 20, card}});
    // White letters in a disc.
    fail_unless(eventually([&] {
        for (int x = 250; x < 390; ++x)
            if (room.at(x, 180).luma > 200) return true;
        return false;
    }));
    fail_unless_equals_string(room.stat_of(guest, "title").c_str(), heard.title.c_str());
    fail_unless_equals_string(room.stat_of(guest, "state").c_str(), "name");
    room.leave(guest);

    Guest seen = room.join(ann);
    room.see({{320, 180, red}});
    // The label is darker than the video, and has white letters.
    fail_unless(eventually([&] {
        bool has_letters = false;
        for (int x = 16; x < 60; ++x)
            has_letters = has_letters || room.at(x, 336).luma > 150;
        return has_letters && room.at(14, 336).luma < 60;
    }));
    Person nameless = bob;
    nameless.title = " ";
    Guest other = room.join(nameless);
    room.see({{480, 160, green}});
    room.fail_on_errors();
}
GST_END_TEST

// A video that becomes upright, and one that is turned by its tag.
GST_START_TEST(test_shapes) {
    Room room;
    Guest guest = room.join(ann);
    room.see({{20, 20, red}});
    const auto size = guest.find("size");
    gst_util_set_object_arg(G_OBJECT(size.get()), "caps",
                            "video/x-raw,format=I420,width=90,height=160,framerate=10/1");
    room.see({{320, 20, red}, {100, 100, background}, {540, 100, background}});
    fail_unless_equals_string(room.stat_of(guest, "height").c_str(), "160");
    room.leave(guest);

    Person turned = bob;
    turned.tags = ",image-orientation=(string)rotate-90";
    Guest other = room.join(turned);
    room.see({{320, 20, green}, {100, 100, background}, {540, 100, background}});
    fail_unless_equals_string(room.stat_of(other, "height").c_str(), "320");
    room.fail_on_errors();
}
GST_END_TEST

// VP8 is of BT.601, also where other video of this size is of BT.709.
GST_START_TEST(test_colours) {
    Room room;
    Person sharp = bob;
    sharp.size = "1280,height=720,colorimetry=bt601";
    Guest guest = room.join(sharp);
    room.see({{320, 180, green}});
    room.fail_on_errors();
}
GST_END_TEST

// Only as many are seen, and only their video is decoded; who speaks is among them.
GST_START_TEST(test_max_tiles) {
    Room room("max-tiles=1");
    Person silent = ann, loud = bob;
    silent.volume = "0";
    loud.volume = "0.5";
    Guest first = room.join(silent);
    room.see({{20, 20, red}});
    Guest second = room.join(loud);
    room.see({{20, 20, green}, {620, 340, green}});
    const auto frames = [&](const Guest &guest) { return room.stat_of(guest, "video-frames"); };
    const std::string before = penstock_test::settled([&] { return frames(first); });
    const unsigned seen = room.frames();
    fail_unless(eventually([&] { return room.frames() > seen + 10; }));
    fail_unless_equals_string(frames(first).c_str(), before.c_str());
    g_object_set(room.mixer(), "max-tiles", 2, nullptr);
    room.see({{160, 160, red}, {480, 160, green}});
    room.fail_on_errors();
}
GST_END_TEST

GST_START_TEST(test_end) {
    Room room;
    Guest guest = room.join(ann);
    room.see({{20, 20, red}});
    gst_element_send_event(room.mixer(), gst_event_new_eos());
    room.message(GST_MESSAGE_EOS);
    // Again from the start.
    gst_element_set_state(room.pipeline(), GST_STATE_READY);
    const unsigned before = room.frames();
    gst_element_set_state(room.pipeline(), GST_STATE_PLAYING);
    fail_unless(eventually([&] { return room.frames() > before + 5; }));
    room.see({{20, 20, red}});
    fail_unless(room.audio_lead() < gint64(100 * GST_MSECOND));
}
GST_END_TEST

// With on-empty=eos it ends some time after the last one has gone, and not before somebody has
// come.
GST_START_TEST(test_end_when_empty) {
    Room room("on-empty=eos");
    fail_unless(eventually([&] { return room.frames() > 20; }));
    Guest guest = room.join(ann);
    room.see({{20, 20, red}});
    room.leave(guest);
    room.message(GST_MESSAGE_EOS);
}
GST_END_TEST

static Suite *roommixer_suite() {
    Suite *suite = suite_create("roommixer");
    TCase *tests = tcase_create("mix");
    tcase_add_test(tests, test_empty);
    tcase_add_test(tests, test_grid);
    tcase_add_test(tests, test_speaker);
    tcase_add_test(tests, test_names);
    tcase_add_test(tests, test_shapes);
    tcase_add_test(tests, test_colours);
    tcase_add_test(tests, test_max_tiles);
    tcase_add_test(tests, test_end);
    tcase_add_test(tests, test_end_when_empty);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(roommixer)
