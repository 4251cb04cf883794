// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP and WHEP as HTTP: clients that leave before their answer or come in crowds, peers that end,
// and HTTP/2.
#include "core/net/rtc/offer_reply.h"
#include "unit/http2_peer.hpp"
#include "unit/http_exchange.hpp"

#include "unit/rtc_rig.hpp"

using namespace rtc_test;
using http_test::Exchange;

// A session whose client leaves before it has the answer is given up, however far it has come.
GST_START_TEST(test_clients_that_leave) {
    Rtc rtc;
    rtc.peers->holds = true;
    const auto offer = [&](Exchange &client) {
        client.request("POST", "/live/cam/whip", as_offer, rtc.offer);
    };
    Exchange patient(rtc.port());
    offer(patient);
    const auto done = rtc.peers->take_done(0);
    done(rtc.peers->created); // from this thread
    is(patient.answer(), 201, "v=0\r\nanswer\r\n");
    done({403, "once only", "", "", 0});

    auto leaving = std::make_unique<Exchange>(rtc.port());
    offer(*leaving);
    const auto late = rtc.peers->take_done(1);
    fail_unless_equals_int(rtc.peers->given_up, 0);
    leaving.reset();
    fail_unless(eventually([&] { return rtc.peers->given_up == 1; }));
    fail_unless_equals_string(rtc.peers->all_removed().c_str(), "");
    // It was made meanwhile nevertheless.
    late(rtc.peers->created);
    fail_unless_equals_string(rtc.peers->all_removed().c_str(), "live/cam/whip 4Fx2;");
    // The first client stays, and its connection serves it further.
    patient.request("DELETE", "/live/cam/whip/other");
    is(patient.answer(), 404);
    fail_unless_equals_int(rtc.peers->given_up, 1);
}
GST_END_TEST

GST_START_TEST(test_order_of_leaving_and_answer) {
    const auto peers = std::make_shared<Peers>();
    const auto room = std::make_shared<net::WaitingRoom>(1, 1);
    int replies = 0, given_up = 0;
    const auto begin = [&] {
        auto made = std::make_shared<net::OfferReply>(
            peers, "live/cam/whip", [&](const net::HttpResponse &) { ++replies; },
            room->enter("127.0.0.1:1"));
        return made;
    };
    {
        // The answer is on its way when the client leaves.
        const auto offer = begin();
        const auto done = net::OfferReply::done(offer);
        offer->on_give_up([&] { ++given_up; });
        fail_unless(room->enter("127.0.0.1:2") == nullptr);
        done(peers->created);
        fail_unless(room->enter("127.0.0.1:2") != nullptr);
        offer->leave();
        fail_unless_equals_string(peers->all_removed().c_str(), "live/cam/whip 4Fx2;");
        fail_unless_equals_int(replies, 1);
        fail_unless_equals_int(given_up, 0);
    }
    {
        // The client leaves first: its place is taken until the peers are done with its offer.
        const auto offer = begin();
        auto done = net::OfferReply::done(offer);
        offer->on_give_up([&] { ++given_up; });
        offer->leave();
        fail_unless_equals_int(given_up, 1);
        fail_unless(room->enter("127.0.0.1:2") == nullptr);
        done = nullptr;
        fail_unless(room->enter("127.0.0.1:2") != nullptr);
        fail_unless_equals_int(replies, 1);
    }
    {
        // A refusal for a client that has left removes nothing.
        const auto offer = begin();
        const auto done = net::OfferReply::done(offer);
        offer->leave();
        done({403, "no", "", "", 0});
        fail_unless_equals_string(peers->all_removed().c_str(), "live/cam/whip 4Fx2;");
    }
}
GST_END_TEST

GST_START_TEST(test_peers_that_end) {
    Rtc rtc;
    rtc.peers->holds = true;
    Exchange client(rtc.port());
    client.request("POST", "/live/cam/whip", as_offer, rtc.offer);
    rtc.peers->take_done(0) = nullptr;
    {
        std::lock_guard lock(rtc.peers->mutex);
        rtc.peers->asked.clear();
    }
    const Answer dropped = client.answer();
    is(dropped, 503);
    has_header(dropped, "Retry-After", "5");
    rtc.endpoint.reset();
    is(rtc.ask("GET", "/live/cam/whip"), 404); // as anywhere
    std::string error;
    auto short_lived = std::make_shared<Peers>();
    rtc.endpoint = net::RtcEndpoint::open(rtc.server, short_lived, &error);
    short_lived.reset();
    is(rtc.post("/live/cam/whip"), 503);
    is(rtc.ask("DELETE", "/live/cam/whip/4Fx2"), 503);
    is(rtc.patch(as_fragment + "If-Match: *\r\n", "a=x\r\n"), 503);
}
GST_END_TEST

GST_START_TEST(test_crowds) {
    Rtc rtc;
    rtc.peers->holds = true;
    std::vector<std::unique_ptr<Exchange>> clients;
    const size_t most = net::RtcEndpoint::max_pending_per_host;
    for (size_t i = 0; i < most; ++i) {
        clients.push_back(std::make_unique<Exchange>(rtc.port()));
        clients.back()->request("POST", "/live/cam/whep", as_offer, rtc.offer);
        fail_unless(eventually([&] { return rtc.peers->count() == i + 1; }));
    }
    const Answer refused = rtc.post("/live/cam/whep");
    says(refused, 503, "Too many");
    has_header(refused, "Retry-After", "2");
    rtc.peers->take_done(3)(rtc.peers->created);
    is(clients[3]->answer(), 201);
    clients[3]->request("POST", "/live/cam/whep", as_offer, rtc.offer);
    fail_unless(eventually([&] { return rtc.peers->count() == most + 1; }));
    is(rtc.post("/live/cam/whep"), 503);
    // All leave, and the peers drop their offers.
    clients.clear();
    fail_unless(eventually([&] { return rtc.peers->given_up == int(most); }));
    {
        std::lock_guard lock(rtc.peers->mutex);
        rtc.peers->asked.clear();
        rtc.peers->holds = false;
    }
    is(rtc.post("/live/cam/whep"), 201);
}
GST_END_TEST

GST_START_TEST(test_http2) {
    tls_test::Certificates folder;
    const net::TlsFiles files = folder.make("first");
    std::string error;
    const auto server = net::HttpServer::open({"127.0.0.1", 0}, files, &error);
    fail_unless(server, "%s", error.c_str());
    const auto peers = std::make_shared<Peers>();
    const auto endpoint = net::RtcEndpoint::open(server, peers, &error);
    const std::string offer = rig::seed("chromium-play");
    const http2_test::Headers headers{{"content-type", "application/sdp"},
                                      {"authorization", "Bearer abc"}};
    auto client = std::make_unique<http2_test::Peer>(server->address().port, files.certificate);
    auto created = client->fetch("/live/cam/whep", headers, "POST", offer);
    fail_unless_equals_int(created.status, 201);
    fail_unless_equals_string(created.headers["location"].c_str(), "/live/cam/whep/4Fx2");
    fail_unless_equals_string(created.headers["etag"].c_str(), "\"e1\"");
    fail_unless_equals_string(peers->last_peer().key.c_str(), "abc");
    fail_unless(peers->last_peer().is_encrypted);
    fail_unless_equals_int(client->fetch("/live/cam/whep/4Fx2", {}, "DELETE").status, 200);
    fail_unless_equals_int(
        client->fetch("/live/cam/whep", headers, "POST", std::string(70'000, 'a')).status, 413);
    // It leaves amid an offer.
    peers->holds = true;
    const size_t before = peers->count();
    client->client.request("POST", "/live/cam/whep", headers, offer);
    fail_unless(client->until([&] { return peers->count() == before + 1; }));
    client.reset();
    fail_unless(eventually([&] { return peers->given_up == 1; }));
    peers->take_done(before)({403, "no", "", "", 0});
}
GST_END_TEST

static Suite *rtc_endpoint_leave_suite() {
    Suite *s = suite_create("rtc_endpoint_leave");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_clients_that_leave);
    tcase_add_test(tc, test_order_of_leaving_and_answer);
    tcase_add_test(tc, test_peers_that_end);
    tcase_add_test(tc, test_crowds);
    tcase_add_test(tc, test_http2);
    return s;
}
GST_CHECK_MAIN(rtc_endpoint_leave)
