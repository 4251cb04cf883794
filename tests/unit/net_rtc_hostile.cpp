// SPDX-License-Identifier: LGPL-2.1-or-later
// The WebRTC server on loopback beside peers and strangers that misbehave: others go on, and what
// one of them costs has a limit.
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "rtc/crypto.hpp"
#include "unit/rtc_server.hpp"

#include <random>

using namespace rtc_server_test;

namespace {

constexpr int small_buffer = 1 << 20;

stun::TransportAddress media_address(net::RtcServer &server) {
    return stun::TransportAddress::v4({127, 0, 0, 1}, server.udp_address().port);
}

std::vector<uint8_t> check_of(const std::string &ufrag, const std::string &password,
                              bool has_integrity = true) {
    stun::TransactionId transaction;
    random_bytes(transaction);
    stun::MessageWriter writer(stun::Class::request, transaction);
    writer.username(ufrag + ":abcd").priority(1).controlling(1).use_candidate();
    return has_integrity ? writer.finish(password, hmac_sha1) : writer.finish();
}

/// Datagrams that have come.
size_t count(UdpSocket &socket) {
    size_t all = 0;
    for (size_t before = SIZE_MAX; before != all;) {
        before = all;
        socket.receive([&](const auto &, auto) { ++all; });
    }
    return all;
}

double seconds_since(int64_t ns) {
    return double(rtc_test::steady_ns() - ns) / 1e9;
}

/// Moves the clock on, second by second, while the viewer gets frames and gives its consent.
void pass_seconds(net::HeldClock &clock, Bystander &viewer, unsigned seconds) {
    for (unsigned i = 0; i < seconds; ++i) {
        clock.advance(std::chrono::seconds(1));
        viewer.goes_on(1);
        viewer.gives_consent();
    }
}

bool has_ended(uint16_t port, const std::string &location) {
    return request(port, "DELETE", location).status == 404;
}

Answer post_text(uint16_t port, const std::string &text) {
    return request(port, "POST", "/live/cam/whep", "Content-Type: application/sdp\r\n", text);
}

/// The sections of an offer, each without and with its attributes.
std::string with_lines(const std::string &offer, const std::string &line, size_t size) {
    std::string text = offer;
    for (unsigned i = 0; text.size() + line.size() + 16 < size; ++i)
        text += line + std::to_string(i) + "\r\n";
    return text;
}

} // namespace

GST_START_TEST(test_garbage) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    UdpSocket stranger(small_buffer);
    const auto to = media_address(*server);
    std::minstd_rand random(7);
    for (unsigned first = 0; first < 256; ++first) {
        for (const size_t size : {0, 1, 7, 8, 11, 12, 13, 19, 20, 21, 60, 300, 1200, 1500}) {
            std::vector<uint8_t> bytes(size);
            for (uint8_t &byte : bytes)
                byte = static_cast<uint8_t>(random());
            if (size > 0) bytes[0] = static_cast<uint8_t>(first);
            stranger.send(to, bytes);
            viewer.client.client.socket().send(to, bytes);
        }
        if (first % 16 == 15) viewer.goes_on(1);
    }
    // Alerts of DTLS that nobody has encrypted: fatal, and close_notify.
    for (const uint8_t what : {40, 0}) {
        const std::vector<uint8_t> alert{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, what};
        stranger.send(to, alert);
        viewer.client.client.socket().send(to, alert);
        viewer.goes_on(1);
    }
    fail_unless_equals_int(count(stranger), 0);
    viewer.gives_consent();
    fail_unless_equals_int(stream.feed->stats().viewers, 1);
}
GST_END_TEST

GST_START_TEST(test_half_handshakes) {
    const auto server = open_server();
    const auto loops = net::Loops::shared();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    const uint16_t port = server->address().port;
    net::HeldClock clock(*loops);
    std::vector<std::string> locations;
    unsigned refused = 0;
    for (int i = 0; i < 300; ++i) {
        Client half(port);
        bool is_cut = false;
        half.client.filter = [&](const stun::TransportAddress &to, ByteView bytes) {
            if (bytes[0] < 20) return true;
            half.client.socket().send(to, bytes.first(bytes.size() / 2));
            is_cut = true;
            return false;
        };
        const Answer answer = half.post("/live/cam/whep");
        if (answer.status == 503) {
            fail_unless(!answer.header("Retry-After").empty());
            ++refused;
            continue;
        }
        fail_unless_equals_int(answer.status, 201);
        locations.push_back(half.location);
        fail_unless(half.until([&] { return is_cut; }));
    }
    // One host has so many that are not finished, and no more.
    fail_unless_equals_int(locations.size(), 200);
    fail_unless_equals_int(refused, 100);
    pass_seconds(clock, viewer, 22);
    for (const std::string &location : locations)
        fail_unless(has_ended(port, location));
    Client next(port);
    next.connect("/live/cam/whep");
    pass_seconds(clock, viewer, 2);
}
GST_END_TEST

GST_START_TEST(test_false_checks) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    const auto to = media_address(*server);
    const stun::Credentials ice = viewer.client.client.rtc().answered().transport.ice;
    std::vector<UdpSocket> strangers;
    for (int i = 0; i < 50; ++i)
        strangers.emplace_back(small_buffer);
    const int64_t began = rtc_test::steady_ns();
    for (unsigned i = 0; i < 10'000; ++i) {
        UdpSocket &from = i % 2 == 0 ? strangers[0] : strangers[i % 50];
        if (i % 3 == 0)
            from.send(to, check_of(ice.ufrag, "not the password of this one"));
        else if (i % 3 == 1)
            from.send(to, check_of(ice.ufrag, ice.password, false));
        else
            from.send(to, check_of(ice.ufrag + "x", ice.password));
        if (i % 1000 == 999) viewer.goes_on(1);
    }
    viewer.gives_consent();
    size_t replies = 0;
    for (UdpSocket &stranger : strangers)
        replies += count(stranger);
    fail_unless(replies > 0 && double(replies) <= 50 * (seconds_since(began) + 2), "%zu replies",
                replies);
    viewer.goes_on();
    fail_unless_equals_int(stream.feed->stats().viewers, 1);
}
GST_END_TEST

GST_START_TEST(test_sdp_bombs) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    const uint16_t port = server->address().port;
    constexpr size_t most = 64 << 10;
    const std::string offer = Client(port).client.rtc().offer();
    std::string rids = offer, list;
    for (int i = 0; i < 1000; ++i) {
        rids += "a=rid:r" + std::to_string(i) + " recv\r\n";
        list += (i > 0 ? ";r" : "r") + std::to_string(i);
    }
    rids += "a=simulcast:recv " + list + "\r\n";
    const std::string media = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:m";
    const std::string fmtp = "a=fmtp:103 " + std::string(200, 'a') + "=";
    const std::string fingerprint = "a=fingerprint:sha-256 " + std::string(2, 'A') + ":";
    for (const std::string &bomb :
         {with_lines(offer, media, most), with_lines(offer, "m=audio 9 RTP/AVP ", most),
          with_lines(offer, "a=candidate:1 1 udp 1 192.0.2.1 9 typ host x ", most),
          with_lines(offer, fmtp, most), with_lines(offer, "a=rtcp-fb:* x", most),
          with_lines(offer, "a=group:BUNDLE ", most), with_lines(offer, "a=ssrc:", most),
          with_lines(offer, "a=extmap:1 urn:", most), with_lines(offer, fingerprint, most), rids,
          with_lines("", "a=", most), std::string(most, 'v'), std::string(most, '\n'),
          std::string("v=0\r\n") + std::string(most - 100, '\0')}) {
        const Answer answer = post_text(port, bomb);
        fail_unless(answer.status == 201 || answer.status == 400 || answer.status == 406,
                    "%d to a bomb of %zu bytes", answer.status, bomb.size());
        fail_unless(answer.body.size() < most);
        if (answer.status == 201) request(port, "DELETE", answer.header("Location"));
        viewer.goes_on(1);
    }
    fail_unless_equals_int(post_text(port, std::string(most + 1, 'v')).status, 413);
    viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_replayed_media) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    Receiver receiver;
    std::string error;
    const auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    Client publisher(server->address().port, publisher_settings());
    publisher.connect("/live/cam/whip");
    const auto to = media_address(*server);
    UdpSocket stranger(small_buffer);
    std::vector<std::vector<uint8_t>> all;
    publisher.client.filter = [&](const stun::TransportAddress &, ByteView bytes) {
        if (bytes[0] < 128) return true;
        // A spoofed packet of the same stream comes before, and the same from elsewhere.
        std::vector<uint8_t> forged(bytes.begin(), bytes.end());
        forged.back() ^= 1;
        publisher.client.socket().send(to, forged);
        stranger.send(to, bytes);
        all.emplace_back(bytes.begin(), bytes.end());
        publisher.client.socket().send(to, bytes);
        return true;
    };
    VideoSender sender(publisher.client.rtc());
    for (unsigned i = 1; i <= 20; ++i) {
        sender.send_frame();
        fail_unless(publisher.until([&] { return receiver.frames() >= i; }));
    }
    for (const auto &late : all) {
        publisher.client.socket().send(to, late);
        stranger.send(to, late);
    }
    sender.send_frame();
    fail_unless(publisher.until([&] { return receiver.frames() >= 21; }));
    fail_unless_equals_int(receiver.frames(), 21);
    std::lock_guard lock(receiver.mutex);
    for (unsigned i = 0; i < 21; ++i)
        fail_unless(
            std::ranges::equal(receiver.video[i].body_view().subspan(5), picture(i == 0, i)));
    viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_floods_of_feedback) {
    const auto server = open_server();
    std::atomic<unsigned> asked{0};
    net::PlayFeedOptions how;
    how.on_keyframe_wanted = [&] { ++asked; };
    Stream stream(*server, how);
    Bystander viewer(*server, stream);
    Client flooder(server->address().port);
    flooder.connect("/live/cam/whep");
    fail_unless(flooder.until([&] { return flooder.frames().size() >= 3; }));
    const uint32_t ssrc = flooder.client.rtc().answered().video->ssrc;
    const uint16_t first = flooder.video_packets.begin()->first;
    const int64_t began = rtc_test::steady_ns();
    std::vector<uint16_t> numbers;
    for (unsigned at = 0; at < 3'000; ++at) {
        // Each asks for thousands.
        numbers.clear();
        for (unsigned i = 0; i < 4000; ++i)
            numbers.push_back(static_cast<uint16_t>(first - 2000 + at % 64 + i));
        rtp::rtcp::Nack nack;
        nack.sender = 1;
        nack.media = ssrc;
        nack.set(numbers);
        Writer out;
        rtp::rtcp::write(nack, out);
        rtp::rtcp::write(rtp::rtcp::PictureLoss{1, ssrc}, out);
        rtp::rtcp::write(rtp::rtcp::FullIntraRequest{1, {{ssrc, uint8_t(at)}}}, out);
        fail_unless(flooder.client.rtc().send_rtcp(out.view()));
        if (at % 300 == 299) viewer.goes_on(1);
    }
    flooder.until([&] { return flooder.repeated > 0; });
    const double seconds = seconds_since(began);
    fail_unless(flooder.repeated > 0 && flooder.repeated <= 200 + 500 * (seconds + 1), "%u in %g s",
                flooder.repeated, seconds);
    fail_unless(asked >= 1 && asked <= 2 + seconds, "%u in %g s", asked.load(), seconds);
    viewer.goes_on();
    fail_unless(!flooder.ended);
}
GST_END_TEST

GST_START_TEST(test_requests) {
    const auto server = open_server();
    const auto loops = net::Loops::shared();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    const uint16_t port = server->address().port;
    const std::string sdp = "Content-Type: application/sdp\r\n";
    fail_unless_equals_int(
        request(port, "POST", "/live/cam/whep", sdp + "Content-Length: 0\r\n").status, 400);
    fail_unless_equals_int(request(port, "POST", "/live/cam/whep", {}, "v=0").status, 415);
    // Sessions of nobody, and one of somebody else.
    const std::string etag = "If-Match: *\r\nContent-Type: application/trickle-ice-sdpfrag\r\n";
    const std::string fragment = "a=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";
    const std::string id = viewer.client.location.substr(viewer.client.location.rfind('/'));
    std::vector<std::string> foreign{"/live/cam/whip" + id, "/live/other/whep" + id};
    for (int i = 0; i < 50; ++i)
        foreign.push_back("/live/cam/whep/" + std::string(size_t(i) * 20 + 1, char('a' + i % 26)));
    for (const std::string &path : foreign) {
        const int deleted = request(port, "DELETE", path).status;
        const int patched = request(port, "PATCH", path, etag, fragment).status;
        fail_unless(deleted == 404 && patched == 404, "%s: %d %d", path.c_str(), deleted, patched);
    }
    viewer.goes_on();

    // A publisher that never connects keeps its name for some seconds only.
    Receiver receiver;
    std::string error;
    const auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    net::HeldClock clock(*loops);
    Client unused(port, publisher_settings());
    fail_unless_equals_int(unused.post("/live/cam/whip").status, 201);
    Client second(port, publisher_settings());
    fail_unless_equals_int(second.post("/live/cam/whip").status, 409);
    pass_seconds(clock, viewer, 22);
    fail_unless(has_ended(port, unused.location));
    fail_unless_equals_int(receiver.unpublished, 1);
    second.connect("/live/cam/whip");
}
GST_END_TEST

GST_START_TEST(test_many_sources) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    Receiver receiver;
    std::string error;
    const auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    RtcClient::Settings settings = publisher_settings();
    settings.sent_sources = 20'000;
    Client publisher(server->address().port, settings);
    publisher.connect("/live/cam/whip");
    VideoSender sender(publisher.client.rtc());
    sender.send_frame();
    fail_unless(publisher.until([&] { return receiver.frames() >= 1; }));
    auto packet = sender.make_frame().front();
    const uint8_t type = packet[1];
    for (unsigned i = 0; i < 10'000; ++i) {
        for (unsigned at = 0; at < 4; ++at)
            packet[8 + at] = static_cast<uint8_t>((0x51000000u + i) >> (24 - 8 * at));
        // Of the video, and of no track.
        packet[1] = i % 2 == 0 ? type : uint8_t(127);
        fail_unless(publisher.client.rtc().send_rtp(packet));
        if (i % 1000 == 999) viewer.goes_on(1);
    }
    // The true one goes on at a keyframe, which is asked for.
    const unsigned before = publisher.picture_losses;
    fail_unless(publisher.until([&] {
        sender.send_frame();
        return publisher.picture_losses > before;
    }));
    const size_t had = receiver.frames();
    sender.send_frame(true);
    sender.send_frame();
    fail_unless(publisher.until([&] { return receiver.frames() >= had + 2; }));
    viewer.goes_on();
}
GST_END_TEST

static Suite *net_rtc_hostile_suite() {
    Suite *s = suite_create("net_rtc_hostile");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_garbage);
    tcase_add_test(tc, test_half_handshakes);
    tcase_add_test(tc, test_false_checks);
    tcase_add_test(tc, test_sdp_bombs);
    tcase_add_test(tc, test_replayed_media);
    tcase_add_test(tc, test_floods_of_feedback);
    tcase_add_test(tc, test_requests);
    tcase_add_test(tc, test_many_sources);
    return s;
}
GST_CHECK_MAIN(net_rtc_hostile)
