// SPDX-License-Identifier: LGPL-2.1-or-later
// The media of a room: layers of simulcast, keyframes, what is lost and repaired, reports, and who
// taps it.
#include "unit/room_rig.hpp"

using namespace room_test;

namespace {

const std::vector<std::string> rids{"q", "h", "f"};
constexpr std::array<uint16_t, 3> heights{180, 360, 720};

/// Sends all layers of a camera, with keyframes for those who ask for them.
class Camera {
public:
    explicit Camera(Participant &of) : of_(of) {}
    void send() {
        if (!pace_.is_due()) return;
        for (size_t layer = 0; layer < 3; ++layer) {
            const bool key = of_.asked(layer) > answered_[layer];
            if (key) answered_[layer] = of_.asked(layer);
            keys_[layer] += key;
            // 60, 120 and 240 kbit/s
            of_.send_video(key, uint8_t('0' + layer), layer, heights[layer], 150u << layer);
        }
    }
    unsigned keys(size_t layer) const { return keys_[layer]; }

private:
    Participant &of_;
    Pace pace_;
    std::array<unsigned, 3> answered_{}, keys_{};
};

void check_continuity(const std::vector<Participant::Packet> &packets) {
    for (size_t i = 1; i < packets.size(); ++i) {
        const auto &last = packets[i - 1], &next = packets[i];
        fail_unless_equals_int(next.sequence, uint16_t(last.sequence + 1));
        fail_unless_equals_int(next.picture(), (last.picture() + 1) & 0x7FFF);
        fail_unless_equals_int(next.tl0(), uint8_t(last.tl0() + 1));
        fail_unless(int32_t(next.timestamp - last.timestamp) > 0);
        if (last.who() != next.who()) fail_unless(next.is_key());
    }
}

} // namespace

GST_START_TEST(test_layers) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann", .rids = rids}),
        bob(loop, site.port(), {.name = "Bob", .sends = false, .video_slots = 1});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "camera").empty(); });
    const std::string mid = bob.slot_of(ann.id, "camera");
    auto &packets = bob.received(mid);
    Camera camera(ann);
    const auto shows = [&](unsigned height, uint8_t layer) {
        bob.say({{"type", "view"},
                 {"slots", {{mid, {{"width", height * 16 / 9}, {"height", height}}}}}});
        bob.wait([&] {
            camera.send();
            return packets.size() > 3 && packets.back().who() == layer;
        });
    };
    shows(720, '2');
    shows(170, '0');
    shows(360, '1');
    check_continuity(packets);
    // Hidden: nothing comes, and nothing is asked for.
    bob.say({{"type", "view"}, {"slots", {{mid, {{"width", 0}, {"height", 0}}}}}});
    size_t quiet = 0, seen = packets.size();
    Pace pace;
    bob.wait([&] {
        camera.send();
        if (!pace.is_due()) return false;
        quiet = packets.size() == seen ? quiet + 1 : 0;
        seen = packets.size();
        return quiet == 20;
    });
    shows(720, '2');
    check_continuity(packets);
}
GST_END_TEST

GST_START_TEST(test_keyframes_are_bounded) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}),
        bob(loop, site.port(), {.name = "Bob", .sends = false, .video_slots = 1});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "camera").empty(); });
    const std::string mid = bob.slot_of(ann.id, "camera");
    Pace pace;
    unsigned answered = 0;
    const uint64_t begin = steady_ms();
    // Bob wants one with every packet; each that is asked for comes.
    bob.wait([&] {
        if (pace.is_due()) {
            const bool key = ann.asked() > answered;
            if (key) answered = ann.asked();
            ann.send_video(key, 'a');
            bob.send_rtcp(rtp::rtcp::PictureLoss{1, bob.ssrc_of(mid)});
        }
        return answered >= 3;
    });
    const uint64_t passed = steady_ms() - begin;
    fail_unless(passed >= 1'900, "%u in %u ms", answered, unsigned(passed));
    fail_unless(ann.asked() <= 1 + passed / 900);
}
GST_END_TEST

GST_START_TEST(test_repair) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}),
        bob(loop, site.port(), {.name = "Bob", .sends = false, .video_slots = 1});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "camera").empty(); });
    const std::string mid = bob.slot_of(ann.id, "camera");
    auto &packets = bob.received(mid);
    Pace pace;
    const auto send_until = [&](auto done) {
        bob.wait([&] {
            if (pace.is_due()) ann.send_video(ann.asked() > 0 && pace.frames % 5 == 0, 'a');
            return done();
        });
    };
    send_until([&] { return packets.size() > 10; });
    // Bob asks for one again, and gets the same over RTX.
    const auto wanted = packets[5];
    rtp::rtcp::Nack nack{1, bob.ssrc_of(mid), {}};
    nack.set({&wanted.sequence, 1});
    bob.send_rtcp(nack);
    send_until([&] { return packets.back().is_rtx; });
    fail_unless_equals_int(packets.back().sequence, wanted.sequence);
    fail_unless_equals_int(packets.back().timestamp, wanted.timestamp);
    fail_unless(packets.back().payload == wanted.payload);
    // Of what was never sent nothing comes.
    const uint16_t future = uint16_t(wanted.sequence + 5'000);
    nack.set({&future, 1});
    bob.send_rtcp(nack);
    // What Ann's network loses, the server asks her for, and Bob sees the gap until then.
    std::erase_if(packets, [](const auto &one) { return one.is_rtx; });
    const size_t before = packets.size();
    ann.skip_video_sequence(1);
    send_until([&] { return !ann.nacked.empty() && packets.size() > before + 5; });
    bool has_gap = false;
    for (size_t i = before; i < packets.size(); ++i) {
        fail_unless(!packets[i].is_rtx);
        has_gap = has_gap || packets[i].sequence == uint16_t(packets[i - 1].sequence + 2);
    }
    fail_unless(has_gap);
    fail_unless_equals_int(site.room->stats().repeated, 1);
}
GST_END_TEST

GST_START_TEST(test_reports) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}), bob(loop, site.port(), {.name = "Bob"});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"audio", true}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "microphone").empty(); });
    const std::string video = bob.slot_of(ann.id, "camera"),
                      audio = bob.slot_of(ann.id, "microphone");
    Pace pace;
    bob.wait([&] {
        if (pace.is_due()) {
            ann.send_video(ann.asked() > 0 && pace.frames % 5 == 0, 'a');
            ann.send_audio(20, 'A');
        }
        return bob.reports.contains(bob.ssrc_of(video)) && bob.reports.contains(bob.ssrc_of(audio));
    });
    // Both are of one moment, at which the streams are where their last packets say.
    const auto &v = bob.reports[bob.ssrc_of(video)], &a = bob.reports[bob.ssrc_of(audio)];
    fail_unless(v.ntp == a.ntp);
    fail_unless(v.packets > 0 && a.packets > 0 && v.bytes >= v.packets * 300);
    // Two seconds at most between the report and the packets that came about then.
    const auto &packets = bob.received(video);
    fail_unless(std::abs(int32_t(v.timestamp - packets.back().timestamp)) < 180'000);
}
GST_END_TEST

GST_START_TEST(test_screen) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann", .screen = true}),
        bob(loop, site.port(), {.name = "Bob", .video_slots = 1});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "camera").empty(); });
    const std::string mid = bob.slot_of(ann.id, "camera");
    ann.say({{"type", "state"}, {"screen", true}});
    bob.wait([&] { return bob.slot_of(ann.id, "screen") == mid; }); // screens first
    Pace pace;
    bob.wait([&] {
        if (pace.is_due()) {
            ann.send_video(pace.frames % 5 == 0, 'c');
            ann.send_screen(pace.frames % 5 == 0, 's');
        }
        return bob.received(mid).size() > 10;
    });
    for (const auto &packet : bob.received(mid))
        fail_unless_equals_int(packet.who(), 's');
}
GST_END_TEST

// Who encrypts end to end says so: a mix gets nothing of it, and all know that there is one.
GST_START_TEST(test_sealed) {
    Site site({}, true);
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann&encrypted=1"}),
        bob(loop, site.port(), {.name = "Bob"});
    const char *const path = "room/standup/join";
    ann.join();
    fail_unless(ann.find("welcome")->at("tapped") == true);
    fail_if(site.server->is_room_readable(path), "a mix of it would be empty");
    fail_unless(site.server->is_room_wanted(path));
    bob.join();
    fail_unless(site.server->is_room_readable(path));
    for (Participant *each : {&ann, &bob})
        each->say({{"type", "state"}, {"audio", true}, {"video", true}});
    Pace pace;
    const auto streams = [&] {
        std::lock_guard lock(site.tap.mutex);
        return site.tap.streams;
    };
    const auto send = [&] {
        if (!pace.is_due()) return;
        ann.send_audio(20, 'a');
        bob.send_audio(20, 'b');
    };
    bob.wait([&] {
        send();
        return !streams().empty() && !bob.slot_of(ann.id, "microphone").empty() &&
               bob.received(bob.slot_of(ann.id, "microphone")).size() > 20;
    });
    const auto seen = streams();
    fail_unless(seen.size() == 1 && seen.begin()->second.name == "Bob" &&
                !seen.begin()->second.is_muted);
    // That Bob is muted is told.
    bob.say({{"type", "state"}, {"audio", false}});
    bob.wait([&] {
        send();
        return streams().begin()->second.is_muted;
    });
}
GST_END_TEST

GST_START_TEST(test_tap) {
    Site site({}, true);
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann", .screen = true});
    ann.join();
    ann.say({{"type", "state"}, {"audio", true}, {"video", true}});
    Pace pace;
    const auto frames = [&](uint64_t stream, flv::TagKind kind, flv::TagType type) {
        std::lock_guard lock(site.tap.mutex);
        return std::ranges::count_if(site.tap.tags[stream], [&](const flv::Tag &tag) {
            return tag.kind == kind && tag.type == type;
        });
    };
    ann.wait([&] {
        if (pace.is_due()) {
            ann.send_video(ann.asked() > 0 && pace.frames % 5 == 0, 'a');
            ann.send_audio(20, 0xFC);
        }
        return frames(1, flv::TagKind::keyframe, flv::TagType::video) > 0 &&
               frames(1, flv::TagKind::frame, flv::TagType::video) > 10 &&
               frames(1, flv::TagKind::audio, flv::TagType::audio) > 10;
    });
    {
        std::lock_guard lock(site.tap.mutex);
        fail_unless_equals_int(site.tap.streams.size(), 1);
        fail_unless(site.tap.streams[1].name == "Ann" && !site.tap.streams[1].is_screen);
        fail_unless(site.tap.streams[1].participant == ann.id);
        fail_unless(site.tap.ended.empty());
    }
    fail_unless(frames(1, flv::TagKind::config, flv::TagType::video) > 0);
    fail_unless(frames(1, flv::TagKind::config, flv::TagType::audio) > 0);
    ann.say({{"type", "state"}, {"screen", true}});
    ann.wait([&] {
        if (pace.is_due()) ann.send_screen(pace.frames % 5 == 0, 's');
        return frames(2, flv::TagKind::frame, flv::TagType::video) > 3;
    });
    // Requests for streams that are no more are forgotten, and take no room from others.
    for (uint64_t stream = 1'000; stream < 1'500; ++stream)
        site.room->want_keyframe(stream);
    const unsigned asked = ann.asked();
    site.room->want_keyframe(1);
    ann.wait([&] {
        if (pace.is_due()) ann.send_video(false, 'a');
        return ann.asked() > asked;
    });
    ann.leave();
    fail_unless(eventually([&] {
        std::lock_guard lock(site.tap.mutex);
        return site.tap.ended.size() == 2;
    }));
}
GST_END_TEST

static Suite *net_room_media_suite() {
    Suite *s = suite_create("net_room_media");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_layers);
    tcase_add_test(tc, test_keyframes_are_bounded);
    tcase_add_test(tc, test_repair);
    tcase_add_test(tc, test_reports);
    tcase_add_test(tc, test_screen);
    tcase_add_test(tc, test_sealed);
    tcase_add_test(tc, test_tap);
    return s;
}
GST_CHECK_MAIN(net_room_media)
