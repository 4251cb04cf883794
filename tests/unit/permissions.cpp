// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys, networks, signed URLs, tokens and callbacks: what they permit, and above all what they
// refuse.
#include "authorize/callback.h"
#include "authorize/digest.h"
#include "authorize/jwt.h"
#include "authorize/key_file.h"
#include "authorize/networks.h"
#include "authorize/url.h"

#include <openssl/evp.h>

#include <string>

#include "check.hpp"

using namespace penstock::authorize;

namespace {

std::string base64url(std::string_view bytes) {
    std::string out(bytes.size() * 4 / 3 + 4, '\0');
    out.resize(size_t(EVP_EncodeBlock(reinterpret_cast<unsigned char *>(out.data()),
                                      reinterpret_cast<const unsigned char *>(bytes.data()),
                                      int(bytes.size()))));
    while (out.ends_with('='))
        out.pop_back();
    for (char &c : out)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

Request viewer(const std::string &path, const std::string &protocol = "rtmp") {
    Request request;
    request.protocol = protocol;
    request.id = "rtmp-play-1";
    request.ip = "192.0.2.7";
    request.path = path;
    const std::vector<std::string> suffixes = {".flv", ".m3u8", "/index.m3u8"};
    name_stream(request, protocol == "rtmp" ? std::vector<std::string>() : suffixes);
    return request;
}

const std::string secret = "0123456789abcdef0123456789abcdef";

KeySet keys(const std::string &json) {
    std::string error;
    const auto set = KeySet::parse(json, &error);
    fail_unless(set.has_value(), "%s", error.c_str());
    return *set;
}

KeySet own_keys() {
    return keys(R"({"keys":[{"kty":"oct","kid":"a","k":")" + base64url(secret) + R"("}]})");
}

std::string token(const std::string &claims, const std::string &header = R"({"alg":"HS256"})") {
    const std::string text = base64url(header) + '.' + base64url(claims);
    return text + '.' + base64url(hmac_sha256(secret, text));
}

JwtPermission check(const std::string &jwt, const KeySet &set, JwtRules rules = {},
                    int64_t now = 1000, bool publish = false) {
    Request request = viewer("live/cam");
    request.publish = publish;
    request.token = jwt;
    return check_jwt(request, set, rules, now);
}

void refused(const Permission &permission, const std::string &part) {
    fail_if(permission.allowed);
    fail_if(permission.reason.find(part) == std::string::npos, "'%s', not '%s'",
            permission.reason.c_str(), part.c_str());
}

} // namespace

// RFC 7515, appendices A.1 to A.3. Their signatures are valid, and they permit no stream.
const std::string joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const std::string rfc_keys =
    R"({"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3)"
    R"(Yj0iPS4hcgUuTwjAzZr1Z9CAow"},{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4)"
    R"(fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs)"
    R"(D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQO)"
    R"(S-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8)"
    R"(NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},{"kty":"EC","crv":"P-256",)"
    R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

GST_START_TEST(test_signatures_of_the_rfc) {
    const KeySet set = keys(rfc_keys);
    fail_unless_equals_int(int(set.keys().size()), 3);
    const std::string tokens[] = {
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joe +
            ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "eyJhbGciOiJSUzI1NiJ9." + joe +
            ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YK"
            "t_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArL"
            "IARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noO"
            "PqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe"
            "77Rw",
        "eyJhbGciOiJFUzI1NiJ9." + joe +
            ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6N"
            "U1Q"};
    for (const std::string &each : tokens) {
        refused(check(each, set, {}, 1300819379), "does not permit this stream");
        refused(check(each, set, {.issuer = "ann"}, 1300819379), "another issuer");
        refused(check(each, set, {.issuer = "joe"}, 1300819379), "does not permit this stream");
        refused(check(each, set, {}, 1300819380), "has expired");
        std::string forged = each;
        forged[forged.size() - 20] ^= 1;
        refused(check(forged, set, {}, 1300819379), "signature is wrong");
        refused(check(each, own_keys(), {}, 1300819379),
                each == tokens[0] ? "signature is wrong" : "no key of the key set");
    }
}
GST_END_TEST

GST_START_TEST(test_tokens) {
    const KeySet set = own_keys();
    const std::string play = R"({"exp":1100,"permissions":[{"action":"play","path":"live/*"}]})";
    const auto good = check(token(play), set);
    fail_unless(good.allowed && good.expires == 1100, "%s", good.reason.c_str());
    refused(check(token(play), set, {}, 1000, true), "does not permit");
    fail_unless(
        check(token(R"({"exp":1100,"permissions":[{"action":"publish"}]})"), set, {}, 1000, true)
            .allowed);
    refused(check(token(R"({"exp":1100,"permissions":[{"action":"play","path":"live/c"}]})"), set),
            "does not permit");
    fail_unless(
        check(token(R"({"exp":1100,"own":[{"action":"read","path":""}]})"), set, {.claim = "own"})
            .allowed);
    refused(check(token(R"({"permissions":[{"action":"play"}]})"), set), "when it expires");
    refused(check(token(R"({"exp":"1100","permissions":[{"action":"play"}]})"), set),
            "when it expires");
    refused(check(token(R"({"exp":1e300,"permissions":[{"action":"play"}]})"), set),
            "when it expires");
    refused(check(token(R"({"exp":1100,"nbf":1006,"permissions":[{"action":"play"}]})"), set),
            "not valid yet");
    fail_unless(
        check(token(R"({"exp":1100,"nbf":1005,"permissions":[{"action":"play"}]})"), set).allowed);
    const std::string audience =
        R"({"exp":1100,"aud":["x","us"],"permissions":[{"action":"play"}]})";
    fail_unless(check(token(audience), set, {.audience = "us"}).allowed);
    refused(check(token(audience), set, {.audience = "them"}), "another audience");
    // Attacks: no algorithm, a wrong one, another key's name, extensions.
    const std::string none = base64url(R"({"alg":"none"})") + '.' + base64url(play) + '.';
    refused(check(none, set), "no key of the key set");
    refused(check(token(play, R"({"alg":"RS256"})"), set), "no key of the key set");
    const auto unknown = check(token(play, R"({"alg":"HS256","kid":"b"})"), set);
    refused(unknown, "no key of the key set");
    fail_unless(unknown.is_key_unknown);
    refused(check(token(play, R"({"alg":"HS256","crit":["x"]})"), set), "no JWT");
    for (const char *text : {"", ".", "..", "a.b.c", "a.b", "....", "e30.e30.", "W10.W10.W10"})
        fail_if(check(text, set).allowed);
    refused(check(std::string(9000, 'a') + ".b.c", set), "no JWT");
}
GST_END_TEST

// A public key must not serve as the secret of HS256.
GST_START_TEST(test_key_sets) {
    std::string error;
    for (const char *text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})",
                             R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})",
                             R"({"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]})",
                             R"({"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]})"})
        fail_if(KeySet::parse(text, &error).has_value(), "%s", text);
    const KeySet set = keys(rfc_keys);
    for (const auto &key : set.keys())
        fail_unless(key.algorithm == "HS256" ? !key.key : key.secret.empty());
    const std::string encrypting =
        R"({"keys":[{"kty":"oct","use":"enc","k":")" + base64url(secret) + R"("}]})";
    fail_if(KeySet::parse(encrypting, &error).has_value());
}
GST_END_TEST

GST_START_TEST(test_signed_urls) {
    Request request = viewer("live/cam/index.m3u8", "hls");
    fail_unless_equals_string(request.stream().c_str(), "live/cam");
    // The value is that of `printf 'play live/cam 2000' | openssl dgst -sha256 -hmac secret`.
    const std::string right = sign("secret", false, "live/cam", 2000);
    fail_unless_equals_string(right.c_str(),
                              "9f9bf758b9cfc048f848b52e26746668f40eb5b55c9611679f13588739a009ec");
    request.query = "expires=2000&sign=" + right;
    const auto good = check_signed_url(request, "secret", 1999);
    fail_unless(good.allowed && good.expires == 2000);
    refused(check_signed_url(request, "secret", 2000), "has expired");
    refused(check_signed_url(request, "other", 1999), "signature is wrong");
    request.query = "expires=2001&sign=" + right;
    refused(check_signed_url(request, "secret", 1999), "signature is wrong");
    for (const char *query : {"", "expires=2000", "sign=x", "expires=x&sign=x",
                              "expires=99999999999999999999&sign=x", "expires=-1&sign=x"}) {
        request.query = query;
        fail_if(check_signed_url(request, "secret", 1).allowed);
    }
    // Permission to play is no permission to publish, and each stream needs signatures of its own.
    request.query = "expires=2000&sign=" + right;
    request.publish = true;
    refused(check_signed_url(request, "secret", 1999), "signature is wrong");
    Request other = viewer("live/other.flv", "http");
    other.query = request.query;
    refused(check_signed_url(other, "secret", 1999), "signature is wrong");
}
GST_END_TEST

GST_START_TEST(test_key_file) {
    std::string error;
    const auto file =
        KeyFile::parse("# keys\n\n  k-1 anna live/anna live/anna-* \r\nk-2\nk_3 bo", &error);
    fail_unless(file.has_value(), "%s", error.c_str());
    fail_unless_equals_int(int(file->size()), 3);
    const auto *anna = file->find("k-1");
    fail_unless(anna && anna->name == "anna");
    fail_unless(anna->may_publish("live/anna") && anna->may_publish("live/anna-2"));
    fail_if(anna->may_publish("live/annabel") || anna->may_publish("live/anna-2/x") ||
            anna->may_publish("live/bo"));
    fail_unless(file->find("k-2") && file->find("k-2")->may_publish("any/thing"));
    fail_if(file->find("") || file->find("#") || file->find("k") || file->find("K-1") ||
            file->find("anna"));
    const auto wrong = [](const std::string &text, const std::string &part) {
        std::string why;
        fail_if(KeyFile::parse(text, &why).has_value(), "%s", text.c_str());
        fail_if(why.find(part) == std::string::npos, "%s", why.c_str());
        fail_if(why.find("sesame") != std::string::npos, "a key is shown: %s", why.c_str());
    };
    wrong("a\nsesame&b\n", "line 2: a key");
    wrong("sesame\nsesame x\n", "line 2: an earlier line");
    wrong("sesame a/b\n", "line 1: a name");
    wrong("sesame a live/$\n", "line 1: a pattern");
    wrong(std::string(300, 'a'), "line 1: a key");
    wrong(std::string(KeyFile::max_size + 1, 'a'), "larger");
}
GST_END_TEST

GST_START_TEST(test_patterns) {
    fail_unless(matches("live/*", "live/cam") && matches("**", "a/b/c") &&
                matches("*/cam", "a/cam"));
    fail_unless(matches("live/**/x", "live/a/b/x") && matches("a*b*c", "aXbYbZc"));
    fail_unless(matches("**a*b", "x/ab/ab") && matches("", "") && matches("*", ""));
    fail_if(matches("live/*", "live/a/b") || matches("live", "live/cam") || matches("", "a") ||
            matches("*b", "a/b") || matches("**/x", "x") || matches("live/c?m", "live/cam"));
    // No pattern takes exponential time.
    fail_if(matches("**a**a**a**a**a**a**a**a**a**b", std::string(500, 'a')));
}
GST_END_TEST

GST_START_TEST(test_networks) {
    const auto in = [](const char *network, const char *ip) {
        const auto parsed = Network::parse(network);
        fail_unless(parsed.has_value(), "%s", network);
        return parsed->has(ip);
    };
    fail_unless(in("10.0.0.0/8", "10.255.0.1") && !in("10.0.0.0/8", "11.0.0.1"));
    fail_unless(in("192.0.2.7", "192.0.2.7") && !in("192.0.2.7", "192.0.2.8"));
    fail_unless(in("0.0.0.0/0", "192.0.2.7") && !in("0.0.0.0/0", "2001:db8::1"));
    fail_unless(in("192.0.2.0/25", "192.0.2.127") && !in("192.0.2.0/25", "192.0.2.128"));
    fail_unless(in("2001:db8::/32", "2001:db8:1::1") && !in("2001:db8::/32", "2001:db9::1"));
    fail_unless(in("::1", "::1") && in("fe80::/10", "fe80::1%eth0") && in("::/0", "::1"));
    // A dual-stack socket shows IPv4 peers in this form, which must not evade any list.
    fail_unless(in("10.0.0.0/8", "::ffff:10.1.2.3") && in("10.0.0.0/8", "::ffff:a01:203"));
    fail_if(in("10.0.0.0/8", "") || in("10.0.0.0/8", "x") || in("::/0", "10.0.0.1.5"));
    for (const char *text : {"", "x", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129",
                             "10.0.0.0/", "10.0.0.0/8x", "2001:db8::1/32", "10.0.0.0/-1", "/8"})
        fail_if(Network::parse(text).has_value(), "%s", text);
}
GST_END_TEST

GST_START_TEST(test_bodies) {
    Request request = viewer("live/cam");
    request.client = "a b&c";
    request.query = "token=t%201&name=other&a=\xff&%6eame=x&addr";
    request.token = "t%201";
    const Body form = body_of(Style::nginx, Event::play, request);
    fail_unless_equals_string(form.content_type.c_str(), "application/x-www-form-urlencoded");
    // A peer's query never replaces the server's own fields.
    fail_unless_equals_string(form.text.c_str(),
                              "app=live&flashver=a%20b%26c&addr=192.0.2.7&clientid=rtmp-play-1&"
                              "call=play&name=cam&path=live%2fcam&protocol=rtmp&tls=0&"
                              "token=t%201&a=%ff");
    request.query = "x=\xff\"";
    const Body srs = body_of(Style::srs, Event::stop, request);
    fail_unless(srs.text.find(R"("action":"on_stop")") != std::string::npos);
    fail_unless(srs.text.find(R"("param":"?x=)") != std::string::npos, "%s", srs.text.c_str());
    request.publish = true;
    const Body mediamtx = body_of(Style::mediamtx, Event::publish, request);
    fail_unless(mediamtx.text.find(R"("action":"publish")") != std::string::npos);
    fail_unless(mediamtx.text.find(R"("path":"live/cam")") != std::string::npos);
    fail_unless_equals_string(signature_of("secret", "body", 5).substr(0, 7).c_str(), "t=5,v1=");
    fail_unless(signature_of("secret", "body", 5).substr(7) ==
                hex(hmac_sha256("secret", "5.body")));
}
GST_END_TEST

GST_START_TEST(test_answers) {
    const Request player = viewer("live/cam");
    Request publisher = player;
    publisher.publish = true;
    fail_unless(judge(Style::nginx, player, {.status = 204}).allowed);
    fail_if(judge(Style::nginx, player, {.status = 404}).allowed);
    fail_if(judge(Style::nginx, player, {.status = 302, .location = "x"}).allowed);
    fail_if(judge(Style::nginx, publisher, {.status = 302}).allowed);
    fail_if(judge(Style::nginx, publisher, {.status = 302, .location = "rtmp://a/b"}).allowed);
    const auto renamed = judge(Style::nginx, publisher, {.status = 302, .location = "anna"});
    fail_unless(renamed.allowed && renamed.path == "live/anna", "%s", renamed.path.c_str());
    fail_unless(judge(Style::nginx, publisher, {.status = 302, .location = "/b/c"}).path == "b/c");
    for (const char *body : {"0", " 0\n", R"({"code":0})", R"({"code":0,"data":1})"})
        fail_unless(judge(Style::srs, player, {.status = 200, .body = body}).allowed, "%s", body);
    for (const char *body : {"", "1", "ok", "{}", R"({"code":1})", R"({"code":"0"})", "false",
                             "null", "[0]", "0.0", "00"})
        fail_if(judge(Style::srs, player, {.status = 200, .body = body}).allowed, "%s", body);
    fail_if(judge(Style::srs, player, {.status = 204, .body = "0"}).allowed);
    fail_unless(judge(Style::mediamtx, player, {.status = 201}).allowed);
    fail_if(judge(Style::mediamtx, player, {.status = 302, .location = "x"}).allowed);
}
GST_END_TEST

GST_START_TEST(test_urls) {
    const auto url = Url::parse("https://[::1]:8443/a?b=c");
    fail_unless(url && url->is_secure && url->host == "::1" && url->port == "8443" &&
                url->target == "/a?b=c" && url->authority() == "[::1]:8443");
    fail_unless(Url::parse("http://a")->target == "/" && Url::parse("http://a?x")->target == "/?x");
    fail_unless(Url::parse("http://a")->port == "80" && Url::parse("http://a")->authority() == "a");
    for (const char *text : {"", "a", "ftp://a", "http://", "http://:80", "http://a:", "http://a:x",
                             "http://u:p@a", "http://a/ b", "http://a/#b", "http://[::1",
                             "http://a:b:1", "http://[::1]80/", "http://a/\r\nX: y"})
        fail_if(Url::parse(text).has_value(), "%s", text);
    const auto server = [](const char *text) {
        const auto found = Url::parse_server(text, "/x/y");
        return found ? found->to_string() : std::string();
    };
    fail_unless(server("192.0.2.7") == "http://192.0.2.7/x/y" &&
                server("[::1]:8000") == "http://[::1]:8000/x/y" &&
                server("https://a:80/z?q") == "https://a:80/z?q");
    fail_unless(server("a/b").empty() && server("u@a").empty() && server("ftp://a").empty());
}
GST_END_TEST

static Suite *permissions_suite() {
    Suite *s = suite_create("permissions");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_signatures_of_the_rfc);
    tcase_add_test(tc, test_tokens);
    tcase_add_test(tc, test_key_sets);
    tcase_add_test(tc, test_signed_urls);
    tcase_add_test(tc, test_key_file);
    tcase_add_test(tc, test_patterns);
    tcase_add_test(tc, test_networks);
    tcase_add_test(tc, test_bodies);
    tcase_add_test(tc, test_answers);
    tcase_add_test(tc, test_urls);
    return s;
}

GST_CHECK_MAIN(permissions)
