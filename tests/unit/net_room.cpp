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
               cleo.received(sound).size() > 20 &&
               bob.received(bob.slot_of(ann.id, "camera")).size() > 20;
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

GST_START_TEST(test_mute_and_roles) {
    Site site({.host_key = "sesame"});
    Loop loop;
    Participant guest(loop, site.port(),
                      {.name = "Guest", .headers = "Authorization: Bearer x\r\n"}),
        host(loop, site.port(), {.name = "Host", .headers = "Authorization: Bearer sesame\r\n"});
    guest.join();
    host.join();
    fail_unless(guest.find("welcome")->at("role") == "speaker");
    fail_unless(host.find("welcome")->at("role") == "host");
    guest.say({{"type", "state"}, {"audio", true}, {"video", true}});
    host.wait([&] { return !host.slot_of(guest.id, "microphone").empty(); });
    const std::string mid = host.slot_of(guest.id, "microphone");
    Pace pace;
    const auto hears = [&] {
        const size_t before = host.received(mid).size();
        host.wait([&] {
            if (pace.is_due()) guest.send_audio(30, 'g');
            return host.received(mid).size() > before + 5;
        });
    };
    hears();
    host.say({{"type", "mute"}, {"id", guest.id}, {"kind", "audio"}});
    guest.wait([&] { return guest.find("mute") != nullptr; });
    fail_unless(guest.find("mute")->at("by") == host.id);
    host.wait([&] { return host.slot_of(guest.id, "microphone").empty(); });
    // What it sends nevertheless is not forwarded: the host gets what comes behind it first.
    const size_t before = host.received(mid).size();
    for (int i = 0; i < 50; ++i)
        guest.send_audio(1, 'x');
    guest.say({{"type", "state"}, {"audio", true}});
    host.wait([&] { return !host.slot_of(guest.id, "microphone").empty(); });
    hears();
    for (size_t i = before; i < host.received(mid).size(); ++i)
        fail_unless_equals_int(host.received(mid)[i].who(), 'g');
    // A listener is not forwarded either.
    host.say({{"type", "role"}, {"id", guest.id}, {"role", "listener"}});
    host.wait([&] { return host.slot_of(guest.id, "camera").empty(); });
    host.wait([&] { return host.find("changed")->at("who").at("role") == "listener"; });
    host.say({{"type", "remove"}, {"id", guest.id}});
    guest.wait([&] { return guest.find("removed") && guest.ended; });
    host.wait([&] { return host.find("left") != nullptr; });
}
GST_END_TEST

GST_START_TEST(test_chat) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}),
        bob(loop, site.port(), {.name = "%3Cb%3EBob", .sends = false});
    ann.join();
    bob.join();
    bob.say({{"type", "chat"}, {"text", "<script>hello</script>"}});
    ann.wait([&] { return ann.find("chat") != nullptr; });
    fail_unless(ann.find("chat")->at("text") == "<script>hello</script>");
    fail_unless(ann.find("chat")->at("name") == "<b>Bob");
    fail_unless(ann.find("chat")->at("from") == bob.id);
    fail_unless(ann.find("chat")->at("at").get<int64_t>() > 1'700'000'000'000);
    Participant cleo(loop, site.port(), {.name = "Cleo"});
    cleo.join();
    fail_unless_equals_int(cleo.find("welcome")->at("chat").size(), 1);
    fail_unless_equals_int(site.room->stats().participants, 3);
}
GST_END_TEST

GST_START_TEST(test_last_n) {
    Site site({.last_n = 2});
    Loop loop;
    Participant viewer(loop, site.port(), {.name = "Viewer", .sends = false, .audio_slots = 2});
    viewer.join();
    std::deque<Participant> people;
    for (int i = 0; i < 4; ++i) {
        people.emplace_back(loop, site.port(),
                            Participant::Settings{.name = "P" + std::to_string(i)});
        people.back().join();
        people.back().say({{"type", "state"}, {"audio", true}, {"video", true}});
    }
    const auto shows = [&](int a, int b) {
        return !viewer.slot_of(people[size_t(a)].id, "camera").empty() &&
               !viewer.slot_of(people[size_t(b)].id, "camera").empty();
    };
    viewer.wait([&] { return shows(0, 1); });
    fail_unless_equals_int(viewer.find("slots")->at("slots").size(), 4); // two microphones, too
    const std::string kept = viewer.slot_of(people[1].id, "camera");
    Pace pace;
    const auto speak = [&](size_t who, const auto &done) {
        viewer.wait([&] {
            if (pace.is_due())
                for (size_t i = 0; i < people.size(); ++i) {
                    people[i].send_audio(i == who ? 15 : 90, uint8_t('0' + i));
                    people[i].send_video(pace.frames % 5 == 0, uint8_t('0' + i));
                }
            return done();
        });
    };
    speak(1, [&] { return viewer.find("speakers") != nullptr; });
    fail_unless(viewer.find("speakers")->at("ids") == json({people[1].id}));
    // Who speaks gets a slot; who spoke before stays in its own.
    speak(3, [&] {
        return shows(1, 3) && !viewer.received(viewer.slot_of(people[3].id, "camera")).empty();
    });
    fail_unless(viewer.slot_of(people[1].id, "camera") == kept);
    fail_unless(!viewer.slot_of(people[3].id, "microphone").empty());
    // A slot never has what it did not announce: its stream goes on with another's keyframe.
    speak(3, [&] {
        return viewer.received(viewer.slot_of(people[3].id, "camera")).back().who() == '3';
    });
    const auto &packets = viewer.received(viewer.slot_of(people[3].id, "camera"));
    for (size_t i = 1; i < packets.size(); ++i) {
        fail_unless_equals_int(packets[i].sequence, uint16_t(packets[i - 1].sequence + 1));
        if (packets[i].who() != packets[i - 1].who()) fail_unless(packets[i].is_key());
    }
    // A pin outranks who speaks.
    viewer.say({{"type", "view"}, {"slots", json::object()}, {"pinned", {people[0].id}}});
    speak(3, [&] { return shows(0, 3); });
    people.pop_back();
}
GST_END_TEST

static Suite *net_room_suite() {
    Suite *s = suite_create("net room");
    TCase *c = tcase_create("room");
    suite_add_tcase(s, c);
    tcase_add_test(c, test_forward);
    tcase_add_test(c, test_mute_and_roles);
    tcase_add_test(c, test_chat);
    tcase_add_test(c, test_last_n);
    return s;
}
GST_CHECK_MAIN(net_room)
