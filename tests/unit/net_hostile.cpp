// SPDX-License-Identifier: LGPL-2.1-or-later
// Misbehaving peers over real sockets: only their own connection is affected, and the log names
// them.
#include "core/net/stream/silent_room.h"

#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

namespace {

/// A server, and a player that must keep watching before and after each attack.
struct Scene {
    explicit Scene(const net::RtmpLimits &limits = {})
        : server(open_server(limits)), player(server->address().port) {
        std::string error;
        feed = server->feed("live/cam", {}, &error);
        fail_unless(relay.on(*server, "live/in", ""));
        player.play("cam");
        fail_unless(player.until_said("NetStream.Play.Start"));
        feed->push(samples::video_config());
    }
    uint16_t port() const { return server->address().port; }
    void player_is_served() {
        const size_t before = player.frames();
        for (int i = 0; i < 10; ++i)
            feed->push(samples::video_frame(ms += 40, i == 0));
        fail_unless(player.until([&] { return player.frames() == before + 10; }),
                    "the player got %zu of 10 frames", player.frames() - before);
    }
    /// Expects that this peer alone is closed, for this reason.
    void is_closed(Peer &peer, const std::string &reason) {
        fail_unless(peer.until_closed(), "stays open instead of: %s", reason.c_str());
        fail_unless(eventually([&] { return log.warned(peer.name, reason); }),
                    "no warning about %s: %s\n%s", peer.name.c_str(), reason.c_str(),
                    log.all().c_str());
        player_is_served();
        fail_if(player.closed);
    }

    Log log;
    std::shared_ptr<net::RtmpServer> server;
    Relay relay;
    Peer player;
    std::unique_ptr<net::PlayFeed> feed;
    uint32_t ms = 0;
};

using Wrong = std::function<void(Client &)>;

struct Case {
    const char *reason;
    Wrong what;
};

/// Runs each case twice: on a connected peer, and on one that publishes.
void run_cases(const std::vector<Case> &cases) {
    Scene scene;
    for (const Case &each : cases)
        for (const bool publishes : {false, true}) {
            Peer peer(scene.port());
            peer.out.handshake().connect("live");
            if (publishes) {
                peer.out.publish("in");
                peer.flush();
                fail_unless(peer.until_said("NetStream.Publish.Start"), "%s", each.reason);
            }
            each.what(peer.out);
            peer.flush();
            scene.is_closed(peer, each.reason);
            if (publishes) {
                const int wanted = scene.relay.published;
                fail_unless(eventually([&] { return scene.relay.unpublished == wanted; }));
            }
        }
}

} // namespace

GST_START_TEST(test_garbage_instead_of_a_handshake) {
    Scene scene;
    const std::pair<std::string, const char *> wrongs[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "begins with byte 71 (HTTP?"},
        {std::string("\x16\x03\x01\x02", 4), "(TLS?"},
        {std::string("\x06", 1), "encrypted RTMPE"},
        {std::string(5000, '\xff'), "begins with byte 255, where RTMP has version 3"},
    };
    for (const auto &[bytes, reason] : wrongs) {
        Peer peer(scene.port());
        peer.out.out.text(bytes);
        peer.flush();
        scene.is_closed(peer, reason);
    }
    // A good handshake followed by noise.
    std::mt19937 random(5);
    for (int i = 0; i < 20; ++i) {
        Peer peer(scene.port());
        peer.out.handshake();
        for (int j = 0; j < 5000; ++j)
            peer.out.out.u8(uint8_t(random()));
        peer.flush();
        shutdown(peer.socket(), SHUT_WR);
        fail_unless(peer.until_closed());
    }
    scene.player_is_served();
}
GST_END_TEST

// The deadline holds also for peers that send something all the time, and for peers that connect
// and then request nothing.
GST_START_TEST(test_slow_loris) {
    Scene scene({.handshake_ms = 500});
    Peer silent(scene.port()), drip(scene.port()), idle(scene.port()), refused(scene.port());
    idle.out.handshake().connect("live");
    idle.flush();
    fail_unless(refused.play("unknown"));
    fail_unless(refused.until_said("StreamNotFound"));
    drip.out.out.u8(3);
    std::atomic<bool> end{false};
    std::thread dripping([&] {
        while (!end && drip.flush()) {
            drip.out.out.u8(0);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    const bool closed = drip.until_closed();
    end = true;
    dripping.join();
    fail_unless(closed);
    for (Peer *peer : {&silent, &drip, &idle})
        scene.is_closed(*peer, "asked for nothing within");
    // Why it was refused is a warning already.
    fail_unless(refused.until_closed());
    fail_unless(scene.log.warned(refused.name, "refused to play"));
    fail_if(scene.log.warned(refused.name, "asked for nothing within"));
}
GST_END_TEST

GST_START_TEST(test_chunk_sizes) {
    run_cases({
        {"chunk size 0", [](Client &c) { c.control(type::set_chunk_size, 0); }},
        {"chunk size 2147483648", [](Client &c) { c.control(type::set_chunk_size, 0x80000000); }},
        {"chunk size 4294967295", [](Client &c) { c.control(type::set_chunk_size, 0xffffffff); }},
        {"shorter than 4 bytes",
         [](Client &c) {
             c.message(type::set_chunk_size, 0, 0, ByteView(c.out.view()).first(0), 2);
         }},
    });
}
GST_END_TEST

GST_START_TEST(test_sizes_that_are_only_claimed) {
    run_cases({
        {"a message of type 20 with 16777215 bytes",
         [](Client &c) { rtmp::write_first_header(c.out, 3, type::command_amf0, 0, 0xffffff, 0); }},
        {"a message of type 9 with 16777215 bytes",
         [](Client &c) { rtmp::write_first_header(c.out, 6, type::video, 0, 0xffffff, 1); }},
        {"chunk streams",
         [](Client &c) {
             for (uint8_t id = 3; id < 60; ++id)
                 rtmp::write_message(c.out, id, type::video, 0, 1, {}, 128);
         }},
    });
}
GST_END_TEST

GST_START_TEST(test_amf) {
    const auto command = [](std::vector<uint8_t> body) {
        return [body](Client &c) { c.message(type::command_amf0, 0, 0, body); };
    };
    std::vector<uint8_t> nested{2, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 5000; ++i)
        nested.insert(nested.end(), {3, 0, 1, 'a'});
    run_cases({
        // A long string whose length says 4 GB.
        {"AMF", command({0x0c, 0xff, 0xff, 0xff, 0xff, 'c', 'o', 'n'})},
        {"AMF", command({2, 0xff, 0xff, 'c', 'o', 'n'})},
        // An array of 4 billion entries, after a name and a number.
        {"AMF", command({2, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xff})},
        {"AMF", command(nested)},
        {"malformed command", command({})},
    });
}
GST_END_TEST

// A peer that keeps requesting and never reads an answer.
GST_START_TEST(test_answers_nobody_reads) {
    Scene scene({.answers_ms = 1000});
    Peer peer(scene.port(), 4096);
    peer.out.handshake().connect("live");
    peer.flush();
    const timeval patience{5, 0};
    setsockopt(peer.socket(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    bool open = true;
    for (int i = 0; i < 2000 && open; ++i) {
        for (int j = 0; j < 100; ++j)
            peer.out.call(0, "createStream", 4);
        open = peer.flush();
    }
    fail_if(open, "200000 questions are not too many");
    fail_unless(eventually([&] { return scene.log.warned(peer.name, "closed: "); }), "%s",
                scene.log.all().c_str());
    scene.player_is_served();
}
GST_END_TEST

GST_START_TEST(test_connection_limit) {
    Scene scene({.connections = 3});
    Peer second(scene.port());
    auto third = std::make_unique<Peer>(scene.port());
    for (Peer *peer : {&second, third.get()}) {
        peer->play("cam");
        fail_unless(peer->until_said("NetStream.Play.Start"));
    }
    Peer fourth(scene.port());
    scene.is_closed(fourth, "3 connections are open already");
    fail_if(second.closed);
    // There is room again once a peer has gone.
    third.reset();
    fail_unless(eventually([&] {
        Peer next(scene.port());
        next.play("cam");
        return next.until_said("NetStream.Play.Start");
    }));
}
GST_END_TEST

// A host that has all it may have leaves room for others.
GST_START_TEST(test_host_limit) {
    Scene scene({.connections_per_host = 2});
    auto second = std::make_unique<Peer>(scene.port());
    fail_unless(second->play("cam") && second->until_said("NetStream.Play.Start"));
    Peer third(scene.port());
    scene.is_closed(third, "its host has 2 connections already");
    Peer other(scene.port(), 0, "127.0.0.2");
    fail_unless(other.play("cam") && other.until_said("NetStream.Play.Start"));
    second.reset();
    fail_unless(eventually([&] {
        Peer next(scene.port());
        return next.play("cam") && next.until_said("NetStream.Play.Start");
    }));
}
GST_END_TEST

// Those that ask for nothing are bounded by themselves, per host and in total; who plays or
// publishes is none of them.
GST_START_TEST(test_silent_limits) {
    Scene scene({.handshake_ms = 300'000, .silent = 3, .silent_per_host = 2});
    // One after the other: on different loops, the second could take its place before the first.
    Peer first(scene.port());
    fail_unless(first.until([&] { return scene.log.all().find(first.name) != std::string::npos; }));
    Peer second(scene.port());
    fail_unless(
        second.until([&] { return scene.log.all().find(second.name) != std::string::npos; }));
    const char *reason = "too many connections have asked for nothing yet";
    Peer third(scene.port());
    scene.is_closed(third, reason);
    // Lines of the log come once a second.
    fail_unless(eventually([&] {
        Peer next(scene.port());
        fail_unless(next.until_closed());
        return scene.log.all().find("others before it)") != std::string::npos;
    }));
    // Another host has the last place. A third one gets the oldest of the host that has most.
    Peer other(scene.port(), 0, "127.0.0.2");
    fail_unless(other.until([&] { return scene.log.all().find(other.name) != std::string::npos; }));
    Peer more(scene.port(), 0, "127.0.0.3");
    fail_unless(first.until_closed());
    for (Peer *peer : {&second, &other, &more})
        fail_unless(peer->play("cam") && peer->until_said("NetStream.Play.Start"));
    Peer publisher(scene.port());
    fail_unless(publisher.publish("in") && publisher.until_said("NetStream.Publish.Start"));
    scene.player_is_served();
}
GST_END_TEST

// Whose place is taken, and that a place is given back once.
GST_START_TEST(test_silent_room) {
    std::string gone;
    const auto room = std::make_shared<net::SilentRoom>(5, 3);
    const auto enter = [&](const std::string &host, char name) {
        return room->enter(host + ":1", [&gone, name] { gone += name; });
    };
    auto a = enter("1.0.0.1", 'a'), b = enter("1.0.0.1", 'b'), c = enter("1.0.0.1", 'c');
    fail_if(enter("1.0.0.1", 'x'));
    auto d = enter("1.0.0.2", 'd'), e = enter("1.0.0.2", 'e'), f = enter("1.0.0.3", 'f');
    fail_unless_equals_string(gone.c_str(), "a"); // of 3, 2
    a.reset();                                    // has nothing to give back
    auto g = enter("1.0.0.4", 'g');               // of 2, 2, 1: the older one
    fail_unless_equals_string(gone.c_str(), "ab");
    auto h = enter("1.0.0.5", 'h'), i = enter("1.0.0.6", 'i'); // then of 2, and of 1 each
    fail_unless_equals_string(gone.c_str(), "abdc");
    h.reset();
    auto j = enter("1.0.0.1", 'j');
    fail_unless_equals_string(gone.c_str(), "abdc");
    fail_unless(e && f && g && i && j);
}
GST_END_TEST

GST_START_TEST(test_hosts_of_endpoints) {
    using net::host_of;
    fail_unless_equals_string(host_of("127.0.0.1:53412").c_str(), "127.0.0.1");
    fail_if(host_of("127.0.0.1:1") == host_of("127.0.0.2:1"));
    fail_unless(host_of("[2001:db8:1:2::1]:1") == host_of("[2001:db8:1:2:ffff::9]:2"));
    fail_if(host_of("[2001:db8:1:2::1]:1") == host_of("[2001:db8:1:3::1]:1"));
    fail_unless(host_of("[fe80::1%eth0]:1") == host_of("[fe80::2%eth1]:1"));
    fail_unless_equals_string(host_of("unknown").c_str(), "unknown");
}
GST_END_TEST

static Suite *net_hostile_suite() {
    Suite *s = suite_create("net_hostile");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_garbage_instead_of_a_handshake);
    tcase_add_test(tc, test_slow_loris);
    tcase_add_test(tc, test_chunk_sizes);
    tcase_add_test(tc, test_sizes_that_are_only_claimed);
    tcase_add_test(tc, test_amf);
    tcase_add_test(tc, test_answers_nobody_reads);
    tcase_add_test(tc, test_connection_limit);
    tcase_add_test(tc, test_host_limit);
    tcase_add_test(tc, test_silent_limits);
    tcase_add_test(tc, test_silent_room);
    tcase_add_test(tc, test_hosts_of_endpoints);
    return s;
}
GST_CHECK_MAIN(net_hostile)
