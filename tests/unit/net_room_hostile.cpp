// SPDX-License-Identifier: LGPL-2.1-or-later
// What participants of a room can't do to others: by their texts, their media, or by being slow.
#include "core/net/loop/loop_count.h"
#include "core/net/loop/loops.h"
#include "core/net/rtc/room_state.h"
#include "core/net/rtc/rooms.h"
#include "unit/room_rig.hpp"

#include <boost/asio/post.hpp>

#include <future>

using namespace room_test;
using namespace penstock::net;

GST_START_TEST(test_texts) {
    Site site({.host_key = "sesame"});
    Loop loop;
    Participant ann(loop, site.port(),
                    {.name = "Ann", .headers = "Authorization: Bearer sesame\r\n"}),
        eve(loop, site.port(), {.name = "Eve", .headers = "Authorization: Bearer Sesame\r\n"});
    ann.join();
    eve.join();
    fail_unless(eve.find("welcome")->at("role") == "speaker");
    for (const char *text :
         {"", "{", "[[[[[[", "\xFF\xFE", "{\"type\":\"welcome\",\"role\":\"host\"}",
          "{\"type\":\"role\",\"id\":\"p2\",\"role\":\"host\"}",
          "{\"type\":\"remove\",\"id\":\"p1\"}",
          "{\"type\":\"view\",\"slots\":{\"9\":{\"width\":-1}}}"})
        eve.wait([&] { return eve.say(std::string(text)) || std::string_view(text).empty(); });
    eve.wait([&] { return eve.find("error") != nullptr; });
    fail_unless(!ann.ended && ann.count("changed") == 0);
    // A flood: Ann sees a few lines of it, and Eve has to go.
    unsigned sent = 0;
    eve.wait([&] {
        while (sent < 10'000 && eve.say(std::string("{\"type\":\"chat\",\"text\":\"spam\"}")))
            ++sent;
        return eve.ended;
    });
    fail_unless(ann.count("chat") <= 15, "%u lines", unsigned(ann.count("chat")));
    ann.wait([&] { return ann.find("left") != nullptr; });
    fail_unless(!ann.ended);
    // The room is as it was.
    Participant bob(loop, site.port(), {.name = "Bob"});
    bob.join();
    bob.say({{"type", "chat"}, {"text", "hello"}});
    ann.wait([&] { return ann.find("chat")->at("text") == "hello"; });
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    Site site({.max_participants = 1});
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}), bob(loop, site.port(), {.name = "Bob"});
    ann.join();
    fail_unless_equals_int(bob.post(), 503);
    fail_unless(bob.refusal.find("full") != std::string::npos);
    fail_unless_equals_int(bob.post("/room/other/join"), 404);
    fail_unless_equals_int(bob.post("/join"), 404);
    ann.leave();
    fail_unless(eventually([&] { return site.room->stats().participants == 0; }));
    Participant cleo(loop, site.port(), {.name = "Cleo"});
    cleo.join();
    // The room closes with its last owner.
    site.room.reset();
    cleo.wait([&] { return cleo.ended; });
    fail_unless_equals_int(bob.post(), 404);
}
GST_END_TEST

GST_START_TEST(test_closed_room_takes_nobody) {
    const auto loops = Loops::shared();
    RtcRooms rooms(loops);
    Tap first, other;
    const auto one = std::make_shared<RoomTap>(first), two = std::make_shared<RoomTap>(other);
    const auto room = rooms.open("room/x/join", {}, one, nullptr);
    fail_unless(rooms.open("room/x/join", {}, two, nullptr) == room);
    room->remove_tap(one);
    fail_unless(!room->is_closed());
    room->remove_tap(two);
    fail_unless(room->is_closed() && !room->add_tap(one));
    fail_unless(room->join({.name = "x", .layers = {1, 0, 0}}).number == 0);
    // Who opens it now has one that is open.
    const auto next = rooms.open("room/x/join", {}, one, nullptr);
    fail_unless(next != room && !next->is_closed() && rooms.find("room/x/join") == next);
    next->remove_tap(one);
}
GST_END_TEST

GST_START_TEST(test_media) {
    Site site;
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}), bob(loop, site.port(), {.name = "Bob"});
    ann.join();
    bob.join();
    ann.say({{"type", "state"}, {"audio", true}, {"video", true}});
    bob.wait([&] { return !bob.slot_of(ann.id, "microphone").empty(); });
    const std::string audio = bob.slot_of(ann.id, "microphone");
    Pace pace;
    Writer garbage;
    while (garbage.size() < 200)
        garbage.u8(garbage.size() * 31);
    bob.wait([&] {
        if (pace.is_due()) {
            // Packets of no track, RTCP of no sense, and bodies that are no frames.
            rtp::Packet stray;
            Writer out;
            stray.payload_type = uint8_t(pace.frames & 0x7F);
            stray.ssrc = pace.frames;
            stray.payload = garbage.view();
            rtp::write(stray, out);
            ann.rtc().send_rtp(out.view());
            ann.send_rtcp(rtp::rtcp::Nack{1, pace.frames, {{1, 0xFFFF}}});
            ann.send_rtcp(rtp::rtcp::ReceiverEstimate{1, 1, {pace.frames}});
            ann.send_video(pace.frames % 2 == 0, 'a', 0, 360, 12);
            ann.send_audio(20, 'A');
        }
        return bob.received(audio).size() > 30;
    });
}
GST_END_TEST

namespace {

struct Member final : RoomMember {
    explicit Member(uint32_t of) : number_(of) {}
    uint32_t number() const override { return number_; }
    void on_packet(uint64_t, const rtc::room::MediaPacketPtr &, int64_t) override { ++packets; }
    void flush() override {}
    void on_lost(uint64_t) override { ++lost; }
    void on_scene(const std::shared_ptr<const RoomScene> &) override { ++scenes; }
    void on_text(const std::string &) override { ++texts; }
    void on_removed(const std::string &) override {}
    const uint32_t number_;
    std::atomic<unsigned> packets{0}, lost{0}, scenes{0}, texts{0};
};

} // namespace

GST_START_TEST(test_stalled_loop) {
    want_loops(2);
    const auto loops = Loops::shared();
    fail_unless(loops && loops->size() == 2);
    const auto room = std::make_shared<RtcRoom>("room/x/join", RoomOptions(), loops);
    const auto run = [&](size_t loop, auto call) {
        std::promise<void> done;
        boost::asio::post(loops->at(loop), [&] {
            call();
            done.set_value();
        });
        done.get_future().wait();
    };
    std::vector<std::shared_ptr<Member>> members;
    std::vector<RoomTrackPtr> tracks;
    for (const size_t loop : {0, 1, 1}) {
        const auto joined = room->join({.loop = loop, .name = "x", .layers = {1, 1, 0}});
        members.push_back(std::make_shared<Member>(joined.number));
        tracks.push_back(joined.tracks[1]);
        run(loop, [&] { room->side(loop).add(members.back()); });
        room->welcome(joined.number);
    }
    // The third sends to the two others, one of which is on its own loop.
    const RoomTrackPtr track = tracks[2];
    for (const size_t i : {0, 1})
        run(i, [&] { room->side(i).set_interest(*members[i], track, 0, true); });
    std::promise<void> go_on;
    std::promise<void> is_stalled;
    boost::asio::post(loops->at(0), [&] {
        is_stalled.set_value();
        go_on.get_future().wait();
    });
    is_stalled.get_future().wait();
    constexpr unsigned sent = 20'000;
    run(1, [&] {
        for (unsigned i = 0; i < sent; ++i) {
            auto packet = std::make_shared<rtc::room::MediaPacket>();
            packet->payload = Bytes::copy_of(std::string_view("x"));
            packet->sequence = i;
            room->publish(track, 1, packet, 0);
        }
    });
    for (int i = 0; i < 5'000; ++i)
        (void)room->take_text(members[2]->number(), "{\"type\":\"chat\",\"text\":\"x\"}");
    // The neighbour has everything; for the stalled one little is kept.
    fail_unless_equals_int(members[1]->packets, sent);
    fail_unless_equals_int(members[0]->packets, 0);
    fail_unless_equals_int(room->side(0).dropped(), sent - RoomSide::most_video);
    go_on.set_value();
    fail_unless(eventually([&] { return members[0]->packets == RoomSide::most_video; }));
    fail_unless(eventually([&] { return members[0]->lost == 1; }));
    fail_unless(eventually([&] { return members[0]->texts > 0 && members[0]->scenes == 0; }));
    for (const size_t i : {0, 1})
        run(i, [&] {
            room->side(i).set_interest(*members[i], track, 0, false);
            room->side(i).remove(*members[i]);
        });
    run(1, [&] { room->side(1).remove(*members[2]); });
}
GST_END_TEST

static Suite *net_room_hostile_suite() {
    Suite *s = suite_create("net_room_hostile");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_texts);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_closed_room_takes_nobody);
    tcase_add_test(tc, test_media);
    tcase_add_test(tc, test_stalled_loop);
    return s;
}
GST_CHECK_MAIN(net_room_hostile)
