// SPDX-License-Identifier: LGPL-2.1-or-later
// The registry of mounts and its events; publishers that are silent or send the wrong key; players
// that wait for a stream.
#include "core/net/loop/clock.h"
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "core/net/stream/mounts.h"
#include "core/playlist/session.h"
#include "unit/mount_events.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;
using Events = penstock_test::MountEvents;

namespace {

/// Keeps its questions so that the test can answer them.
struct Judge final : net::PeerWatch {
    bool authorize(const net::PeerInfo &, net::Answer answer) override {
        std::lock_guard lock(mutex);
        kept.push_back(std::move(answer));
        return true;
    }
    size_t questions() const {
        std::lock_guard lock(mutex);
        return kept.size();
    }
    mutable std::mutex mutex;
    std::vector<net::Answer> kept;
};

} // namespace

GST_START_TEST(test_events) {
    auto server = open_server();
    const uint16_t port = server->address().port;
    Events events("live/cam");
    auto relay = std::make_unique<Relay>();
    fail_unless(relay->on(*server, "live/cam", "live/cam"));
    fail_unless(events.become("live"), "%s", events.all().c_str());
    Peer publisher(port), player(port);
    publisher.publish("cam");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(events.become("live published"), "%s", events.all().c_str());
    player.play("cam");
    fail_unless(player.until_said("NetStream.Play.Start"));
    fail_unless(events.become("live published came"), "%s", events.all().c_str());

    const auto mounts = net::Mounts::instance().snapshot("rtmp");
    fail_unless_equals_int(mounts.size(), 1);
    fail_unless(mounts[0].address == server->address() && mounts[0].path == "live/cam");
    fail_unless(mounts[0].live && mounts[0].publishing && mounts[0].viewers == 1);
    fail_unless(net::Mounts::instance().find({"rtmp", server->address(), "live/cam"}) != nullptr);
    fail_if(net::Mounts::instance().find({"http", server->address(), "live/cam"}));

    player.close();
    fail_unless(events.become("live published came went"), "%s", events.all().c_str());
    publisher.close();
    fail_unless(events.become("live published came went unpublished"), "%s", events.all().c_str());
    relay.reset();
    fail_unless(events.become("live published came went unpublished gone"), "%s",
                events.all().c_str());
    fail_unless(net::Mounts::instance().snapshot("rtmp").empty());

    // After unsubscribing no event is delivered.
    events.subscription.reset();
    relay = std::make_unique<Relay>();
    fail_unless(relay->on(*server, "live/cam", "live/cam"));
    fail_unless_equals_string(events.all().c_str(), "live published came went unpublished gone");
}
GST_END_TEST

// A publisher that is connected and sends nothing does not keep its name.
GST_START_TEST(test_silent_publisher) {
    Log log;
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.silence_timeout = 300'000'000}));
    Peer silent(server->address().port);
    silent.publish("cam");
    fail_unless(silent.until_said("NetStream.Publish.Start"));
    silent.send(samples::video_config());
    fail_unless(silent.until_closed());
    fail_unless(log.warned(silent.name, "sent no media for 0.3 s"), "%s", log.all().c_str());
    fail_unless(eventually([&] { return relay.unpublished == 1; }));
    Peer next(server->address().port);
    next.publish("cam");
    fail_unless(next.until_said("NetStream.Publish.Start"));
}
GST_END_TEST

// The receiver sets the time limit, or none.
GST_START_TEST(test_silence_is_allowed) {
    auto server = open_server();
    const auto loops = net::Loops::shared();
    net::HeldClock clock(*loops);
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.silence_timeout = 0}));
    Peer silent(server->address().port);
    silent.publish("cam");
    fail_unless(silent.until_said("NetStream.Publish.Start"));
    for (int hour = 0; hour < 3; ++hour)
        clock.advance(std::chrono::hours(1));
    silent.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 1; }));
}
GST_END_TEST

// Lengths of time in the log and in errors are rounded to what people read.
GST_START_TEST(test_time_text) {
    const std::pair<uint64_t, const char *> expected[] = {
        {0, "0 s"},       {40, "40 ms"},    {300, "0.3 s"},   {948, "0.9 s"}, {960, "1 s"},
        {1000, "1 s"},    {1500, "1.5 s"},  {9940, "9.9 s"},  {9960, "10 s"}, {12'400, "12 s"},
        {59'500, "60 s"}, {30'000, "30 s"}, {90'000, "90 s"},
    };
    for (const auto &[ms, text] : expected)
        fail_unless_equals_string(net::time_text(ms).c_str(), text);
}
GST_END_TEST

// A receiver with a key may appear while a publisher without one waits for its admission.
GST_START_TEST(test_key_of_a_later_receiver) {
    Log log;
    auto server = open_server();
    const auto judge = std::make_shared<Judge>();
    server->rules().add_watch(judge);
    auto lease = server->rules().add(everything(), server);
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(eventually([&] { return judge->questions() == 1; }));
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.key = "secret"}));
    judge->kept.at(0)(true);
    fail_unless(publisher.until_said("NetStream.Publish.Denied"));
    fail_unless(log.warned(publisher.name, "wrong or missing key"), "%s", log.all().c_str());
    fail_unless_equals_int(relay.published, 0);
}
GST_END_TEST

GST_START_TEST(test_players_that_wait_are_bounded) {
    Log log;
    auto server = open_server({.waiting_per_host = 2});
    const auto loops = net::Loops::shared();
    net::HeldClock clock(*loops);
    auto lease = server->rules().add(everything(), server);
    const uint16_t port = server->address().port;
    Peer first(port), second(port), third(port);
    first.play("a");
    fail_unless(first.until_said("NetStream.Play.Start"));
    second.play("b");
    fail_unless(second.until_said("NetStream.Play.Start"));
    third.play("c");
    fail_unless(third.until_said("NetStream.Play.StreamNotFound"));
    fail_unless(log.warned(third.name, "too many players wait"), "%s", log.all().c_str());
    // A stream with a producer has room, and its player leaves the waiting room.
    Relay relay;
    std::string error;
    relay.feed = server->feed("live/a", {.history = {.keep = 2'000'000'000}}, &error);
    fail_unless(relay.feed != nullptr, "%s", error.c_str());
    relay.feed->push(samples::video_config());
    // The player whose stream has no producer is told so and closed.
    clock.advance(std::chrono::milliseconds(net::RtmpLimits().wait_ms - 2000));
    fail_unless(second.said.find("NetStream.Play.UnpublishNotify") == std::string::npos);
    clock.advance(std::chrono::seconds(4));
    fail_unless(second.until_said("NetStream.Play.UnpublishNotify"));
    clock.advance(std::chrono::seconds(30)); // it does not leave by itself
    fail_unless(second.until_closed());
    fail_if(first.closed);
}
GST_END_TEST

// The publisher leaves for good: players get the rest and are told; those that stay are closed.
GST_START_TEST(test_players_are_told_of_the_end) {
    Log log;
    auto server = open_server();
    const uint16_t port = server->address().port;
    Relay relay, another;
    relay.ending = {.grace = std::chrono::hours(1), .linger = std::chrono::hours(1)};
    fail_unless(relay.on(*server, "live/in", "live/out"));
    Peer player(port);
    player.play("out");
    fail_unless(player.until_said("NetStream.Play.Start"));
    const auto gop = [](net::PlayFeed &feed, uint32_t ms) {
        feed.push(samples::video_config());
        feed.push(samples::video_frame(ms, true));
        feed.push(samples::video_frame(ms + 40, false));
    };
    gop(*relay.feed, 0);
    fail_unless(player.until([&] { return player.frames() == 2; }));
    // The player waits for the next producer and continues with it.
    relay.feed.reset();
    another.ending = {.grace = std::chrono::milliseconds(1), .linger = std::chrono::hours(1)};
    fail_unless(another.on(*server, "live/in2", "live/out"));
    gop(*another.feed, 0);
    fail_unless(player.until([&] { return player.frames() == 4; }));
    // Nothing at which a player leaves was said meanwhile, and time went on.
    const std::string stream_eof("\0\1\0\0\0\1", 6);
    for (const std::string &end : {std::string("UnpublishNotify"), std::string("Play.Stop"),
                                   std::string("Play.Complete"), stream_eof})
        fail_unless(player.said.find(end) == std::string::npos, "%s", end.c_str());
    fail_unless_equals_int(player.goes_back(), -1);
    another.feed.reset();
    fail_unless(player.until_said("NetStream.Play.Stop"));
    fail_unless(player.said.find("NetStream.Play.UnpublishNotify") != std::string::npos);
    fail_unless(player.said.find(stream_eof) != std::string::npos);
    fail_if(player.closed);
    // Later media is for new players only.
    Relay third;
    third.ending = {.grace = {}, .linger = {}};
    fail_unless(third.on(*server, "live/in3", "live/out"));
    gop(*third.feed, 0);
    Peer late(port);
    late.play("out");
    fail_unless(late.until([&] { return late.frames() == 2; }));
    player.read();
    fail_unless_equals_int(player.frames(), 4);
    // A player that is told of the end and stays is closed.
    third.feed.reset();
    fail_unless(late.until_closed());
    fail_unless(late.said.find("NetStream.Play.UnpublishNotify") != std::string::npos);
    fail_unless(log.all().find("[rtmp-play") != std::string::npos);
    fail_unless(log.all().find("closed: the stream has ended") != std::string::npos, "%s",
                log.all().c_str());
    fail_if(player.closed);
}
GST_END_TEST

GST_START_TEST(test_playlist_of_a_session) {
    const std::string plain = "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"1@2\"\r\n"
                              "#EXTINF:2,\nseg-1.ts\n#EXTINF:2,\nseg-2.ts?x=1\n";
    const Bytes mine = playlist::with_session(Bytes::copy_of(plain).view(), "abc");
    const std::string text(reinterpret_cast<const char *>(mine.data()), mine.size());
    fail_unless_equals_string(text.c_str(),
                              "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4?session=abc\",BYTERANGE=\"1@2\"\n"
                              "#EXTINF:2,\nseg-1.ts?session=abc\n"
                              "#EXTINF:2,\nseg-2.ts?x=1&session=abc\n");
}
GST_END_TEST

static Suite *net_mounts_suite() {
    Suite *s = suite_create("net_mounts");
    TCase *tc = tcase_create("mounts");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_events);
    tcase_add_test(tc, test_silent_publisher);
    tcase_add_test(tc, test_silence_is_allowed);
    tcase_add_test(tc, test_time_text);
    tcase_add_test(tc, test_key_of_a_later_receiver);
    tcase_add_test(tc, test_players_that_wait_are_bounded);
    tcase_add_test(tc, test_players_are_told_of_the_end);
    tcase_add_test(tc, test_playlist_of_a_session);
    return s;
}
GST_CHECK_MAIN(net_mounts)
