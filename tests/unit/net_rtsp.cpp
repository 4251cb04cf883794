// SPDX-License-Identifier: LGPL-2.1-or-later
// Players of RTSP over real sockets: within the connection, by UDP, within HTTP; admission, tracks,
// the end of a stream.
#include "core/net/rtsp/client.h"
#include "core/rtp/rtcp.h"
#include "core/rtsp/fields.h"
#include "unit/rtsp_client.hpp"

#include "check.hpp"

using namespace rtsp_test;
using rtsp::Method;

namespace {

rtp::Packet parsed(const std::vector<uint8_t> &bytes) {
    rtp::Packet packet;
    fail_unless(rtp::parse(bytes, packet).is_ok());
    return packet;
}

std::string way_of(const Datagrams &rtp, const Datagrams &rtcp) {
    return "RTP/AVP;unicast;client_port=" + std::to_string(rtp.port) + "-" +
           std::to_string(rtcp.port);
}

/// Asks about players, and lets in those with a key.
class Doorman final : public net::PeerWatch {
public:
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        answer(net::Verdict(peer.key == "se-cret"));
        return true;
    }
};

} // namespace

GST_START_TEST(test_interleaved) {
    auto server = open_server();
    Feed feed(*server);
    Client client(server->address().port);
    fail_unless_equals_int(client.ask(Method::options, "*"), 200);
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/cam?x=1")), 200);
    fail_unless_equals_string(std::string(client.answer.headers.get("Content-Base")),
                              client.url("live/cam") + "/");
    fail_unless(client.answer.body.find("a=control:trackID=1") != std::string::npos);
    // The server's channels count, whatever is asked for.
    fail_unless_equals_int(client.set_up("live/cam", 1, "RTP/AVP/TCP;unicast;interleaved=0-1"),
                           200);
    const auto given = rtsp::parse_transports(client.answer.headers.get("Transport")).front();
    fail_unless(given.interleaved && given.interleaved->rtp == 2);
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP/TCP;unicast"), 200);
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP/TCP;unicast"), 200);
    fail_unless_equals_int(client.set_up("live/cam", 5, "RTP/AVP/TCP;unicast"), 404);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam/")), 200);
    const auto infos = rtsp::parse_rtp_info(client.answer.headers.get("RTP-Info"));
    fail_unless_equals_int(int(infos.size()), 2);
    // The cached GOP, at once, and what RTP-Info says of it; a sender report before it.
    fail_unless(client.until([&] { return client.packets[0].size() >= 1; }));
    fail_unless(client.until([&] { return client.packets[2].size() >= 1; }));
    const auto video = parsed(client.packets[0][0]);
    fail_unless(infos[0].sequence == video.sequence && infos[0].timestamp == video.timestamp);
    fail_unless(client.packets[1].size() == 1 && client.packets[3].size() == 1);
    rtp::rtcp::Compound report;
    fail_unless(rtp::rtcp::parse(client.packets[1][0], report).is_ok());
    fail_unless(std::get<rtp::rtcp::SenderReport>(report.packets[0]).ssrc == video.ssrc);
    const size_t before = client.packets[0].size();
    feed.frame();
    fail_unless(client.until([&] { return client.packets[0].size() > before; }));
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/cam")), 200);
    fail_unless_equals_int(client.ask(Method::get_parameter, client.url("live/cam")), 200);
    fail_unless_equals_int(int(server->mounts().front().viewers), 1);
    fail_unless_equals_int(client.ask(Method::pause, client.url("live/cam")), 200);
    fail_unless(eventually([&] { return server->mounts().front().viewers == 0; }));
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
    fail_unless_equals_int(client.ask(Method::teardown, client.url("live/cam")), 200);
    fail_unless(eventually([&] { return server->mounts().front().viewers == 0; }));
    fail_if(client.malformed);
}
GST_END_TEST

GST_START_TEST(test_one_track_alone) {
    auto server = open_server();
    Feed feed(*server);
    Client client(server->address().port);
    fail_unless_equals_int(client.set_up("live/cam", 1, "RTP/AVP/TCP;unicast"), 200);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
    feed.frame();
    fail_unless(client.until([&] { return client.packets[2].size() >= 2; }));
    fail_unless(client.packets[0].empty() && client.packets[1].empty());
}
GST_END_TEST

GST_START_TEST(test_udp) {
    auto server = open_server();
    Feed feed(*server);
    Client client(server->address().port);
    Datagrams rtp, rtcp, foreign;
    const std::string ports = std::to_string(rtp.port) + "-" + std::to_string(rtcp.port);
    // The first that is possible is taken; another destination is not.
    fail_unless_equals_int(
        client.set_up("live/cam", 0,
                      "RTP/SAVP;unicast;client_port=1-2,RTP/AVP;multicast,RTP/AVP;unicast;"
                      "destination=127.0.0.9;client_port=" +
                          ports),
        200);
    const auto chosen = rtsp::parse_transports(client.answer.headers.get("Transport")).front();
    fail_unless(chosen.server_port && chosen.server_port->rtp % 2 == 0 &&
                chosen.server_port->rtcp == chosen.server_port->rtp + 1 && chosen.ssrc);
    fail_unless(chosen.destination.empty() && chosen.source == "127.0.0.1");
    // All tracks go the same way.
    fail_unless_equals_int(client.set_up("live/cam", 1, "RTP/AVP/TCP;unicast"), 461);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
    const auto first = rtp.next();
    fail_unless(!first.empty() && parsed(first).ssrc == *chosen.ssrc);
    fail_if(rtcp.next().empty(), "a sender report");
    for (int i = 0; i < 20; ++i) {
        feed.frame();
        const auto packet = rtp.next();
        fail_unless(!packet.empty() &&
                    parsed(packet).sequence == uint16_t(parsed(first).sequence + i + 1));
    }
    // A report from the player's port.
    Writer writer;
    rtp::rtcp::write(rtp::rtcp::ReceiverReport{1, {}}, writer);
    rtcp.send(chosen.server_port->rtcp, writer.view());
    foreign.send(chosen.server_port->rtcp, writer.view());
    fail_unless_equals_int(client.ask(Method::options, "*"), 200);
    client.close();
    fail_unless(eventually([&] { return server->mounts().front().viewers == 0; }));
}
GST_END_TEST

GST_START_TEST(test_udp_ports_have_one_player) {
    auto server = open_server();
    Feed feed(*server);
    Client client(server->address().port), other(server->address().port);
    Datagrams rtp, rtcp, more, reports;
    const std::string way = way_of(rtp, rtcp);
    fail_unless_equals_int(client.set_up("live/cam", 0, way), 200);
    fail_unless_equals_int(client.set_up("live/cam", 0, way), 200);
    fail_unless_equals_int(other.set_up("live/cam", 0, way), 461);
    // The other has none of them to give back.
    fail_unless_equals_int(other.set_up("live/cam", 0, way_of(more, reports)), 200);
    fail_unless_equals_int(other.ask(Method::teardown, other.url("live/cam")), 200);
    other.forget_session();
    fail_unless_equals_int(other.set_up("live/cam", 0, way), 461);
    // Whoever goes another way gives them back.
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP/TCP"), 200);
    fail_unless_equals_int(other.set_up("live/cam", 0, way), 200);
}
GST_END_TEST

GST_START_TEST(test_pause_of_a_paced_player) {
    auto server = open_server();
    Feed feed(*server);
    for (int i = 0; i < 2000; ++i) // a GOP for which its turn comes many times
        feed.frame();
    Client client(server->address().port);
    Datagrams rtp, rtcp;
    for (int i = 0; i < 3; ++i) {
        fail_unless_equals_int(client.set_up("live/cam", 0, way_of(rtp, rtcp)), 200);
        fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
        fail_unless_equals_int(client.ask(Method::pause, client.url("live/cam")), 200);
        fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
        fail_unless_equals_int(client.ask(Method::teardown, client.url("live/cam")), 200);
        client.forget_session();
    }
}
GST_END_TEST

GST_START_TEST(test_paused_player_says_nothing) {
    auto server = open_server({}, {.silence_ms = 1});
    Feed feed(*server);
    Client client(server->address().port);
    fail_unless(client.play("live/cam"));
    fail_unless_equals_int(client.ask(Method::pause, client.url("live/cam")), 200);
    fail_unless(client.until_closed());
}
GST_END_TEST

/// A peer that reads no answers is not listened to, until it does.
GST_START_TEST(test_unread_answers) {
    constexpr size_t most = 1 << 20; // requests, far more than the sockets' buffers hold
    auto server = open_server();
    Client client(server->address().port);
    std::string requests;
    for (int i = 0; i < 1000; ++i)
        requests += "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    const size_t size = requests.size() / 1000;
    size_t sent = 0;
    while (sent < most * size) {
        const ssize_t taken = client.try_send(std::string_view(requests).substr(sent % size));
        if (taken <= 0) break;
        sent += size_t(taken);
    }
    fail_unless(sent < most * size, "all requests were read");
    fail_unless(client.until([&] { return client.answers() >= sent / size; }));
    fail_if(client.malformed);
}
GST_END_TEST

GST_START_TEST(test_multicast) {
    auto server = open_server();
    Feed feed(*server);
    Client client(server->address().port), other(server->address().port);
    constexpr const char *way = "RTP/AVP;multicast";
    fail_unless_equals_int(client.set_up("live/cam", 0, way), 461);
    std::string error;
    fail_if(server->set_multicast("live/cam", "10.0.0.1", 5000, 1, &error));
    fail_if(server->set_multicast("live/cam", "239.255.7.7", 5001, 1, &error));
    // The group's port is one that nobody has.
    GroupMember group("239.255.7.7");
    fail_unless(server->set_multicast("live/cam", "239.255.7.7", group.port, 1, &error));
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/cam")), 200);
    fail_unless(client.answer.body.find("c=IN IP4 239.255.7.7/1") != std::string::npos);
    fail_unless_equals_int(client.set_up("live/cam", 0, way), 200);
    const auto chosen = rtsp::parse_transports(client.answer.headers.get("Transport")).front();
    fail_unless(chosen.is_multicast && chosen.destination == "239.255.7.7" && chosen.ttl == 1 &&
                chosen.port && chosen.port->rtp == group.port);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
    fail_unless_equals_int(other.set_up("live/cam", 0, way), 200);
    fail_unless_equals_int(other.ask(Method::play, other.url("live/cam")), 200);
    // One viewer of the stream, for both.
    fail_unless(eventually([&] { return server->mounts().front().viewers == 1; }));
    std::vector<uint8_t> packet;
    for (int i = 0; i < 1000 && packet.empty(); ++i) {
        feed.frame(i % 5 == 0);
        packet = group.next(10);
    }
    fail_unless(!packet.empty() && parsed(packet).ssrc == *chosen.ssrc);
    client.close();
    fail_unless_equals_int(other.ask(Method::teardown, other.url("live/cam")), 200);
    fail_unless(eventually([&] { return server->mounts().front().viewers == 0; }));
}
GST_END_TEST

GST_START_TEST(test_multicast_of_the_next_producer) {
    auto server = open_server();
    auto feed = std::make_unique<Feed>(*server);
    Client client(server->address().port);
    std::string error;
    GroupMember group("239.255.7.7");
    fail_unless(server->set_multicast("live/cam", "239.255.7.7", group.port, 1, &error));
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP;multicast"), 200);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/cam")), 200);
    feed.reset();
    feed = std::make_unique<Feed>(*server, "live/cam",
                                  net::PlayFeedOptions{.watch = std::make_shared<Doorman>()});
    fail_unless(client.until_closed(), "it has no key");
}
GST_END_TEST

GST_START_TEST(test_udp_is_refused) {
    auto server = open_server({.udp = false});
    Feed feed(*server);
    Client client(server->address().port);
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP;unicast;client_port=6000-6001"),
                           461);
    fail_unless_equals_int(client.set_up("live/cam", 0, "RTP/AVP/TCP;unicast"), 200);
    std::string error;
    fail_unless(net::RtspServer::open(server->address(), {}, &error) == nullptr);
    fail_unless(error.find("other options") != error.npos, "%s", error.c_str());
}
GST_END_TEST

GST_START_TEST(test_tunnel) {
    auto server = open_server();
    Feed feed(*server);
    Client get(server->address().port), post(server->address().port), other(server->address().port);
    get.answer.status = 0;
    get.send("GET /live/cam HTTP/1.0\r\nx-sessioncookie: abc\r\n\r\n");
    fail_unless(get.until([&] { return get.answer.status == 200; }));
    fail_unless_equals_string(std::string(get.answer.headers.get("Content-Type")),
                              "application/x-rtsp-tunnelled");
    const auto ask = [&](const std::string &text) {
        const std::string whole = to_base64(text);
        post.send(std::string_view(whole).substr(0, 11));
        post.send(std::string_view(whole).substr(11));
    };
    post.send("POST /live/cam HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\n");
    get.answer = {};
    get.answer.status = 0;
    ask("DESCRIBE " + get.url("live/cam") + " RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    fail_unless(get.until([&] { return get.answer.status == 200; }));
    fail_unless(get.answer.body.find("H264") != std::string::npos);
    ask("SETUP " + get.url("live/cam") +
        "/trackID=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
        "PLAY " +
        get.url("live/cam") + " RTSP/1.0\r\nCSeq: 3\r\n\r\n");
    fail_unless(get.until([&] { return get.packets[0].size() >= 1; }));
    other.send("POST /live/cam HTTP/1.0\r\nx-sessioncookie: abd\r\n\r\n");
    fail_unless(other.until_closed());
    fail_unless_equals_int(int(other.answer.status), 404);
    // A tunnel has one POST, the latest, which ends with it.
    Client next(server->address().port), last(server->address().port);
    const std::string head = "POST /live/cam HTTP/1.0\r\nx-sessioncookie: abc\r\n\r\n";
    next.send(head);
    fail_unless(post.until_closed());
    last.send(head);
    fail_unless(next.until_closed());
    get.close();
    fail_unless(last.until_closed());
}
GST_END_TEST

GST_START_TEST(test_rubbish_in_a_tunnel) {
    auto server = open_server();
    Client get(server->address().port), post(server->address().port);
    get.answer.status = 0;
    get.send("GET /live/cam HTTP/1.0\r\nx-sessioncookie: abc\r\n\r\n");
    fail_unless(get.until([&] { return get.answer.status == 200; }));
    post.send("POST /live/cam HTTP/1.0\r\nx-sessioncookie: abc\r\n\r\nthis is not base64!");
    fail_unless(post.until_closed());
}
GST_END_TEST

/// A client that UDP is refused to holds the server back within TCP.
GST_START_TEST(test_client_falls_back_to_tcp) {
    struct Full final : net::RtspClientEvents {
        void on_change(const net::ClientChange &) override {}
        void on_tracks(const std::vector<rtsp::ClientTrack> &) override {}
        bool on_tag(flv::Tag &&, std::optional<int64_t>) override {
            ++tags;
            return has_room;
        }
        void on_frame(size_t, const rtsp::TrackCodec &, rtsp::ElementaryFrame &&) override {}
        std::atomic<int> tags{0};
        std::atomic<bool> has_room{false};
    };
    auto server = open_server({.udp = false});
    Feed feed(*server);
    Full events;
    std::string error;
    const std::string url =
        "rtsp://127.0.0.1:" + std::to_string(server->address().port) + "/live/cam";
    const auto client = net::RtspClient::open(
        {.url = *rtsp::parse_url(url), .protocols = {rtsp::Lower::udp, rtsp::Lower::tcp}}, events,
        &error);
    fail_unless(client != nullptr, "%s", error.c_str());
    fail_unless(eventually([&] { return events.tags > 0; }));
    const int before = events.tags;
    // Whatever is read in one round comes, and then nothing.
    for (int i = 0; i < 10; ++i) {
        feed.frame();
        g_usleep(20'000);
    }
    fail_unless(events.tags < before + 10, "%d", int(events.tags));
    events.has_room = true;
    client->resume();
    fail_unless(eventually([&] { return events.tags >= before + 10; }));
    fail_unless_equals_string(client->totals().protocol, "tcp");
}
GST_END_TEST

GST_START_TEST(test_unknown_and_illegal_paths) {
    auto server = open_server();
    Client client(server->address().port);
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/none")), 404);
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/../x")), 404);
    fail_unless_equals_int(client.ask(Method::describe, "*"), 404);
    fail_unless_equals_int(client.ask(Method::play, client.url("live/none")), 454);
    fail_unless_equals_int(client.ask(Method::announce, client.url("live/none"), {}, "v=0\r\n"),
                           415);
    Client garbage(server->address().port);
    garbage.send("this is no RTSP\r\n\r\n");
    fail_unless(garbage.until_closed());
}
GST_END_TEST

GST_START_TEST(test_many_questions_end_the_connection) {
    auto server = open_server({}, {.questions = 3});
    Client client(server->address().port);
    for (int i = 0; i < 3; ++i)
        fail_unless_equals_int(client.ask(Method::describe, client.url("live/none")), 404);
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/none")), 0);
}
GST_END_TEST

GST_START_TEST(test_password_of_a_player) {
    auto server = open_server();
    Feed feed(*server, "live/cam", {.watch = std::make_shared<Doorman>()});
    Client client(server->address().port);
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/cam")), 401);
    fail_unless(client.answer.headers.get("WWW-Authenticate").starts_with("Basic"));
    rtsp::ClientAuthentication wrong("me", "guess", {net::md5_hex, net::sha256_hex},
                                     net::secure_random);
    fail_unless(wrong.on_unauthorized(client.answer));
    client.authentication = &wrong;
    fail_unless_equals_int(client.ask(Method::describe, client.url("live/cam")), 401);
    rtsp::ClientAuthentication right("me", "se-cret", {net::md5_hex, net::sha256_hex},
                                     net::secure_random);
    fail_unless(right.on_unauthorized(client.answer));
    client.authentication = &right;
    fail_unless(client.play("live/cam"));
    fail_unless(client.until([&] { return !client.packets[0].empty(); }));
    // The key of a URL is as good, and need not be repeated for its tracks.
    Client other(server->address().port);
    fail_unless_equals_int(other.ask(Method::describe, other.url("live/cam?key=se-cret")), 200);
    fail_unless_equals_int(other.set_up("live/cam", 0, "RTP/AVP/TCP"), 200);
    fail_unless_equals_int(other.ask(Method::describe, other.url("live/cam?key=no")), 403);
}
GST_END_TEST

GST_START_TEST(test_end_of_a_stream) {
    auto server = open_server();
    auto feed = std::make_unique<Feed>(
        *server, "live/cam",
        net::PlayFeedOptions{.ending = {std::chrono::nanoseconds(0), std::chrono::seconds(5)}});
    Client client(server->address().port);
    fail_unless(client.play("live/cam"));
    fail_unless(client.until([&] { return !client.packets[0].empty(); }));
    const size_t before = client.packets[1].size();
    feed.reset();
    fail_unless(client.until_closed());
    fail_unless(client.packets[1].size() > before);
    rtp::rtcp::Compound last;
    fail_unless(rtp::rtcp::parse(client.packets[1].back(), last).is_ok());
    fail_unless(std::holds_alternative<rtp::rtcp::Goodbye>(last.packets.back()));
}
GST_END_TEST

GST_START_TEST(test_next_producer) {
    auto server = open_server();
    auto feed = std::make_unique<Feed>(*server);
    Client client(server->address().port), other(server->address().port);
    fail_unless(client.play("live/cam") && other.play("live/cam"));
    fail_unless(client.until([&] { return !client.packets[0].empty(); }));
    const size_t before = client.packets[0].size();
    feed.reset();
    feed = std::make_unique<Feed>(*server);
    fail_unless(client.until([&] { return client.packets[0].size() > before; }));
    const auto &packets = client.packets[0];
    fail_unless(parsed(packets[before]).sequence ==
                uint16_t(parsed(packets[before - 1]).sequence + 1));
    fail_if(client.malformed);
}
GST_END_TEST

static Suite *net_rtsp_suite() {
    Suite *suite = suite_create("net_rtsp");
    TCase *cases = tcase_create("players");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_interleaved);
    tcase_add_test(cases, test_one_track_alone);
    tcase_add_test(cases, test_udp);
    tcase_add_test(cases, test_udp_ports_have_one_player);
    tcase_add_test(cases, test_pause_of_a_paced_player);
    tcase_add_test(cases, test_paused_player_says_nothing);
    tcase_add_test(cases, test_unread_answers);
    tcase_add_test(cases, test_multicast);
    tcase_add_test(cases, test_multicast_of_the_next_producer);
    tcase_add_test(cases, test_udp_is_refused);
    tcase_add_test(cases, test_tunnel);
    tcase_add_test(cases, test_rubbish_in_a_tunnel);
    tcase_add_test(cases, test_client_falls_back_to_tcp);
    tcase_add_test(cases, test_unknown_and_illegal_paths);
    tcase_add_test(cases, test_many_questions_end_the_connection);
    tcase_add_test(cases, test_password_of_a_player);
    tcase_add_test(cases, test_end_of_a_stream);
    tcase_add_test(cases, test_next_producer);
    return suite;
}

GST_CHECK_MAIN(net_rtsp)
