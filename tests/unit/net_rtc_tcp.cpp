// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers of the WebRTC server that use TCP: viewers and publishers, slow ones, strangers, and a port
// that is taken.
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/tcp_listener.h"
#include "rtc/crypto.hpp"
#include "unit/rtc_server.hpp"

using namespace rtc_server_test;

namespace {

using TcpPeer = ClientOf<TcpClient>;

RtcClient::Settings with_frequent_checks(RtcClient::Settings settings = {}) {
    settings.checks.consent_ms = 20;
    return settings;
}

std::string framed(const std::vector<uint8_t> &datagram) {
    const auto head = stun::head_of_frame(datagram.size());
    return std::string(head.begin(), head.end()) + std::string(datagram.begin(), datagram.end());
}

std::vector<uint8_t> check_of(const stun::Credentials &ice) {
    stun::TransactionId transaction;
    random_bytes(transaction);
    return stun::MessageWriter(stun::Class::request, transaction)
        .username(ice.ufrag + ":abcd")
        .priority(1)
        .controlling(1)
        .finish(ice.password, hmac_sha1);
}

} // namespace

GST_START_TEST(test_viewer) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander other(*server, stream);
    // On each of the loops.
    for (int i = 0; i < 4; ++i) {
        TcpPeer client(server->address().port, with_frequent_checks());
        const unsigned group = (stream.frames - 1) / 30 * 30; // which it joins
        client.connect("/live/cam/whep");
        for (int frame = 0; frame < 5; ++frame) {
            fail_unless(
                client.until([&] { return client.frames().size() == stream.frames - group; }));
            other.goes_on(1);
        }
        fail_unless(!client.reports.empty());
        // Another connection takes over, more often than several are kept.
        for (int change = 0; change < 5; ++change) {
            const unsigned before = client.client.rtc().checks()->answers();
            client.client.change_socket();
            fail_unless(
                client.until([&] { return client.client.rtc().checks()->answers() > before; }));
            const size_t had = client.video_packets.size();
            other.goes_on(1);
            fail_unless(client.until([&] { return client.video_packets.size() > had + 4; }));
        }
        fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 200);
        fail_unless(client.until([&] { return client.client.is_closed(); }));
    }
    fail_unless(penstock_test::eventually([&] { return stream.feed->stats().viewers == 1; }));
}
GST_END_TEST

GST_START_TEST(test_publisher) {
    const auto server = open_server();
    Receiver receiver;
    std::string error;
    const auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    TcpPeer client(server->address().port, publisher_settings());
    client.connect("/live/cam/whip");
    VideoSender sender(client.client.rtc());
    for (unsigned i = 0; i < 50; ++i)
        sender.send_frame();
    fail_unless(client.until([&] { return receiver.frames() == 50; }));
    fail_unless(claim->want_keyframe());
    fail_unless(client.until([&] { return client.picture_losses > 0; }));
    std::lock_guard lock(receiver.mutex);
    for (unsigned i = 0; i < 50; ++i)
        fail_unless(
            std::ranges::equal(receiver.video[i].body_view().subspan(5), picture(i == 0, i)));
}
GST_END_TEST

GST_START_TEST(test_slow_viewer) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander other(*server, stream);
    TcpPeer client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() == stream.frames; }));
    client.client.set_deaf(true);
    for (int i = 0; i < 60; ++i)
        other.goes_on(20); // in all more than sockets and the connection hold
    const size_t had = client.video_packets.size();
    client.client.set_deaf(false);
    // It goes on with what is new, and all that comes now is complete.
    const auto newest = [&] {
        return client.video_packets.empty() ? 0 : client.video_packets.rbegin()->second.timestamp;
    };
    fail_unless(client.until([&] {
        const uint32_t before = newest();
        other.goes_on(1);
        client.loop.run_until([&] { return newest() != before; }, 100);
        return newest() - client.video_packets.begin()->second.timestamp >
               (stream.frames - 10) * 90 * frame_ms / 2;
    }));
    fail_unless(client.video_packets.size() > had);
    fail_unless(!client.ended && !client.client.is_closed());
    fail_unless_equals_int(stream.feed->stats().viewers, 2);
}
GST_END_TEST

GST_START_TEST(test_strangers) {
    const auto server = open_server();
    const auto loops = net::Loops::shared();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    const uint16_t port = server->udp_address().port;
    const stun::Credentials ice = viewer.client.client.rtc().answered().transport.ice;
    stun::Credentials unknown = ice;
    unknown.ufrag += "x";
    const std::string long_one = framed(std::vector<uint8_t>(3000, 0));
    for (const std::string &text :
         {std::string("GET / HTTP/1.1\r\nHost: test\r\n\r\n"), std::string(4096, '\x16'), long_one,
          std::string("\0\0\0\0", 4), framed({0, 1, 0, 0}), framed(check_of(unknown)),
          framed(std::vector<uint8_t>(100, 0x80)), framed(std::vector<uint8_t>(100, 22)),
          framed(check_of(ice)) + long_one}) {
        http_test::Exchange stranger(port);
        stranger.send(text);
        fail_unless(stranger.until_closed(), "%zu bytes", text.size());
        viewer.goes_on(1);
    }
    // A false password is refused, and the connection closed at the deadline, as are those that say
    // nothing; a host has a hundred of them at most.
    net::HeldClock clock(*loops);
    stun::Credentials wrong = ice;
    wrong.password += "x";
    http_test::Exchange false_one(port);
    false_one.send(framed(check_of(wrong)));
    fail_unless(false_one.until([&] { return false_one.input.size() > 20; }));
    std::vector<std::unique_ptr<http_test::Exchange>> silent;
    for (int i = 0; i < 150; ++i)
        silent.push_back(std::make_unique<http_test::Exchange>(port));
    const auto open = [&] {
        size_t count = 0;
        for (const auto &each : silent) {
            each->read(0);
            count += !each->closed;
        }
        return count;
    };
    fail_unless(penstock_test::eventually([&] { return open() == 99; }), "%zu", open());
    clock.advance(std::chrono::seconds(9));
    viewer.goes_on(1);
    viewer.gives_consent();
    fail_unless_equals_int(open(), 99);
    clock.advance(std::chrono::seconds(2));
    fail_unless(penstock_test::eventually([&] { return open() == 0; }), "%zu", open());
    fail_unless(false_one.until_closed());
    viewer.goes_on(1);
    TcpPeer next(server->address().port);
    next.connect("/live/cam/whep");
}
GST_END_TEST

GST_START_TEST(test_port_is_taken) {
    const auto loops = net::Loops::shared();
    std::string error;
    const auto taken = net::Listener::open(
        loops, {"127.0.0.1", 0}, "http", [](auto &&, size_t) {}, &error);
    fail_unless(taken != nullptr, "%s", error.c_str());
    net::RtcOptions how = options();
    how.udp.port = taken->address().port;
    const auto server = net::RtcServer::open({"127.0.0.1", 0}, {}, how, &error);
    fail_unless(server != nullptr, "%s", error.c_str());
    Stream stream(*server);
    Bystander viewer(*server, stream);
    viewer.goes_on();
    for (const sdp::Candidate &each : viewer.client.client.rtc().answered().transport.candidates)
        fail_unless(each.tcp == sdp::Candidate::Tcp::no);
}
GST_END_TEST

static Suite *net_rtc_tcp_suite() {
    Suite *s = suite_create("net_rtc_tcp");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_viewer);
    tcase_add_test(tc, test_publisher);
    tcase_add_test(tc, test_slow_viewer);
    tcase_add_test(tc, test_strangers);
    tcase_add_test(tc, test_port_is_taken);
    return s;
}
GST_CHECK_MAIN(net_rtc_tcp)
