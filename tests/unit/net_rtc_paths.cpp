// SPDX-License-Identifier: LGPL-2.1-or-later
// The ways between the WebRTC server and its peers: they change, are given up, and begin again.
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "core/sdp/fragment.h"
#include "rtc/crypto.hpp"
#include "rtc/reception.hpp"
#include "unit/rtc_server.hpp"

using namespace rtc_server_test;

namespace {

RtcClient::Settings with_frequent_checks() {
    RtcClient::Settings settings;
    settings.checks.consent_ms = 20;
    return settings;
}

} // namespace

GST_START_TEST(test_silent_viewer) {
    const auto server = open_server();
    const auto loops = net::Loops::shared();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    net::HeldClock clock(*loops);
    Client silent(server->address().port);
    silent.connect("/live/cam/whep");
    fail_unless(silent.until([&] { return silent.frames().size() >= 3; }));
    fail_unless_equals_int(stream.feed->stats().viewers, 2);
    for (unsigned passed = 1; passed <= 32; ++passed) {
        clock.advance(std::chrono::seconds(1));
        viewer.goes_on(1);
        viewer.gives_consent();
        if (passed == 28) fail_unless_equals_int(stream.feed->stats().viewers, 2);
    }
    fail_unless(penstock_test::eventually([&] { return stream.feed->stats().viewers == 1; }));
    fail_unless_equals_int(request(silent.port_, "DELETE", silent.location).status, 404);
    viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_roaming) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    Client roamer(server->address().port, with_frequent_checks());
    roamer.connect("/live/cam/whep");
    fail_unless(roamer.until([&] { return roamer.frames().size() == stream.frames; }));
    // More often than ways are remembered.
    for (int i = 0; i < 12; ++i) {
        const unsigned before = roamer.client.rtc().checks()->answers();
        roamer.client.change_socket();
        fail_unless(roamer.until(
            [&] { return roamer.client.rtc().checks()->answers() > before || roamer.ended; }));
        // Of all new ways the first gets media by checks alone, the others need proof.
        if (i > 0) fail_unless(roamer.client.rtc().send_rtcp(write_reports(1, "roamer", {})));
        const size_t had = roamer.frames().size();
        viewer.goes_on(1);
        fail_unless(roamer.until([&] { return roamer.frames().size() > had; }));
    }
    // Without it there is none: somebody may have it sent to another's address.
    const unsigned before = roamer.client.rtc().checks()->answers();
    roamer.client.change_socket();
    fail_unless(roamer.until([&] { return roamer.client.rtc().checks()->answers() > before; }));
    const size_t had = roamer.frames().size();
    viewer.goes_on();
    fail_unless_equals_int(roamer.frames().size(), had);
    fail_unless(roamer.client.rtc().send_rtcp(write_reports(1, "roamer", {})));
    fail_unless(roamer.until([&] { return roamer.frames().size() > had; }));
    fail_unless_equals_int(stream.feed->stats().viewers, 2);
}
GST_END_TEST

GST_START_TEST(test_restart) {
    const auto server = open_server();
    Stream stream(*server);
    Bystander viewer(*server, stream);
    Client client(server->address().port, with_frequent_checks());
    const std::string etag = client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    const stun::Credentials old = client.client.rtc().answered().transport.ice;
    const stun::Credentials own = stun::make_credentials(random_bytes);
    const std::string type = "Content-Type: application/trickle-ice-sdpfrag\r\n";
    const std::string fragment =
        "a=ice-ufrag:" + own.ufrag + "\r\na=ice-pwd:" + own.password + "\r\n";
    const auto patch = [&](const std::string &match) {
        return request(client.port_, "PATCH", client.location, type + match, fragment);
    };
    fail_unless_equals_int(patch("").status, 428);
    fail_unless_equals_int(patch("If-Match: \"other\"\r\n").status, 412);
    // Of two restarts the last counts.
    Answer answer = patch("If-Match: " + etag + "\r\n");
    fail_unless_equals_int(answer.status, 200);
    answer = patch("If-Match: *\r\n");
    fail_unless_equals_int(answer.status, 200);
    fail_unless(answer.header("ETag") != etag);
    sdp::Fragment restarted;
    fail_unless(sdp::read_fragment(answer.body, restarted).is_ok());
    fail_unless(restarted.ice.ufrag != old.ufrag && !restarted.candidates.empty());
    // Until a check with the new ones comes, media goes on.
    viewer.goes_on(1);
    fail_unless(client.until([&] { return client.frames().size() == stream.frames; }));

    client.client.change_socket();
    client.client.restart_ice(own, restarted.ice);
    fail_unless(client.until([&] { return client.client.rtc().checks()->answers() > 0; }));
    size_t had = client.frames().size();
    viewer.goes_on(1);
    fail_unless(client.until([&] { return client.frames().size() > had; }));

    // The old ones move nothing any more, and are not answered.
    UdpSocket stranger(1 << 20);
    stun::TransactionId transaction;
    random_bytes(transaction);
    stranger.send(stun::TransportAddress::v4({127, 0, 0, 1}, server->udp_address().port),
                  stun::MessageWriter(stun::Class::request, transaction)
                      .username(old.ufrag + ":" + own.ufrag)
                      .priority(1)
                      .controlling(1)
                      .use_candidate()
                      .finish(old.password, hmac_sha1));
    had = client.frames().size();
    viewer.goes_on();
    fail_unless(client.until([&] { return client.frames().size() >= had + 3; }));
    size_t replies = 0;
    stranger.receive([&](const auto &, auto) { ++replies; });
    fail_unless_equals_int(replies, 0);
}
GST_END_TEST

static Suite *net_rtc_paths_suite() {
    Suite *s = suite_create("net_rtc_paths");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_silent_viewer);
    tcase_add_test(tc, test_roaming);
    tcase_add_test(tc, test_restart);
    return s;
}
GST_CHECK_MAIN(net_rtc_paths)
