// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of RTSP over real sockets: ANNOUNCE and RECORD, their key, and what becomes of odd
// ones.
#include "core/rtsp/play/description.h"
#include "unit/rtsp_client.hpp"

#include "check.hpp"

using namespace rtsp_test;
using rtsp::Method;

namespace {

constexpr rtsp::Hashes hashes{net::md5_hex, net::sha256_hex};

/// A stream as this side would play it, which is one that can be published.
class Source {
public:
    Source() {
        (void)maker_.make(samples::video_config(), 0);
        (void)maker_.make(samples::audio_config(), 0);
    }
    std::string sdp() const { return rtsp::describe(maker_.tracks(), "test"); }
    /// The packets of the next frame, interleaved.
    std::string frame(bool key) {
        const auto packet = maker_.make(samples::video_frame(ms_, key, uint8_t(ms_)), ms_);
        ms_ += 40;
        return {packet->payload.begin(), packet->payload.end()};
    }
    std::vector<std::vector<uint8_t>> datagrams(bool key) {
        const auto packet = maker_.make(samples::video_frame(ms_, key, uint8_t(ms_)), ms_);
        ms_ += 40;
        std::vector<std::vector<uint8_t>> out;
        packet->each_rtp([&](ByteView rtp) { out.emplace_back(rtp.begin(), rtp.end()); });
        return out;
    }

private:
    rtsp::PlayMaker maker_{7, 1};
    uint32_t ms_ = 0;
};

struct Rig {
    explicit Rig(const net::ClaimOptions &options = {}) : server(open_server()) {
        std::string error;
        claim = server->claim("live/in", receiver, options, &error);
        fail_unless(claim != nullptr, "%s", error.c_str());
    }
    size_t frames() const {
        size_t count = 0;
        for (const flv::Tag &tag : receiver.tags())
            count += tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame;
        return count;
    }
    std::shared_ptr<net::RtspServer> server;
    Receiver receiver;
    std::unique_ptr<net::PublishClaim> claim;
};

unsigned announce(Client &client, const std::string &sdp, const std::string &path = "live/in") {
    return client.ask(Method::announce, client.url(path), {{"Content-Type", "application/sdp"}},
                      sdp);
}

} // namespace

GST_START_TEST(test_records_within_the_connection) {
    Rig rig;
    Source source;
    Client client(rig.server->address().port);
    fail_unless_equals_int(announce(client, source.sdp()), 200);
    fail_unless_equals_int(rig.receiver.published(), 1);
    fail_unless_equals_int(
        client.set_up("live/in", 0, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"), 200);
    fail_unless_equals_int(client.set_up("live/in", 7, "RTP/AVP/TCP;mode=record"), 404);
    fail_unless_equals_int(client.ask(Method::record, client.url("live/in")), 200);
    // A channel that nobody has set up, one of a track that is not set up, and rubbish.
    client.send(std::string("$\x63\x00\x04zzzz", 8));
    client.send(std::string("$\x00\x00\x03zzz", 7));
    for (int i = 0; i < 20; ++i)
        client.send(source.frame(i % 10 == 0));
    fail_unless(eventually([&] { return rig.frames() >= 19; }), "%zu", rig.frames());
    const auto tags = rig.receiver.tags();
    fail_unless(tags.front().kind == flv::TagKind::config);
    fail_unless(tags[1].kind == flv::TagKind::keyframe);
    for (size_t i = 1; i < tags.size(); ++i)
        fail_unless(int32_t(tags[i].timestamp - tags[i - 1].timestamp) >= 0);
    // It can't keep the name without sending anything.
    fail_unless_equals_int(client.ask(Method::pause, client.url("live/in")), 455);
    fail_unless_equals_int(client.ask(Method::get_parameter, client.url("live/in")), 200);
    fail_unless_equals_int(client.ask(Method::teardown, client.url("live/in")), 200);
    fail_unless(eventually([&] { return rig.receiver.unpublished() == 1; }));
}
GST_END_TEST

GST_START_TEST(test_records_by_udp) {
    Rig rig;
    Source source;
    Client client(rig.server->address().port);
    Datagrams rtp, rtcp;
    fail_unless_equals_int(announce(client, source.sdp()), 200);
    fail_unless_equals_int(client.set_up("live/in", 0,
                                         "RTP/AVP;unicast;client_port=" + std::to_string(rtp.port) +
                                             "-" + std::to_string(rtcp.port) + ";mode=record"),
                           200);
    const auto chosen = rtsp::parse_transports(client.answer.headers.get("Transport")).front();
    fail_unless(chosen.server_port && chosen.is_record());
    fail_unless_equals_int(client.ask(Method::record, client.url("live/in")), 200);
    // Datagrams in another order.
    std::vector<std::vector<uint8_t>> all;
    for (int i = 0; i < 20; ++i)
        for (auto &packet : source.datagrams(i % 10 == 0))
            all.push_back(std::move(packet));
    for (size_t i = 2; i + 1 < all.size(); i += 4)
        std::swap(all[i], all[i + 1]);
    for (const auto &packet : all)
        rtp.send(chosen.server_port->rtp, packet);
    fail_unless(eventually([&] { return rig.frames() >= 19; }), "%zu", rig.frames());
    fail_if(rtcp.next().empty(), "a receiver report");
    // Datagrams that come while it leaves.
    for (size_t i = 0; i < all.size(); ++i) {
        rtp.send(chosen.server_port->rtp, all[i]);
        if (i == all.size() / 2) client.close();
    }
    fail_unless(eventually([&] { return rig.receiver.unpublished() == 1; }));
}
GST_END_TEST

GST_START_TEST(test_key) {
    Rig rig({.key = "se-cret"});
    Source source;
    const uint16_t port = rig.server->address().port;
    Client client(port);
    fail_unless_equals_int(announce(client, source.sdp()), 401);
    const auto challenges = client.answer.headers.all("WWW-Authenticate");
    fail_unless(challenges.size() == 3 && challenges[1].ends_with("algorithm=MD5"));
    rtsp::ClientAuthentication wrong("me", "guess", hashes, net::secure_random);
    fail_unless(wrong.on_unauthorized(client.answer));
    client.authentication = &wrong;
    fail_unless_equals_int(announce(client, source.sdp()), 401);
    rtsp::ClientAuthentication right("me", "se-cret", hashes, net::secure_random);
    fail_unless(right.on_unauthorized(client.answer));
    fail_unless_equals_string(right.scheme(), "Digest SHA-256");
    client.authentication = &right;
    fail_unless_equals_int(announce(client, source.sdp()), 200);

    // The key of a URL; the name is taken.
    Client other(port);
    fail_unless_equals_int(announce(other, source.sdp(), "live/in?key=no"), 401);
    fail_unless_equals_int(announce(other, source.sdp(), "live/in?key=se-cret"), 403);
    client.close();
    fail_unless(eventually([&] { return rig.receiver.unpublished() == 1; }));
    fail_unless_equals_int(announce(other, source.sdp(), "live/in?key=se-cret"), 200);
}
GST_END_TEST

GST_START_TEST(test_takeover) {
    Rig rig({.republish = net::Republish::takeover});
    Source source;
    Client former(rig.server->address().port), latter(rig.server->address().port);
    fail_unless_equals_int(announce(former, source.sdp()), 200);
    fail_unless_equals_int(announce(latter, source.sdp()), 200);
    fail_unless(former.until_closed());
}
GST_END_TEST

GST_START_TEST(test_odd_announcements) {
    Rig rig;
    Source source;
    Client client(rig.server->address().port);
    fail_unless_equals_int(announce(client, "garbage"), 415);
    fail_unless_equals_int(announce(client, "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 X/1\r\n"),
                           415);
    fail_unless_equals_int(announce(client, source.sdp(), "live/nobody"), 404);
    // As many streams as fit: two are taken, and the others may be set up.
    std::string bomb = source.sdp();
    for (int i = 0; i < 5000; ++i)
        bomb += "m=video 0 RTP/AVP 96\r\na=control:x" + std::to_string(i) + "\r\n";
    const unsigned status = announce(client, bomb);
    fail_unless(status == 200 || status == 415, "%u", status);
    Client huge(rig.server->address().port);
    huge.send("ANNOUNCE rtsp://h/live/in RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n");
    fail_unless(huge.until_closed());
    // A player's requests are none of a publisher's.
    Client other(rig.server->address().port);
    fail_unless_equals_int(other.ask(Method::record, other.url("live/in")), 454);
}
GST_END_TEST

GST_START_TEST(test_no_receiver_comes) {
    auto server = open_server({}, {.claim_ms = 1});
    int asked = 0;
    const auto lease = server->rules().add({[](std::string_view path) { return path == "live/x"; },
                                            [&asked](const net::PublishAttempt &) { ++asked; },
                                            {},
                                            "live/x"},
                                           server);
    Source source;
    Client client(server->address().port);
    fail_unless_equals_int(announce(client, source.sdp(), "live/x"), 503);
    fail_unless_equals_int(asked, 1);
    fail_unless_equals_int(announce(client, source.sdp(), "live/y"), 404);
}
GST_END_TEST

static Suite *net_rtsp_publish_suite() {
    Suite *suite = suite_create("net_rtsp_publish");
    TCase *cases = tcase_create("publishers");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_records_within_the_connection);
    tcase_add_test(cases, test_records_by_udp);
    tcase_add_test(cases, test_key);
    tcase_add_test(cases, test_takeover);
    tcase_add_test(cases, test_odd_announcements);
    tcase_add_test(cases, test_no_receiver_comes);
    return suite;
}

GST_CHECK_MAIN(net_rtsp_publish)
