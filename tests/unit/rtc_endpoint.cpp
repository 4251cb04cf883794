// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP and WHEP as HTTP: what an offer, a fragment and the end of a session are answered with, and
// what peers are told of a client.
#include "core/net/rtc/bearer.h"
#include "unit/http_exchange.hpp"

#include "unit/rtc_rig.hpp"

using namespace rtc_test;
using http_test::Exchange;

GST_START_TEST(test_created) {
    Rtc rtc;
    const Answer created =
        rtc.post("/live/cam/whip?x=y", as_offer + "User-Agent: OBS \xc3\xa9\r\n");
    is(created, 201, "v=0\r\nanswer\r\n");
    has_header(created, "Content-Type", "application/sdp");
    has_header(created, "Location", "/live/cam/whip/4Fx2");
    has_header(created, "ETag", "\"e1\"");
    has_header(created, "Accept-Patch", "application/trickle-ice-sdpfrag");
    has_header(created, "Link", "<stun:stun.example>; rel=\"ice-server\"");
    has_header(created, "Link",
               "<turn:turn.example>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"");
    has_header(created, "Access-Control-Allow-Origin", "*");
    for (const char *name : {"Location", "ETag", "Link", "Accept-Patch"})
        fail_unless(created.header("Access-Control-Expose-Headers").find(name) !=
                    std::string::npos);
    net::PeerInfo peer = rtc.peers->last_peer();
    fail_unless_equals_string(peer.path.c_str(), "live/cam/whip");
    fail_unless_equals_string(peer.query.c_str(), "x=y");
    fail_unless_equals_string(peer.key.c_str(), "");
    fail_unless_equals_string(peer.client.c_str(), "OBS ..");
    fail_unless_equals_string(peer.protocol.c_str(), "rtc");
    fail_unless(peer.publish && !peer.is_encrypted && peer.address.starts_with("127.0.0.1:"));
    fail_unless_equals_int(int(rtc.peers->asked[0].offer.media.size()), 2);
    // The type may have parameters, and any case; a chunked body is read, too.
    for (const char *type :
         {"application/sdp; charset=utf-8", "Application/SDP", "application/sdp;"})
        is(rtc.post("/live/cam/whep", "Content-Type: " + std::string(type) + "\r\n"), 201);
    fail_if(rtc.peers->last_peer().publish);
    Exchange chunked(rtc.port());
    char size[20];
    snprintf(size, sizeof size, "%zx\r\n", rtc.offer.size());
    chunked.send("POST /live/cam/whip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" +
                 as_offer + "\r\n" + size + rtc.offer + "\r\n0\r\n\r\n");
    is(chunked.answer(), 201);
    fail_unless_equals_int(rtc.peers->given_up, 0);
    fail_unless_equals_string(rtc.peers->all_removed().c_str(), "");
}
GST_END_TEST

GST_START_TEST(test_refused_offers) {
    Rtc rtc;
    const std::string path = "/live/cam/whip";
    for (const std::string &headers :
         {std::string(), std::string("Content-Type: application/sdpx\r\n"),
          std::string("Content-Type: application/json; a=application/sdp\r\n"),
          as_offer + "Content-Encoding: gzip\r\n"}) {
        const Answer refused = rtc.post(path, headers);
        says(refused, 415, "application/sdp");
        has_header(refused, "Accept-Post", "application/sdp");
    }
    says(rtc.ask("POST", path, as_offer), 400, "empty");
    says(rtc.ask("POST", path, as_offer, "hello"), 400, "line 1");
    says(rtc.ask("POST", path, as_offer, "v=0\r\no=-\r\ns=-\r\nm=audio\r\n"), 400, "line 4");
    says(rtc.ask("POST", path, as_offer, std::string(3000, '\0')), 400, "line 1");
    says(rtc.ask("POST", path, as_offer, rtc.offer + std::string(5000, 'a')), 400, "line");
    // What it repeats of the body is printable.
    const Answer odd = rtc.ask("POST", path, as_offer, "v=0\r\n\xff\xfe<script>\r\n");
    is(odd, 400);
    has_header(odd, "Content-Type", "text/plain; charset=utf-8");
    fail_unless(odd.body.find('\xff') == std::string::npos);
    is(rtc.ask("POST", path, as_offer, std::string(net::RtcEndpoint::max_body + 1, 'a')), 413);
    is(rtc.ask("POST", path, as_offer, std::string(net::RtcEndpoint::max_body, 'a')), 400);
    is(rtc.post(path, as_offer + "Authorization: Bearer " + std::string(5000, 'a') + "\r\n"), 400);
    fail_unless_equals_int(int(rtc.peers->count()), 0);
}
GST_END_TEST

GST_START_TEST(test_unknown_paths) {
    Rtc rtc;
    net::LeaseOptions lease;
    lease.matches = [](std::string_view) { return false; };
    lease.example = "live/NAME/whip";
    const auto rule = rtc.server->rules().add(lease, rtc.server);
    const std::string text = "No publisher is expected at /other/cam/whip.\n"
                             "Publish to\n  http://test/live/NAME/whip\n";
    is(rtc.post("/other/cam/whip"), 404, text);
    rtc.serve("/other/cam/index.m3u8");
    says(rtc.post("/other/cam/whep"), 404, "http://test/other/cam/index.m3u8");
    for (const char *path : {"/whip", "/live/%3Cb%3E/whip", "/live/../whip", "/live//whip",
                             "/live/a%20b/whip", "/live/1/2/3/4/5/6/7/whip"})
        is(rtc.post(path), 404);
    fail_unless_equals_int(int(rtc.peers->count()), 0);
    std::string error;
    fail_unless(net::RtcEndpoint::open(rtc.server, rtc.peers, &error) == nullptr);
    fail_unless(error.find("WHIP") != std::string::npos, "%s", error.c_str());
}
GST_END_TEST

GST_START_TEST(test_errors_of_the_peers) {
    Rtc rtc;
    for (const unsigned status : {400u, 401u, 403u, 404u, 406u, 409u, 429u, 500u, 503u}) {
        rtc.peers->created = {status, "The reason.", "id", "\"e\"", status == 503 ? 7u : 0u};
        const Answer refused = rtc.post("/live/cam/whip");
        is(refused, int(status), "The reason.\n");
        has_header(refused, "Content-Type", "text/plain; charset=utf-8");
        has_header(refused, "Cache-Control", "no-store");
        fail_unless_equals_string(refused.header("Retry-After").c_str(), status == 503 ? "7" : "");
        fail_unless_equals_string(refused.header("WWW-Authenticate").c_str(),
                                  status == 401 ? "Bearer" : "");
        for (const char *name : {"Location", "ETag", "Link"})
            fail_unless_equals_string(refused.header(name).c_str(), "");
    }
}
GST_END_TEST

GST_START_TEST(test_methods) {
    Rtc rtc;
    for (const char *path : {"/live/cam/whip", "/live/cam/whep"}) {
        for (const char *method : {"GET", "HEAD", "PUT", "DELETE", "PATCH"}) {
            const Answer refused = rtc.ask(method, path, "Accept: text/html\r\n");
            is(refused, 405);
            has_header(refused, "Allow", "POST, OPTIONS");
        }
        const std::string session = path + std::string("/4Fx2");
        for (const char *method : {"GET", "HEAD", "PUT", "POST"}) {
            const Answer refused = rtc.ask(method, session, as_offer);
            is(refused, 405);
            has_header(refused, "Allow", "PATCH, DELETE, OPTIONS");
        }
        Answer options = rtc.ask("OPTIONS", path,
                                 "Origin: https://a.example\r\n"
                                 "Access-Control-Request-Method: POST\r\n"
                                 "Access-Control-Request-Headers: authorization\r\n");
        is(options, 204);
        has_header(options, "Accept-Post", "application/sdp");
        has_header(options, "Access-Control-Allow-Origin", "*");
        has_header(options, "Access-Control-Allow-Methods", "POST, OPTIONS");
        has_header(options, "Access-Control-Allow-Headers",
                   "Authorization, Content-Type, If-Match");
        options = rtc.ask("OPTIONS", session);
        is(options, 204);
        has_header(options, "Access-Control-Allow-Methods", "PATCH, DELETE, OPTIONS");
        has_header(options, "Accept-Patch", "application/trickle-ice-sdpfrag");
    }
    fail_unless_equals_int(int(rtc.peers->count()), 0);
}
GST_END_TEST

GST_START_TEST(test_patch) {
    Rtc rtc;
    const std::string candidates = rig::seed("fragment-candidates");
    const std::string restart = rig::seed("fragment-restart");
    const std::string headers = as_fragment + "If-Match: \"e1\"\r\n";
    const Answer taken = rtc.patch(headers, candidates);
    is(taken, 204);
    fail_unless_equals_string(taken.header("ETag").c_str(), "");
    says(rtc.patch(as_fragment, candidates), 428, "If-Match");
    const Answer mistyped = rtc.patch(as_offer + "If-Match: \"e1\"\r\n", candidates);
    is(mistyped, 415);
    has_header(mistyped, "Accept-Patch", "application/trickle-ice-sdpfrag");
    says(rtc.patch(headers, ""), 400, "empty");
    says(rtc.patch(headers, "a=ice-ufrag:abcd\r\na=\x01\r\n"), 400, "line 2");
    is(rtc.patch(headers, std::string(net::RtcEndpoint::max_body + 1, 'a')), 413);
    is(rtc.patch(as_fragment + "If-Match: " + std::string(300, 'e') + "\r\n", candidates), 412);
    is(rtc.ask("PATCH", "/live/%3Cb%3E/whip/4Fx2", headers, candidates), 404);
    fail_unless_equals_int(int(rtc.peers->patches.size()), 1);
    rtc.peers->patched = {412, "The ETag is old.", ""};
    is(rtc.patch(headers, candidates), 412, "The ETag is old.\n");
    rtc.peers->patched = {404, "Gone.", ""};
    is(rtc.patch(headers, candidates), 404, "Gone.\n");
    rtc.peers->patched = {200, "a=ice-lite\r\n", "\"e2\""};
    for (const char *any : {"*", "\"*\""}) {
        const Answer restarted = rtc.patch(as_fragment + "If-Match: " + any + "\r\n", restart);
        is(restarted, 200, "a=ice-lite\r\n");
        has_header(restarted, "Content-Type", "application/trickle-ice-sdpfrag");
        has_header(restarted, "ETag", "\"e2\"");
    }
    rtc.peers->patched = {0, "", ""}; // they forget it
    const Answer forgotten = rtc.patch(headers, restart);
    is(forgotten, 503);
    has_header(forgotten, "Retry-After", "5");
    sdp::Fragment first, second;
    fail_unless(sdp::read_fragment(candidates, first).is_ok() &&
                sdp::read_fragment(restart, second).is_ok());
    const auto text = [](const sdp::Fragment &fragment, const std::string &etag) {
        return "live/cam/whip 4Fx2 " + etag + " " + fragment.ice.ufrag + " " +
               std::to_string(fragment.candidates.size());
    };
    fail_unless_equals_string(rtc.peers->patches.front().c_str(), text(first, "\"e1\"").c_str());
    fail_unless_equals_string(rtc.peers->patches[3].c_str(), text(second, "*").c_str());
    fail_unless_equals_string(rtc.peers->patches[4].c_str(), text(second, "*").c_str());
    fail_unless_equals_int(int(rtc.peers->patches.size()), 6);
}
GST_END_TEST

GST_START_TEST(test_delete) {
    Rtc rtc;
    const Answer ended = rtc.ask("DELETE", "/live/cam/whip/4Fx2", "If-Match: \"other\"\r\n");
    is(ended, 200, "");
    has_header(ended, "Access-Control-Allow-Origin", "*");
    says(rtc.ask("DELETE", "/live/cam/whip/other"), 404, "no such session");
    is(rtc.ask("DELETE", "/live/%3Cb%3E/whip/4Fx2"), 404);
    fail_unless_equals_string(rtc.peers->all_removed().c_str(),
                              "live/cam/whip 4Fx2;live/cam/whip other;");
    // An endpoint's path may have eight segments, and its sessions' one more.
    is(rtc.ask("DELETE", "/live/1/2/3/4/5/6/whep/4Fx2"), 200);
}
GST_END_TEST

GST_START_TEST(test_bearer_tokens) {
    const auto take = [](const std::string &authorization, const std::string &query = {}) {
        net::PeerInfo peer;
        peer.query = query;
        peer.key = net::query_value(query, "key");
        if (!net::take_bearer_token(authorization, peer)) return std::string("refused");
        return peer.key + " " + peer.query;
    };
    const auto same = [](const std::string &a, const char *b) {
        fail_unless_equals_string(a.c_str(), b);
    };
    same(take("Bearer abc"), "abc token=abc");
    same(take("bEARER  \tabc "), "abc token=abc");
    same(take("Bearer abc", "x=y"), "abc token=abc&x=y");
    // The URL's own come first; an empty one is none.
    same(take("Bearer abc", "key=k"), "k token=abc&key=k");
    same(take("Bearer abc", "a=b&token=t"), "abc a=b&token=t");
    same(take("Bearer abc", "jwt=t&key=k"), "k jwt=t&key=k");
    same(take("Bearer abc", "token=&key="), "abc token=abc&token=&key=");
    same(take("Bearer eyJ.eyJ-_~.a/b=="), "eyJ.eyJ-_~.a/b== token=eyJ.eyJ-_~.a/b==");
    same(take("Bearer a&key=b+%23#"), "a&key=b+%23# token=a%26key=b%2B%2523%23");
    for (const char *other : {"", " ", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "abc"})
        same(take(other, "x=y"), " x=y");
    const std::string most(net::max_bearer_token, 'a');
    same(take("Bearer " + most), (most + " token=" + most).c_str());
    for (const std::string &bad : {most + "a", std::string("a b"), std::string("a\x01"),
                                   std::string("\xc3\xa9"), std::string("a\tb")})
        same(take("Bearer " + bad), "refused");

    Rtc rtc;
    is(rtc.post("/live/cam/whip?x=y", as_offer + "Authorization: Bearer s3cret\r\n"), 201);
    fail_unless_equals_string(rtc.peers->last_peer().key.c_str(), "s3cret");
    fail_unless_equals_string(rtc.peers->last_peer().query.c_str(), "token=s3cret&x=y");
    is(rtc.post("/live/cam/whep?key=k"), 201);
    fail_unless_equals_string(rtc.peers->last_peer().key.c_str(), "k");
}
GST_END_TEST

static Suite *rtc_endpoint_suite() {
    Suite *s = suite_create("rtc_endpoint");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_created);
    tcase_add_test(tc, test_refused_offers);
    tcase_add_test(tc, test_unknown_paths);
    tcase_add_test(tc, test_errors_of_the_peers);
    tcase_add_test(tc, test_methods);
    tcase_add_test(tc, test_patch);
    tcase_add_test(tc, test_delete);
    tcase_add_test(tc, test_bearer_tokens);
    return s;
}
GST_CHECK_MAIN(rtc_endpoint)
