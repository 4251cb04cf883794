// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP routes: methods, bodies, access, origins; and deliberately invalid requests.
#include "core/net/http/server.h"
#include "unit/http_exchange.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;
using http_test::Answer;
using http_test::Exchange;

namespace {

std::string text_of(const Bytes &bytes) {
    return {bytes.begin(), bytes.end()};
}

/// A server whose handlers answer "METHOD PATH BODY".
struct Site {
    Site() {
        std::string error;
        server = net::HttpServer::open({"127.0.0.1", 0}, &error);
        fail_unless(server, "%s", error.c_str());
    }
    uint16_t port() const { return server->address().port; }
    void serve(const std::string &prefix, net::HttpRouteOptions options = {}) {
        auto made = server->handle(
            prefix,
            [this](const net::HttpRequest &request, net::HttpReply reply) {
                ++handled;
                net::HttpResponse response;
                response.body = Bytes::copy_of(request.method + " " + request.path + " " +
                                               text_of(request.body));
                reply(std::move(response));
            },
            std::move(options));
        fail_unless(made != nullptr);
        registrations.push_back(std::move(made));
    }
    /// One request on a new connection.
    Answer ask(const std::string &method, const std::string &target,
               const std::string &headers = {}, const std::string &body = {}) {
        Exchange exchange(port());
        exchange.request(method, target, headers, body);
        return exchange.answer(method == "HEAD");
    }
    std::shared_ptr<net::HttpServer> server;
    std::vector<std::unique_ptr<net::HttpRegistration>> registrations;
    std::atomic<int> handled{0};
};

void is(const Answer &answer, int status, const std::string &body) {
    fail_unless_equals_int(answer.status, status);
    fail_unless_equals_string(answer.body.c_str(), body.c_str());
}

void is(const Answer &answer, int status) {
    fail_unless(answer.status == status, "%d: %s", answer.status, answer.head.c_str());
}

std::string chunk(const std::string &bytes) {
    char line[20];
    snprintf(line, sizeof line, "%zx\r\n", bytes.size());
    return line + bytes + "\r\n";
}

} // namespace

GST_START_TEST(test_methods) {
    Site site;
    site.serve("/get");
    site.serve("/api/", {.methods = {"POST", "PUT", "PATCH", "DELETE"}});
    is(site.ask("GET", "/get"), 200, "GET /get ");
    const Answer head = site.ask("HEAD", "/get");
    is(head, 200, "");
    fail_unless_equals_string(head.header("Content-Length").c_str(), "10"); // "HEAD /get "
    for (const char *method : {"POST", "PUT", "PATCH", "DELETE"}) {
        is(site.ask(method, "/api/x?y", "", "body"), 200, std::string(method) + " /api/x body");
        const Answer refused = site.ask(method, "/get");
        is(refused, 405);
        fail_unless_equals_string(refused.header("Allow").c_str(), "GET, HEAD, OPTIONS");
    }
    for (const char *method : {"GET", "HEAD", "BREW"}) {
        const Answer refused = site.ask(method, "/api/x");
        is(refused, 405);
        fail_unless_equals_string(refused.header("Allow").c_str(),
                                  "POST, PUT, PATCH, DELETE, OPTIONS");
    }
    const Answer options = site.ask("OPTIONS", "/api/x");
    is(options, 204);
    fail_unless_equals_string(options.header("Allow").c_str(), "POST, PUT, PATCH, DELETE, OPTIONS");
    is(site.ask("OPTIONS", "*"), 204);
    is(site.ask("GET", "http://elsewhere:80/get?x"), 200, "GET /get ");
    is(site.ask("GET", "/a%0"), 400);
    is(site.ask("GET", "/nothing"), 404);
}
GST_END_TEST

GST_START_TEST(test_bodies) {
    Site site;
    site.serve("/api", {.methods = {"POST"}, .max_body = 1000});
    site.serve("/get");
    Exchange client(site.port());
    const std::string most(1000, 'x');
    client.request("POST", "/api", "", most);
    is(client.answer(), 200, "POST /api " + most);
    client.request("POST", "/api");
    is(client.answer(), 200, "POST /api ");
    client.send("POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunk("abc") + "4;x=y\r\ndefg\r\n0\r\n\r\n");
    is(client.answer(), 200, "POST /api abcdefg");
    // Input byte by byte, with chunks, trailers and consecutive requests.
    const std::string pieces =
        "POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("abc") +
        "0\r\nX: trailer\r\n\r\nPOST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz";
    for (const char c : pieces)
        fail_unless(client.send(std::string_view(&c, 1)));
    is(client.answer(), 200, "POST /api abc");
    is(client.answer(), 200, "POST /api xyz");
    // Routes without a body limit take a small one.
    client.request("GET", "/get", "", "body");
    is(client.answer(), 200, "GET /get body");
    client.request("GET", "/nothing", "", "body");
    is(client.answer(), 404);
    // The client waits for 100 Continue.
    client.send(
        "POST /api HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    is(client.answer(), 100);
    client.send("ab");
    is(client.answer(), 200, "POST /api ab");
}
GST_END_TEST

// A client that is refused amid its body reads the answer, not a reset.
GST_START_TEST(test_bodies_that_are_too_large) {
    Site site;
    site.serve("/api", {.methods = {"POST"}, .max_body = 1000});
    const std::string much(500'000, 'x');
    const std::string chunked =
        "POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string bomb;
    for (int i = 0; i < 100; ++i)
        bomb += "1;" + std::string(4000, 'e') + "\r\nx\r\n";
    for (const std::string &request :
         {"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'),
          "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + much,
          chunked + chunk(much), chunked + chunk(std::string(900, 'x')) + chunk(much),
          chunked + "7fffffffffffffff\r\n" + much, chunked + bomb}) {
        Exchange client(site.port());
        client.send(request);
        const Answer answer = client.answer();
        is(answer, 413);
        fail_unless(answer.has("Connection: close\r\n"));
        fail_unless(client.until_closed());
        fail_if(client.reset);
    }
    // The client asks first, and does not send a body that is refused.
    const Answer refused =
        site.ask("POST", "/api", "Expect: 100-continue\r\nContent-Length: 1001\r\n");
    is(refused, 413);
    fail_unless_equals_int(site.handled, 0);
}
GST_END_TEST

// The bodies of all connections together are bounded; memory that was held is returned.
GST_START_TEST(test_body_budget) {
    Site site;
    const size_t each = 16 << 20;
    site.serve("/api", {.methods = {"POST"}, .max_body = 2 * each}); // 16 MiB is what it gets
    is(site.ask("POST", "/api", "Content-Length: " + std::to_string(each + 1) + "\r\n"), 413);
    const std::string head =
        "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(each) + "\r\n\r\n";
    const std::string body(each - 1, 'x');
    std::vector<std::unique_ptr<Exchange>> clients;
    const auto fill = [&] {
        clients.clear();
        for (int i = 0; i < 4; ++i) {
            clients.push_back(std::make_unique<Exchange>(site.port()));
            fail_unless(clients.back()->send(head) && clients.back()->send(body));
        }
    };
    // Four bytes are left. While a body is still on its way, the five bytes of a question may take
    // its place, and its client is refused instead: then once more.
    const auto ask = [&] { return site.ask("POST", "/api", "", "12345").status; };
    bool is_full = false;
    for (int attempt = 0; attempt < 20 && !is_full; ++attempt) {
        fill();
        for (int i = 0; i < 200 && !is_full; ++i)
            is_full = ask() == 503;
    }
    fail_unless(is_full);
    clients.clear();
    fail_unless(eventually([&] { return ask() == 200; }));
}
GST_END_TEST

// Requests about whose end two servers could disagree are refused, and later bytes are not read.
GST_START_TEST(test_smuggling) {
    Site site;
    site.serve("/api", {.methods = {"GET", "POST"}});
    const std::string inner = "GET /api HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string size = std::to_string(inner.size());
    const auto post = [&](const std::string &headers, const std::string &version = "1.1") {
        return "POST /api HTTP/" + version + "\r\nHost: a\r\n" + headers + "\r\n";
    };
    const std::pair<std::string, int> cases[] = {
        {post("Content-Length: " + size + "\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
        {post("Transfer-Encoding: chunked\r\nContent-Length: " + size + "\r\n") + "0\r\n\r\n", 400},
        {post("Content-Length: 0\r\nContent-Length: " + size + "\r\n"), 400},
        {post("Content-Length: 0, " + size + "\r\n"), 400},
        {post("Content-Length: +0\r\n"), 400},
        {post("Content-Length: -1\r\n"), 400},
        {post("Content-Length: 0x0\r\n"), 400},
        {post("Content-Length: \r\n"), 400},
        {post("Content-Length: 18446744073709551616\r\n"), 400},
        {post("Transfer-Encoding: gzip\r\n"), 501},
        {post("Transfer-Encoding: chunked, gzip\r\n"), 501},
        {post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 501},
        {post("Transfer-Encoding: identity\r\n"), 501},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 0},
        {post("Transfer-Encoding: chunked\r\n", "1.0") + "0\r\n\r\n", 400},
        {post("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n", 400},
        {post("Content-Length : 0\r\n"), 400},
        {post("Transfer-Encoding: chunked\r\n") + "x\r\n\r\n", 400},
        {post("Transfer-Encoding: chunked\r\n") + "-1\r\n\r\n", 400},
        {post("Transfer-Encoding: chunked\r\n") + "11111111111111111\r\n\r\n", 400},
        {post("Host: b\r\n"), 400},
        {"POST /api HTTP/1.1\r\n\r\n", 400},
        {"GET /api HTTP/1.2\r\nHost: a\r\n\r\n", 0},
        {"GET /api HTTP/2.0\r\nHost: a\r\n\r\n", 0},
        {"GET /api\r\n\r\n", 0},
        {"GET  /api HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"G(T /api HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"\x16\x03\x01\x02\x01\x01", 400},
    };
    for (const auto &[request, status] : cases) {
        Exchange client(site.port());
        client.send(request + inner);
        const Answer answer = client.answer();
        fail_unless(answer.status >= 400 && (status == 0 || answer.status == status), "%d: %s",
                    answer.status, request.c_str());
        fail_unless(answer.has("Connection: close\r\n"), "%s", request.c_str());
        fail_unless(client.until_closed(), "%s", request.c_str());
        fail_unless(client.input.empty(), "%s: %s", request.c_str(), client.input.c_str());
    }
    fail_unless_equals_int(site.handled, 0);
    is(site.ask("GET", "/api"), 200);
}
GST_END_TEST

GST_START_TEST(test_headers_that_are_too_large) {
    Site site;
    site.serve("/");
    for (const std::string &request :
         {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x'),
          "GET /" + std::string(40'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"}) {
        Exchange client(site.port());
        client.send(request);
        is(client.answer(), 431);
        fail_unless(client.until_closed());
        fail_if(client.reset);
    }
    is(site.ask("GET", "/" + std::string(9000, 'x')), 400);
    fail_unless_equals_int(site.handled, 0);
}
GST_END_TEST

GST_START_TEST(test_pipelining) {
    Site site;
    site.serve("/", {.methods = {"GET", "POST"}});
    Exchange client(site.port());
    std::string requests;
    for (int i = 0; i < 50; ++i)
        requests += "POST /" + std::to_string(i) +
                    " HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" +
                    "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(requests);
    for (int i = 0; i < 50; ++i) {
        is(client.answer(), 200, "POST /" + std::to_string(i) + " x");
        is(client.answer(true), 200);
    }
}
GST_END_TEST

GST_START_TEST(test_access) {
    Site site;
    std::mutex mutex;
    std::vector<net::HttpVerdict> verdicts; // of "/later"
    const auto access = [&](const net::HttpRequest &request, net::HttpVerdict verdict) {
        fail_unless(request.body.empty());
        if (request.path == "/api/later") {
            std::lock_guard lock(mutex);
            return verdicts.push_back(std::move(verdict));
        }
        if (request.header("Authorization") == "Bearer good") {
            verdict(std::nullopt);
            return verdict(net::http_error(403, "only the first counts"));
        }
        auto refused = net::http_error(401, "Who are you?");
        refused.headers = {{"WWW-Authenticate", "Bearer realm=\"penstock\""}};
        verdict(std::move(refused));
    };
    site.serve("/api/", {.methods = {"GET", "POST"}, .access = access, .cors = {}});
    Exchange client(site.port());
    client.request("GET", "/api/x");
    const Answer refused = client.answer();
    is(refused, 401, "Who are you?\n");
    fail_unless_equals_string(refused.header("WWW-Authenticate").c_str(),
                              "Bearer realm=\"penstock\"");
    fail_unless_equals_string(refused.header("Access-Control-Allow-Origin").c_str(), "*");
    client.request("POST", "/api/x", "Authorization: Bearer good\r\n", "abc"); // goes on
    is(client.answer(), 200, "POST /api/x abc");
    is(site.ask("OPTIONS", "/api/x"), 204); // a preflight has no credentials
    fail_unless_equals_int(site.handled, 1);
    // The body is neither requested nor parsed as a request.
    Exchange eager(site.port());
    eager.request("POST", "/api/x", "Expect: 100-continue\r\nContent-Length: 30\r\n");
    is(eager.answer(), 401);
    eager.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n");
    fail_unless(eager.until_closed());
    fail_unless(eager.input.empty());

    const auto verdict = [&]() -> net::HttpVerdict {
        net::HttpVerdict taken;
        fail_unless(eventually([&] {
            std::lock_guard lock(mutex);
            if (verdicts.empty()) return false;
            taken = std::move(verdicts.back());
            verdicts.pop_back();
            return true;
        }));
        return taken;
    };
    client.request("POST", "/api/later", "", "abc");
    verdict()(std::nullopt); // from this thread
    is(client.answer(), 200, "POST /api/later abc");
    client.request("GET", "/api/later");
    verdict()(net::http_error(403, "no"));
    is(client.answer(), 403);
    // Nobody decides, and a verdict that comes too late has no effect.
    client.request("GET", "/api/later");
    const auto late = verdict();
    is(client.answer(), 503);
    late(std::nullopt);
    client.request("GET", "/api/x");
    is(client.answer(), 401);
    // The client leaves meanwhile.
    client.request("GET", "/api/later");
    const auto gone = verdict();
    client.close();
    gone(std::nullopt);
    fail_unless(eventually([&] { return site.handled == 3; }));
}
GST_END_TEST

GST_START_TEST(test_cors) {
    using Allow = net::HttpCors::Allow;
    Site site;
    site.serve("/any");
    site.serve("/none", {.cors = {.allow = Allow::none}});
    site.serve("/listed", {.methods = {"GET", "PUT"},
                           .cors = {.allow = Allow::listed,
                                    .origins = {"https://a.example", "https://b.example:8443"},
                                    .request_headers = {"Authorization", "If-Match"},
                                    .exposed_headers = {"ETag"},
                                    .credentials = true,
                                    .max_age = 60}});
    const auto value = [&](const std::string &path, const std::string &origin, const char *name,
                           const char *method = "GET") {
        return site.ask(method, path, origin.empty() ? "" : "Origin: " + origin + "\r\n")
            .header(name);
    };
    const char *allowed = "Access-Control-Allow-Origin";
    const auto same = [](const std::string &a, const char *b) {
        fail_unless_equals_string(a.c_str(), b);
    };
    same(value("/any", "https://x.example", allowed), "*");
    same(value("/any", "", allowed), "*");
    same(value("/any", "https://x.example", "Vary"), "");
    same(value("/missing", "", allowed), "*");
    same(value("/none", "https://x.example", allowed), "");
    same(value("/none", "https://x.example", "Access-Control-Allow-Methods", "OPTIONS"), "");
    for (const char *origin : {"https://a.example", "https://b.example:8443"}) {
        same(value("/listed", origin, allowed), origin);
        same(value("/listed", origin, allowed, "OPTIONS"), origin);
        same(value("/listed", origin, allowed, "DELETE"), origin); // pages may read a 405
        same(value("/listed", origin, "Vary"), "Origin");
        same(value("/listed", origin, "Access-Control-Allow-Credentials"), "true");
        same(value("/listed", origin, "Access-Control-Expose-Headers"), "ETag");
    }
    for (const char *origin : {"", "null", "http://a.example", "https://a.example.evil",
                               "https://b.example", "https://A.example"}) {
        same(value("/listed", origin, allowed), "");
        same(value("/listed", origin, allowed, "OPTIONS"), "");
        same(value("/listed", origin, "Vary"), "Origin");
    }
    const Answer preflight = site.ask("OPTIONS", "/listed",
                                      "Origin: https://a.example\r\n"
                                      "Access-Control-Request-Method: PUT\r\n");
    same(preflight.header("Access-Control-Allow-Methods"), "GET, HEAD, PUT, OPTIONS");
    same(preflight.header("Access-Control-Allow-Headers"), "Authorization, If-Match");
    same(preflight.header("Access-Control-Max-Age"), "60");
    same(site.ask("OPTIONS", "/any").header("Access-Control-Allow-Headers"), "Range");
}
GST_END_TEST

GST_START_TEST(test_response_headers) {
    Site site;
    const auto route =
        site.server->handle("/", [](const net::HttpRequest &request, net::HttpReply reply) {
            net::HttpResponse response;
            response.headers = {{"X-A", "1"},
                                {"Set-Cookie", "a=1"},
                                {"Set-Cookie", "b=2"},
                                {"x-content-type-options", "own"},
                                {"Vary", "Accept-Language"},
                                {"X-Bad", "a\r\nX-Injected: 1"},
                                {"X-Bad\r\nX-Injected", "1"}};
            response.body = Bytes::copy_of("0123456789");
            if (!net::apply_etag(request, response, "\"v1\"")) net::apply_range(request, response);
            reply(std::move(response));
        });
    const Answer plain = site.ask("GET", "/");
    is(plain, 200, "0123456789");
    for (const char *line :
         {"X-A: 1", "Set-Cookie: a=1", "Set-Cookie: b=2", "x-content-type-options: own",
          "Vary: Accept-Language", "Accept-Ranges: bytes", "ETag: \"v1\"", "Server: Penstock"})
        fail_unless(plain.has("\r\n" + std::string(line) + "\r\n"), "%s: %s", line,
                    plain.head.c_str());
    fail_if(plain.has("Injected") || plain.has("nosniff"));

    const auto part = [&](const std::string &range, const std::string &headers = {}) {
        return site.ask("GET", "/", "Range: " + range + "\r\n" + headers);
    };
    is(part("bytes=2-4"), 206, "234");
    fail_unless_equals_string(part("bytes=2-4").header("Content-Range").c_str(), "bytes 2-4/10");
    is(part("bytes=-3"), 206, "789");
    is(part("bytes=7-"), 206, "789");
    is(part("bytes=0-0,5-6"), 200, "0123456789");
    is(part("bytes=10-"), 416);
    fail_unless_equals_string(part("bytes=10-").header("Content-Range").c_str(), "bytes */10");
    is(part("bytes=2-4", "If-Range: \"v1\"\r\n"), 206, "234");
    is(part("bytes=2-4", "If-Range: \"v0\"\r\n"), 200, "0123456789");
    is(part("bytes=2-4", "If-Range: Sat, 28 Nov 2026 20:00:00 GMT\r\n"), 200, "0123456789");
    is(site.ask("HEAD", "/", "Range: bytes=2-4\r\n"), 200);
    is(site.ask("GET", "/", "If-None-Match: W/\"v1\"\r\n"), 304, "");
    is(site.ask("GET", "/", "If-None-Match: \"v0\"\r\n"), 200, "0123456789");
}
GST_END_TEST

// A request for a stream by a name other than its URL is answered with the URL, as text or as a
// page.
GST_START_TEST(test_nothing_there) {
    Site site;
    site.serve("/live/cam/index.m3u8");
    site.serve("/live/cam/index/");
    site.serve("/live/camera.m3u8");
    site.serve("/live/cam.m3u8.flv"); // whose name looks like another's
    const std::string text = "This stream is at\n  http://test/live/cam/index.m3u8\n";
    for (const char *path : {"/live/cam", "/live/cam/", "/live/cam.flv", "/live/cam.ts",
                             "/live/cam/index.m3u", "/live/cam.mp4"})
        is(site.ask("GET", path), 404, "Nothing is at " + std::string(path) + ".\n" + text);
    is(site.ask("GET", "/live/cam.m3u8"), 404,
       "Nothing is at /live/cam.m3u8.\nThis stream is at\n  http://test/live/cam.m3u8.flv\n");
    is(site.ask("GET", "/live/ca"), 404,
       "Nothing is at /live/ca.\nIs the stream published, under that name?\n");
    // A page is linked; a name from the network is escaped.
    std::weak_ptr<net::HttpServer> server = site.server;
    const auto page =
        site.server->handle("/", [server](const net::HttpRequest &request, net::HttpReply reply) {
            reply(server.lock()->nothing_at(request));
        });
    const std::string browser = "Accept: text/html,*/*;q=0.8\r\n";
    const Answer html = site.ask("GET", "/live/cam", browser);
    is(html, 404);
    fail_unless(html.has("Content-Type: text/html; charset=utf-8"));
    fail_unless(html.has("Vary: Accept"));
    fail_unless(html.body.find("<a href=\"/live/cam/index.m3u8\">"
                               "http://test/live/cam/index.m3u8</a>") != std::string::npos &&
                    html.body.find("<a href=\"/#live/cam\">") != std::string::npos,
                "%s", html.body.c_str());
    const Answer script = site.ask("GET", "/%3Cscript%3E", browser);
    fail_unless(script.body.find("<script>") == std::string::npos &&
                    script.body.find("Nothing is at /&lt;script&gt;") != std::string::npos,
                "%s", script.body.c_str());
    fail_unless(script.body.find("<a href=\"/\">") != std::string::npos);
}
GST_END_TEST

static Suite *net_http_routes_suite() {
    Suite *s = suite_create("net_http_routes");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_methods);
    tcase_add_test(tc, test_bodies);
    tcase_add_test(tc, test_bodies_that_are_too_large);
    tcase_add_test(tc, test_body_budget);
    tcase_add_test(tc, test_smuggling);
    tcase_add_test(tc, test_headers_that_are_too_large);
    tcase_add_test(tc, test_pipelining);
    tcase_add_test(tc, test_access);
    tcase_add_test(tc, test_cors);
    tcase_add_test(tc, test_nothing_there);
    tcase_add_test(tc, test_response_headers);
    return s;
}
GST_CHECK_MAIN(net_http_routes)
