// SPDX-License-Identifier: LGPL-2.1-or-later
// A room with real participants: who is forwarded to whom, and what they tell one another.
#include "unit/room_rig.hpp"

using namespace room_test;

GST_START_TEST(test_forward) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}), bob(loop, site.port(), {.name = "Bob"}),
        cleo(loop, site.port(), {.name = "Cleo"});
    ann.join();
    bob.join();
    cleo.join();
    ann.wait([&] { return ann.count("joined") == 2; });
    fail_unless_equals_int(cleo.find("welcome")->at("roster").size(), 3);
    fail_unless(cleo.find("welcome")->at("room") == "standup");
    fail_unless(ann.find("welcome")->at("role") == "host");
    fail_unless(bob.find("welcome")->at("role") == "speaker");
    for (Participant *each : {&ann, &bob})
        each->say({{"type", "state"}, {"audio", true}, {"video", true}, {"screen", false}});
    cleo.wait([&] {
        return !cleo.slot_of(ann.id, "camera").empty() && !cleo.slot_of(bob.id, "camera").empty() &&
               !cleo.slot_of(ann.id, "microphone").empty();
    });
    const std::string a = cleo.slot_of(ann.id, "camera"), b = cleo.slot_of(bob.id, "camera");
    const std::string sound = cleo.slot_of(ann.id, "microphone");
    fail_unless(a != b);
    Pace pace;
    cleo.wait([&] {
        if (pace.is_due()) {
            // A keyframe when it is asked for, as browsers do.
            ann.send_video(ann.asked() > 0 && pace.frames % 5 == 0, 'a');
            bob.send_video(bob.asked() > 0 && pace.frames % 5 == 0, 'b');
            ann.send_audio(20, 'A');
        }
        return cleo.received(a).size() > 20 && cleo.received(b).size() > 20 &&
               cleo.received(sound).size() > 20 && bob.received(bob.slot_of(ann.id, "camera")).size() > 20;
    });
    for (const auto &[mid, who] : {std::pair{a, 'a'}, {b, 'b'}, {sound, 'A'}}) {
        const auto &packets = cleo.received(mid);
        if (who != 'A') fail_unless(packets.front().is_key());
        for (size_t i = 0; i < packets.size(); ++i) {
            fail_unless_equals_int(packets[i].who(), who);
            if (i == 0) continue;
            fail_unless_equals_int(packets[i].sequence, uint16_t(packets[i - 1].sequence + 1));
            fail_unless_equals_int(packets[i].timestamp - packets[i - 1].timestamp,
                                   who == 'A' ? opus_ticks : frame_ticks);
        }
    }
    // Nobody gets what is its own.
    fail_unless(ann.slot_of(ann.id, "camera").empty());
    bob.leave();
    cleo.wait([&] { return cleo.find("left") && cleo.slot_of(bob.id, "camera").empty(); });
    fail_unless(cleo.find("left")->at("id") == bob.id);
    fail_unless(cleo.slot_of(ann.id, "camera") == a);
}
GST_END_TEST

static Suite *net_room_suite() {
    Suite *s = suite_create("net room");
    TCase *c = tcase_create("room");
    suite_add_tcase(s, c);
    tcase_add_test(c, test_forward);
    return s;
}
GST_CHECK_MAIN(net_room)
