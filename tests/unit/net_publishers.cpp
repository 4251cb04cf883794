// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers over real sockets: a name is free as soon as its publisher is gone for any reason; an
// unclaimed publisher is told so; receivers that come and go lose no publisher.
#include "core/net/loop/accept_hold.h"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

namespace {

/// Whether a publisher of this name is accepted, possibly after several attempts.
bool can_publish(uint16_t port, const char *name) {
    return eventually([&] {
        Peer publisher(port);
        publisher.publish(name);
        publisher.until([&] {
            return publisher.closed ||
                   publisher.said.find("NetStream.Publish.") != std::string::npos;
        });
        return publisher.said.find("NetStream.Publish.Start") != std::string::npos;
    });
}

/// Keeps every question until the test answers it.
struct Asked final : net::PeerWatch {
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        std::lock_guard lock(mutex);
        answers[peer.address] = std::move(answer);
        return true;
    }
    bool has(size_t count) const {
        std::lock_guard lock(mutex);
        return answers.size() == count;
    }
    void allow(const Peer &peer) {
        std::unique_lock lock(mutex);
        const net::Answer answer = answers.at(peer.name);
        lock.unlock();
        answer(true);
    }
    mutable std::mutex mutex;
    std::map<std::string, net::Answer> answers; ///< by the address of who waits
};

/// "PUBLISHER, STANDBY" of the server's first mount, without what kind of peers they are.
std::string names_of(net::RtmpServer &server) {
    const net::MountInfo info = server.mounts().at(0);
    return info.publisher.substr(info.publisher.find(' ') + 1) + ", " +
           info.standby.substr(info.standby.find(' ') + 1);
}

} // namespace

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

GST_START_TEST(test_takeover) {
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.republish = net::Republish::takeover}));
    Peer first(server->address().port), second(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    first.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 1; }));
    second.publish("cam");
    fail_unless(second.until_said("NetStream.Publish.Start"));
    fail_unless(first.until_said("NetStream.Publish.BadName"));
    fail_unless(first.said.find("another publisher has taken this name over") != std::string::npos);
    fail_unless(first.until_closed());
    // The stream goes on: nobody was told of an end, and nothing of the first comes any more.
    fail_unless_equals_int(relay.published, 2);
    fail_unless_equals_int(relay.unpublished, 0);
    first.send(samples::video_frame(0, true));
    second.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 2; }));
    second.close();
    fail_unless(eventually([&] { return relay.unpublished == 1; }));
    fail_unless_equals_int(relay.received, 2);
    // Only who is admitted takes over.
    Relay keyed;
    fail_unless(
        keyed.on(*server, "live/key", "", {.key = "k", .republish = net::Republish::takeover}));
    Peer good(server->address().port), bad(server->address().port);
    good.publish("key?key=k");
    fail_unless(good.until_said("NetStream.Publish.Start"));
    bad.publish("key?key=x");
    fail_unless(bad.until_said("NetStream.Publish.Denied"));
    good.send(samples::video_config());
    fail_unless(eventually([&] { return keyed.received == 1; }));
    // Who waits for a receiver, or for its word, does not stand by.
    auto other = open_server();
    std::atomic<int> waiting{0};
    auto options = everything();
    options.on_publish = [&](const net::PublishAttempt &) { ++waiting; };
    auto lease = other->rules().add(options, other);
    auto watch = std::make_shared<Asked>();
    Peer on_air(other->address().port), next(other->address().port);
    on_air.publish("cam");
    fail_unless(eventually([&] { return waiting == 1; }));
    next.publish("cam");
    fail_unless(eventually([&] { return waiting == 2; }));
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    Relay asked;
    fail_unless(
        asked.on(*other, "live/cam", "", {.republish = net::Republish::takeover, .watch = watch}));
    fail_unless(eventually([&] { return watch->has(2); }));
    fail_unless(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    watch->allow(on_air);
    fail_unless(on_air.until_said("NetStream.Publish.Start"));
    fail_if(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    watch->allow(next);
    fail_unless(next.until_said("NetStream.Publish.Start"));
    fail_unless(on_air.until_said("NetStream.Publish.BadName"));
    fail_unless_equals_string(names_of(*other).c_str(), (next.name + ", ").c_str());
}
GST_END_TEST

// Two publish, a third is refused; each is heard as itself.
GST_START_TEST(test_backup) {
    struct Second : net::TagReceiver {
        void on_published(const net::Publisher &who) override { is_backup = who.is_backup(); }
        void on_unpublished(const std::string &) override { ++unpublished; }
        bool on_tag(flv::Tag &&) override { return ++received > 0; }
        std::atomic<int> is_backup{-1}, received{0}, unpublished{0};
    };
    struct Both : Relay {
        net::PublishReceiver *second() override { return &other; }
        bool is_second_on_air() const override { return is_other_on_air; }
        Second other;
        std::atomic<bool> is_other_on_air{false};
    };
    auto server = open_server();
    Both both;
    fail_unless(both.on(*server, "live/cam", "", {.republish = net::Republish::backup}));
    Peer first(server->address().port), second(server->address().port),
        third(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    second.publish("cam?backup=1");
    fail_unless(second.until_said("NetStream.Publish.Start"));
    third.publish("cam");
    fail_unless(third.until_said("NetStream.Publish.BadName"));
    first.send(samples::video_config());
    second.send(samples::video_config());
    second.send(samples::video_config());
    fail_unless(eventually([&] { return both.received == 1 && both.other.received == 2; }));
    fail_unless_equals_int(both.other.is_backup, 1);
    // Both are named, the one on air first.
    fail_unless_equals_string(names_of(*server).c_str(), (first.name + ", " + second.name).c_str());
    both.is_other_on_air = true;
    fail_unless_equals_string(names_of(*server).c_str(), (second.name + ", " + first.name).c_str());
    first.close();
    fail_unless(eventually([&] { return both.unpublished == 1; }));
    fail_unless(server->mounts().at(0).publishing);
    fail_unless_equals_string(names_of(*server).c_str(), (second.name + ", ").c_str());
    fail_unless(can_publish(server->address().port, "cam"));
    second.close();
    fail_unless(eventually([&] { return both.other.unpublished == 1; }));
    fail_unless(eventually([&] { return !server->mounts().at(0).publishing; }));
    // A receiver that takes one only refuses the second.
    Relay one;
    fail_unless(one.on(*server, "live/one", "", {.republish = net::Republish::backup}));
    Peer a(server->address().port), b(server->address().port);
    a.publish("one");
    fail_unless(a.until_said("NetStream.Publish.Start"));
    b.publish("one");
    fail_unless(b.until_said("NetStream.Publish.BadName"));
    // Who is admitted is named before one who waits to be.
    auto other = open_server();
    std::atomic<int> waiting{0};
    auto options = everything();
    options.on_publish = [&](const net::PublishAttempt &) { ++waiting; };
    auto lease = other->rules().add(options, other);
    auto watch = std::make_shared<Asked>();
    Peer waits(other->address().port), admitted(other->address().port);
    waits.publish("cam");
    fail_unless(eventually([&] { return waiting == 1; }));
    admitted.publish("cam");
    fail_unless(eventually([&] { return waiting == 2; }));
    Both asked;
    fail_unless(
        asked.on(*other, "live/cam", "", {.republish = net::Republish::backup, .watch = watch}));
    fail_unless(eventually([&] { return watch->has(2); }));
    fail_unless(other->mounts().at(0).pending);
    watch->allow(admitted);
    fail_unless(admitted.until_said("NetStream.Publish.Start"));
    fail_if(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (admitted.name + ", ").c_str());
    watch->allow(waits);
    fail_unless(waits.until_said("NetStream.Publish.Start"));
    fail_unless_equals_string(names_of(*other).c_str(),
                              (waits.name + ", " + admitted.name).c_str());
}
GST_END_TEST

// Two wait for a pipeline that is still to come: it says what becomes of the second.
GST_START_TEST(test_two_wait) {
    for (const auto republish :
         {net::Republish::reject, net::Republish::takeover, net::Republish::backup}) {
        auto server = open_server();
        std::atomic<int> asked{0};
        auto lease =
            server->rules().add(net::LeaseOptions{[](std::string_view) { return true; },
                                                  [&](const net::PublishAttempt &) { ++asked; },
                                                  {}},
                                server);
        Peer first(server->address().port), second(server->address().port);
        first.publish("cam");
        fail_unless(eventually([&] { return asked == 1; }));
        second.publish("cam");
        fail_unless(eventually([&] { return asked == 2; }));
        struct Both : Relay {
            net::PublishReceiver *second() override { return &other; }
            Relay other;
        } both;
        fail_unless(both.on(*server, "live/cam", "", {.republish = republish}));
        Peer &taken = republish == net::Republish::takeover ? second : first;
        Peer &last = republish == net::Republish::takeover ? first : second;
        fail_unless(taken.until_said("NetStream.Publish.Start"));
        fail_unless(last.until_said(republish == net::Republish::backup
                                        ? "NetStream.Publish.Start"
                                        : "NetStream.Publish.BadName"));
        fail_unless_equals_int(both.published, 1);
    }
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
    tcase_add_test(tc, test_takeover);
    tcase_add_test(tc, test_backup);
    tcase_add_test(tc, test_two_wait);
    tcase_add_test(tc, test_reset_frees_the_name);
    tcase_add_test(tc, test_reset_while_the_receiver_is_full);
    tcase_add_test(tc, test_full_receiver_holds_the_publisher_back);
    tcase_add_test(tc, test_unclaimed_publisher_is_refused);
    tcase_add_test(tc, test_claimed_in_time);
    tcase_add_test(tc, test_keys);
    tcase_add_test(tc, test_receivers_come_and_go);
    return s;
}
GST_CHECK_MAIN(net_publishers)
