// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers over real sockets: a name is free as soon as its publisher is gone for any reason; an
// unclaimed publisher is told so; receivers that come and go lose no publisher.
#include "core/net/loop/accept_hold.h"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

GST_START_TEST(test_a_name_has_one_publisher) {
    Log log;
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    Peer first(server->address().port), other(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    other.publish("cam");
    fail_unless(other.until_said("NetStream.Publish.BadName"));
    fail_unless(log.warned(other.name, "this name is being published already"));
    fail_unless(other.until_closed());
    // The first one is not disturbed; the name is free when it goes.
    first.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 1; }));
    fail_unless_equals_int(relay.published, 1);
    first.close();
    fail_unless(eventually([&] { return relay.unpublished == 1; }));
    fail_unless(can_publish(server->address().port, "cam"));
}
GST_END_TEST

// A publisher sends on while it is refused. Closed at once, its unread bytes would reset the
// connection and take the status with them.
GST_START_TEST(test_refusal_is_read_before_the_end) {
    auto server = open_server({.claim_ms = 300});
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    auto lease = server->rules().add(everything(), server);
    Peer first(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    for (int round = 0; round < 20; ++round) {
        // Refused at once, and by the deadline of a rule whose pipeline does not come.
        const bool at_once = round < 18;
        Peer other(server->address().port);
        other.out.handshake().connect("live").call(0, "FCPublish", 3, "cam");
        other.out.publish(at_once ? "cam" : "none");
        other.flush();
        for (uint32_t i = 0; i < 100; ++i)
            other.send(big_frame(i, i == 0, 20'000));
        fail_unless(
            other.until_said(at_once ? "NetStream.Publish.BadName" : "NetStream.Publish.Rejected"),
            "round %d: no status", round);
        fail_if(other.said.find("Publish.Start") != std::string::npos);
        fail_unless(other.ends_in_order());
    }
    fail_unless_equals_int(relay.published, 1);
}
GST_END_TEST

// One that waits without the key that its receiver asks for is told so before the end.
GST_START_TEST(test_waits_without_the_key) {
    auto server = open_server();
    auto lease = server->rules().add(everything(), server);
    Peer waits(server->address().port);
    waits.publish("cam");
    fail_unless(eventually([&] {
        const auto mounts = server->mounts();
        return mounts.size() == 1 && mounts[0].pending;
    }));
    for (uint32_t i = 0; i < 20; ++i)
        waits.send(big_frame(i, i == 0, 20'000));
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.key = "secret"}));
    fail_unless(waits.until_said("NetStream.Publish.Rejected"));
    fail_unless(waits.said.find("wrong or missing key") != std::string::npos);
    fail_unless(waits.ends_in_order());
    fail_unless_equals_int(relay.published, 0);
}
GST_END_TEST

// One that is refused and never closes is closed by the server.
GST_START_TEST(test_refused_and_stays) {
    auto server = open_server({.farewell_ms = 200});
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.key = "secret"}));
    Peer stays(server->address().port);
    stays.publish("cam");
    fail_unless(stays.until_closed()); // the server's FIN
    fail_unless(stays.said.find("NetStream.Publish.Denied") != std::string::npos);
    fail_unless(eventually([&] { return !stays.send(big_frame(0, true, 100)); }), "still open");
}
GST_END_TEST

// One that connects before anything receives its name waits as long as the port is held.
GST_START_TEST(test_port_before_its_streams) {
    auto hold = std::make_unique<net::AcceptHold>();
    auto server = open_server();
    Peer early(server->address().port);
    fail_unless(early.publish("cam"));
    const auto is_unheard = [&] {
        pollfd answer{early.socket(), POLLIN, 0};
        return ::poll(&answer, 1, 100) == 0;
    };
    fail_unless(is_unheard());
    {
        const net::AcceptHold another;
        hold.reset();
        fail_unless(is_unheard());
        // A held port can be given up.
        auto unused = open_server();
        const net::Address address = unused->address();
        unused.reset();
        fail_unless(net::RtmpServer::open(address, nullptr));
    }
    Relay relay;
    {
        // Not held any more: one that comes too early is refused.
        Peer second(server->address().port);
        fail_unless(second.publish("cam"));
        fail_unless(second.until_said("nothing here takes a stream of this name"));
    }
    fail_unless(early.until_said("nothing here takes a stream of this name"));
    hold = std::make_unique<net::AcceptHold>();
    auto late = open_server();
    Peer waits(late->address().port);
    fail_unless(waits.publish("cam"));
    fail_unless(relay.on(*late, "live/cam", ""));
    hold.reset();
    fail_unless(waits.until_said("NetStream.Publish.Start"));
}
GST_END_TEST

GST_START_TEST(test_reset_frees_the_name) {
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    for (int round = 1; round <= 3; ++round) {
        Peer publisher(server->address().port);
        publisher.publish("cam");
        fail_unless(publisher.until_said("NetStream.Publish.Start"));
        publisher.send(samples::video_config());
        // The connection is reset in the middle of a message.
        publisher.out.out.bytes(
            ByteView(std::array<uint8_t, 12>{6, 0, 0, 0, 0, 9, 9, 9, 1, 0, 0, 0}));
        publisher.flush();
        publisher.reset();
        fail_unless(eventually([&] { return relay.unpublished == round; }));
        fail_unless_equals_int(relay.published, round);
    }
    fail_unless(can_publish(server->address().port, "cam"));
}
GST_END_TEST

// A publisher whose receiver is full is not read from; its disconnection is noticed all the same.
GST_START_TEST(test_reset_while_the_receiver_is_full) {
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    relay.full = true;
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    publisher.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 1; }));
    publisher.send(samples::video_frame(0, true));
    publisher.reset();
    fail_unless(eventually([&] { return relay.unpublished == 1; }), "a dead publisher stays");
    relay.full = false;
    fail_unless(can_publish(server->address().port, "cam"));
}
GST_END_TEST

// A full receiver stops the publisher's socket, not the loop; nothing is lost when it continues.
GST_START_TEST(test_full_receiver_holds_the_publisher_back) {
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    relay.full = true;
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    std::atomic<int> sent{0};
    std::thread writer([&] {
        for (int i = 0; i < 2000; ++i, ++sent)
            publisher.send(big_frame(uint32_t(i), i == 0, 10'000));
    });
    // 20 MB are more than the sockets hold: the writer blocks.
    fail_unless(eventually([&] {
        pollfd room{publisher.socket(), POLLOUT, 0};
        return sent > 0 && ::poll(&room, 1, 0) == 0;
    }));
    fail_unless(relay.received < 100, "%d", relay.received.load());
    // Meanwhile the loops are free.
    Relay other;
    fail_unless(other.on(*server, "live/other", ""));
    fail_unless(can_publish(server->address().port, "other"));
    relay.full = false;
    relay.claim->resume();
    writer.join();
    fail_unless(eventually([&] { return relay.received == 2000; }), "%d", relay.received.load());
}
GST_END_TEST

GST_START_TEST(test_unclaimed_publisher_is_refused) {
    Log log;
    auto server = open_server({.claim_ms = 300});
    std::atomic<int> attempts{0};
    auto lease = server->rules().add(
        net::LeaseOptions{
            [](std::string_view path) { return path == "live/cam"; },
            [&](const net::PublishAttempt &attempt) { attempts += attempt.path == "live/cam"; },
            {},
            "live/NAME"},
        server);
    Peer publisher(server->address().port), stranger(server->address().port);
    publisher.publish("cam");
    publisher.send(samples::video_config());
    fail_unless(publisher.until_said("NetStream.Publish.Rejected"));
    fail_unless(publisher.said.find("No pipeline took the stream") != std::string::npos);
    fail_unless(publisher.until_closed());
    fail_unless_equals_int(attempts, 1);
    fail_unless(log.warned(publisher.name, "no pipeline took the stream"), "%s", log.all().c_str());
    // A name that no rule takes is refused at once.
    stranger.publish("other");
    fail_unless(stranger.until_said("NetStream.Publish.Rejected"));
    const std::string advice = "nothing here takes a stream of this name: publish to rtmp://HOST:" +
                               std::to_string(server->address().port) + "/live/NAME";
    fail_unless(log.warned(stranger.name, advice), "%s", log.all().c_str());
    fail_unless(stranger.said.find(advice) != std::string::npos);
    fail_unless(eventually([&] { return server->mounts().empty(); }));
    // The name is free.
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    fail_unless(can_publish(server->address().port, "cam"));
}
GST_END_TEST

// Data that a publisher sends before it is accepted is not lost.
GST_START_TEST(test_claimed_in_time) {
    auto server = open_server();
    Relay relay;
    std::atomic<bool> asked{false};
    auto lease =
        server->rules().add(net::LeaseOptions{[](std::string_view) { return true; },
                                              [&](const net::PublishAttempt &) { asked = true; },
                                              {}},
                            server);
    Peer publisher(server->address().port);
    publisher.publish("cam");
    publisher.send(samples::video_config());
    publisher.send(samples::video_frame(0, true));
    fail_unless(eventually([&] { return asked.load(); }));
    fail_unless(relay.on(*server, "live/cam", ""));
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(eventually([&] { return relay.received == 2; }));
}
GST_END_TEST

// The last rule is gone, as when a server ends: whoever comes back is told so, without a warning.
GST_START_TEST(test_rules_are_gone) {
    Log log;
    auto server = open_server();
    auto lease = server->rules().add(everything(), server);
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", ""));
    {
        Peer early(server->address().port);
        early.publish("cam");
        fail_unless(early.until_said("NetStream.Publish.Start"));
    }
    lease.reset();
    Peer late(server->address().port);
    late.publish("other");
    fail_unless(late.until_said("this server takes no more streams"));
    fail_if(log.warned(late.name, "refused to publish"), "%s", log.all().c_str());
}
GST_END_TEST

GST_START_TEST(test_keys) {
    Log log;
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.key = "secret"}));
    for (const char *wrong :
         {"cam", "cam?key=", "cam?key=secre", "cam?key=secrets", "cam?kex=secret"}) {
        Peer publisher(server->address().port);
        publisher.publish(wrong);
        fail_unless(publisher.until_said("NetStream.Publish.Denied"), "%s", wrong);
    }
    Peer publisher(server->address().port);
    publisher.publish("cam?x=1&key=secret");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(log.all().find("secre") == std::string::npos, "a key is in the log");
}
GST_END_TEST

// Receivers come and go while publishers and players connect: there is no crash, and no player
// waits at a mount that the next receiver does not find.
GST_START_TEST(test_receivers_come_and_go) {
    auto server = open_server();
    const uint16_t port = server->address().port;
    std::atomic<bool> end{false};
    std::thread receivers([&] {
        while (!end) {
            Relay relay;
            fail_unless(relay.on(*server, "live/cam", "live/cam"));
            std::this_thread::yield();
        }
    });
    for (int i = 0; i < 500; ++i) {
        Peer publisher(port), player(port);
        publisher.publish("cam");
        player.play("cam");
        const auto answered = [](Peer &peer) {
            peer.read(1);
            return peer.closed || peer.said.find("NetStream.P") != std::string::npos;
        };
        fail_unless(eventually([&] { return answered(publisher) && answered(player); }),
                    "no answer in round %d", i);
    }
    end = true;
    receivers.join();
    fail_unless(eventually([&] { return server->mounts().empty(); }));
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "live/cam"));
    fail_unless(can_publish(port, "cam"));
}
GST_END_TEST

static Suite *net_publishers_suite() {
    Suite *s = suite_create("net_publishers");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_a_name_has_one_publisher);
    tcase_add_test(tc, test_refusal_is_read_before_the_end);
    tcase_add_test(tc, test_waits_without_the_key);
    tcase_add_test(tc, test_refused_and_stays);
    tcase_add_test(tc, test_port_before_its_streams);
    tcase_add_test(tc, test_reset_frees_the_name);
    tcase_add_test(tc, test_reset_while_the_receiver_is_full);
    tcase_add_test(tc, test_full_receiver_holds_the_publisher_back);
    tcase_add_test(tc, test_unclaimed_publisher_is_refused);
    tcase_add_test(tc, test_claimed_in_time);
    tcase_add_test(tc, test_rules_are_gone);
    tcase_add_test(tc, test_keys);
    tcase_add_test(tc, test_receivers_come_and_go);
    return s;
}
GST_CHECK_MAIN(net_publishers)
