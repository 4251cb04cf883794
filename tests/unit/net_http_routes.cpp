// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP routes: methods, access, origins, the headers of answers, and paths where nothing is.
#include "unit/http_site.hpp"

using http_test::Answer;
using http_test::Exchange;
using http_test::is;
using http_test::Site;
using namespace net_test;

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
    tcase_add_test(tc, test_access);
    tcase_add_test(tc, test_cors);
    tcase_add_test(tc, test_nothing_there);
    tcase_add_test(tc, test_response_headers);
    return s;
}
GST_CHECK_MAIN(net_http_routes)
