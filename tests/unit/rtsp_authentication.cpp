// SPDX-License-Identifier: LGPL-2.1-or-later
// Authentication of RTSP, of both sides: challenges, digests, and nonces that grow old.
#include "core/net/tls/hash.h"
#include "core/net/tls/random.h"
#include "core/rtsp/client_authentication.h"
#include "core/rtsp/server_authentication.h"

#include <string>

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtsp;

namespace {

constexpr Hashes hashes{net::md5_hex, net::sha256_hex};

Response unauthorized(std::initializer_list<const char *> challenges) {
    Response response;
    response.status = 401;
    for (const char *one : challenges)
        response.headers.add("WWW-Authenticate", one);
    return response;
}

ClientAuthentication client(const char *user = "admin", const char *password = "secret") {
    return ClientAuthentication(user, password, hashes, net::secure_random);
}

Request request(Method method, const std::string &authorization = {}) {
    Request out;
    out.method = method;
    out.method_name = to_string(method);
    out.uri = "rtsp://h/live/cam";
    if (!authorization.empty()) out.headers.add("Authorization", authorization);
    return out;
}

} // namespace

GST_START_TEST(test_challenges) {
    const auto list = parse_challenges("Digest realm=\"a\\\"b, c\", nonce=\"n\",stale=TRUE, "
                                       "Basic realm=x, Negotiate, Bearer abc==, Digest nonce = y");
    fail_unless_equals_int(int(list.size()), 5);
    fail_unless(list[0].is("digest") && list[0].parameters.get("REALM") == "a\"b, c" &&
                list[0].parameters.get("stale") == "TRUE");
    fail_unless(list[1].is("basic") && list[1].parameters.get("realm") == "x");
    fail_unless(list[2].is("negotiate") && list[3].token == "abc==");
    fail_unless(list[4].parameters.get("nonce") == "y");
    fail_unless(parse_challenges("Digest realm=\"never closed").empty());
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "Basic realm=\"x\", ";
    fail_unless_equals_int(int(parse_challenges(many).size()), int(max_challenges));
}
GST_END_TEST

// The examples of RFC 7616, section 3.9.1.
GST_START_TEST(test_digests) {
    DigestInput input{Algorithm::sha256,
                      "Mufasa",
                      "http-auth@example.org",
                      "Circle of Life",
                      "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                      "GET",
                      "/dir/index.html",
                      "auth",
                      "00000001",
                      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};
    fail_unless_equals_string(digest_response(hashes, input),
                              "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    input.algorithm = Algorithm::md5;
    fail_unless_equals_string(digest_response(hashes, input), "8ca523f5e9506fed4657c9700eebdbec");
    fail_unless(parse_algorithm("sha-256-SESS") == Algorithm::sha256_sess);
    fail_if(parse_algorithm("SHA-512-256").has_value());
}
GST_END_TEST

GST_START_TEST(test_client_chooses_the_strongest) {
    auto one = client();
    fail_unless_equals_string(one.authorization("PLAY", "/x"), "");
    fail_unless(one.on_unauthorized(
        unauthorized({"Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\"",
                      "Digest realm=\"r\", nonce=\"m\", algorithm=SHA-256, qop=\"auth-int,auth\"",
                      "Digest realm=\"r\", nonce=\"o\", algorithm=SHA-512-256"})));
    fail_unless_equals_string(one.scheme(), "Digest SHA-256");
    const auto first = parse_credentials(one.authorization("PLAY", "/x"));
    const auto second = parse_credentials(one.authorization("PLAY", "/x"));
    fail_unless(first.nonce == "m" && first.qop == "auth" && first.nc == "00000001" &&
                second.nc == "00000002");

    auto basic = client();
    fail_unless(basic.on_unauthorized(unauthorized({"Basic realm=\"r\""})));
    fail_unless_equals_string(basic.authorization("PLAY", "/x"), "Basic YWRtaW46c2VjcmV0");
    fail_if(basic.on_unauthorized(unauthorized({"Basic realm=\"r\""})), "refused is refused");
    fail_if(client("", "").on_unauthorized(unauthorized({"Basic realm=\"r\""})));

    // A server that is not trusted gets no password in clear, not even by a challenge that was
    // answered where it was.
    basic.allow_basic(false);
    fail_unless(basic.authorization("PLAY", "/x").empty());
    auto wary = client("admin", "secret");
    wary.allow_basic(false);
    fail_if(wary.on_unauthorized(unauthorized({"Basic realm=\"r\""})));
    fail_unless(wary.was_basic_refused() && wary.authorization("PLAY", "/x").empty());
    fail_unless(wary.on_unauthorized(
        unauthorized({"Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\""})));
    fail_unless(wary.authorization("PLAY", "/x").starts_with("Digest ") &&
                !wary.was_basic_refused());
    fail_if(client().on_unauthorized(unauthorized({"Negotiate"})));
}
GST_END_TEST

GST_START_TEST(test_client_answers_new_nonces) {
    auto one = client();
    fail_unless(one.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"1\""})));
    one.on_accepted({});
    // A camera that changes its nonce with each refusal.
    for (int i = 2; i < 10; ++i) {
        const std::string text = "Digest realm=\"r\", nonce=\"" + std::to_string(i) + "\"";
        fail_unless(one.on_unauthorized(unauthorized({text.c_str()})));
        one.on_accepted({});
    }
    // Wrong credentials: it must end.
    fail_unless(one.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"a\""})));
    fail_unless(one.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"b\""})));
    fail_if(one.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"c\""})));

    auto other = client();
    fail_unless(other.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"1\""})));
    fail_if(other.on_unauthorized(unauthorized({"Digest realm=\"r\", nonce=\"1\""})));
    Response next;
    next.headers.add("Authentication-Info", "nextnonce=\"zz\"");
    other.on_accepted(next);
    fail_unless(parse_credentials(other.authorization("PLAY", "/")).nonce == "zz");
}
GST_END_TEST

GST_START_TEST(test_both_sides_agree) {
    for (const bool with_digest : {true, false}) {
        ServerAuthentication server("Penstock", hashes, net::secure_random);
        auto one = client();
        Response challenge;
        server.challenge(challenge, with_digest, 1000);
        fail_unless(challenge.status == 401);
        fail_unless(one.on_unauthorized(challenge));
        Credentials given;
        const auto play = request(Method::play, one.authorization("PLAY", "rtsp://h/live/cam"));
        const auto answer = server.read(play, 2000, given);
        fail_unless(answer == (with_digest ? ServerAuthentication::Answer::digest
                                           : ServerAuthentication::Answer::basic));
        fail_unless(server.is_right(given, play, "secret"));
        fail_if(server.is_right(given, play, "secreT"));
        fail_if(server.is_right(given, play, ""));
        if (!with_digest) continue;
        fail_if(server.is_right(given, request(Method::pause), "secret"), "of another method");
        fail_unless(server.read(play, 2000, given) == ServerAuthentication::Answer::stale,
                    "a digest is used once");
        // The nonce is too old: one more round, which the client answers by itself.
        const uint64_t later = 2000 + ServerAuthentication::nonce_lifetime_ms;
        const auto old = request(Method::play, one.authorization("PLAY", "rtsp://h/live/cam"));
        fail_unless(server.read(old, later, given) == ServerAuthentication::Answer::stale);
        Response again;
        server.challenge(again, true, later);
        fail_unless(again.headers.get("WWW-Authenticate").find("stale=TRUE") != std::string::npos);
        fail_unless(one.on_unauthorized(again));
        const auto fresh = request(Method::play, one.authorization("PLAY", "rtsp://h/live/cam"));
        fail_unless(server.read(fresh, later, given) == ServerAuthentication::Answer::digest);
        fail_unless(server.is_right(given, fresh, "secret"));
    }
}
GST_END_TEST

GST_START_TEST(test_server_takes_nothing_unasked) {
    ServerAuthentication server("Penstock", hashes, net::secure_random);
    Credentials given;
    using Answer = ServerAuthentication::Answer;
    fail_unless(server.read(request(Method::play), 0, given) == Answer::none);
    fail_unless(server.read(request(Method::play, "Bearer x"), 0, given) == Answer::none);
    fail_unless(server.read(request(Method::play, "Basic ####"), 0, given) == Answer::none);
    fail_unless(server.read(request(Method::play, "Digest nonce=\"\", response=\"\""), 0, given) ==
                Answer::stale);
    fail_if(server.is_right(given, request(Method::play), ""));
}
GST_END_TEST

static Suite *rtsp_authentication_suite() {
    Suite *suite = suite_create("rtsp_authentication");
    TCase *cases = tcase_create("authentication");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_challenges);
    tcase_add_test(cases, test_digests);
    tcase_add_test(cases, test_client_chooses_the_strongest);
    tcase_add_test(cases, test_client_answers_new_nonces);
    tcase_add_test(cases, test_both_sides_agree);
    tcase_add_test(cases, test_server_takes_nothing_unasked);
    return suite;
}

GST_CHECK_MAIN(rtsp_authentication)
