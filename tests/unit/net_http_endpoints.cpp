// SPDX-License-Identifier: LGPL-2.1-or-later
// Endpoints, which have the last segment of a path: what they take precedence over, what is below
// them, methods, OPTIONS, and over HTTP/2.
#include "unit/http2_peer.hpp"
#include "unit/http_exchange.hpp"

#include "core/net/http/live/mount.h"
#include "unit/http_site.hpp"

using http_test::Answer;
using http_test::Exchange;
using http_test::is;
using http_test::Site;
using namespace net_test;

namespace {

const std::string browser = "Accept: text/html\r\nSec-Fetch-Dest: document\r\n";

net::HttpRoute route(const std::string &name, std::vector<std::string> methods) {
    net::HttpRoute out;
    out.handler = [name](const net::HttpRequest &request, const net::HttpReply &reply) {
        net::HttpResponse response;
        response.body = Bytes::copy_of(name + " " + request.method + " " + request.path + "?" +
                                       request.query + " " + http_test::text_of(request.body));
        reply(std::move(response));
    };
    out.options.methods = std::move(methods);
    return out;
}

std::unique_ptr<net::HttpRegistration> endpoint(net::HttpServer &server, const std::string &name) {
    return server.handle_endpoint(name, route(name, {"POST"}),
                                  route(name + " below", {"PATCH", "DELETE"}));
}

} // namespace

GST_START_TEST(test_paths) {
    Site site;
    site.serve("/", {.methods = {"GET", "POST", "PATCH"}});
    site.serve("/live/cam/whip", {.methods = {"POST"}});
    auto whip = endpoint(*site.server, "whip");
    const auto whep = endpoint(*site.server, "whep");
    fail_unless(whip && whep);
    fail_unless(endpoint(*site.server, "whip") == nullptr);
    const auto post = [&](const std::string &path) { return site.ask("POST", path, "", "x"); };
    is(post("/live/cam/whip?a=b"), 200, "whip POST /live/cam/whip?a=b x");
    is(post("/whip"), 200, "whip POST /whip? x");
    is(post("/a/b/c/whep"), 200, "whep POST /a/b/c/whep? x");
    is(post("/live/cam/%77hip"), 200, "whip POST /live/cam/whip? x");
    // The last segment counts first.
    is(post("/live/whip/whep"), 200, "whep POST /live/whip/whep? x");
    is(post("/live/whip/whip"), 200, "whip POST /live/whip/whip? x");
    for (const char *method : {"PATCH", "DELETE"})
        is(site.ask(method, "/live/cam/whip/4Fx-2_z?q", "", "x"), 200,
           "whip below " + std::string(method) + " /live/cam/whip/4Fx-2_z?q x");
    is(site.ask("DELETE", "/whep/4Fx2"), 200, "whep below DELETE /whep/4Fx2? ");
    // Others have these, among them the files of a stream that has an endpoint's name.
    for (const char *path :
         {"/", "/whip/", "/live/whip/index.m3u8", "/live/cam/whip/a%2eb", "/live/cam/whip/a/b",
          "/live/cam/whips", "/live/cam/Whip", "/live/cam.whip", "/live/cam/whip/a%20b"})
        fail_unless_equals_int(site.ask("POST", path).body.find("POST /"), 0);
    // Consecutive requests on a connection are independent.
    Exchange client(site.port());
    client.request("POST", "/live/cam/whip", "", "x");
    is(client.answer(), 200, "whip POST /live/cam/whip? x");
    client.request("GET", "/page");
    is(client.answer(), 200, "GET /page ");
    whip.reset();
    is(post("/live/cam/whip"), 200, "POST /live/cam/whip x");
    is(site.ask("PATCH", "/live/cam/whip/4Fx2"), 200, "PATCH /live/cam/whip/4Fx2 ");
    fail_unless(endpoint(*site.server, "whip") != nullptr);
}
GST_END_TEST

GST_START_TEST(test_methods) {
    Site site;
    site.serve("/");
    auto at = route("whip", {"POST"});
    at.options.max_body = 10;
    at.options.cors.request_headers = {"Authorization"};
    at.options.options_headers = {{"Accept-Post", "application/sdp"}};
    at.options.access = [](const net::HttpRequest &, const net::HttpVerdict &verdict) {
        verdict(net::http_error(401, "no"));
    };
    const auto whip = site.server->handle_endpoint("whip", at, route("below", {"PATCH", "DELETE"}));
    std::atomic<int> navigated{0};
    const auto page = site.server->handle_navigation(
        "whip", [&](const net::HttpRequest &, const net::HttpReply &reply) {
            ++navigated;
            reply({});
        });
    for (const std::string &headers : {std::string(), browser})
        for (const char *method : {"GET", "HEAD", "PUT", "DELETE", "PATCH"}) {
            const Answer refused = site.ask(method, "/live/cam/whip", headers);
            is(refused, 405);
            fail_unless_equals_string(refused.header("Allow").c_str(), "POST, OPTIONS");
            fail_unless_equals_string(refused.header("Vary").c_str(), "");
        }
    for (const char *method : {"GET", "HEAD", "PUT", "POST"}) {
        const Answer refused = site.ask(method, "/live/cam/whip/4Fx2");
        is(refused, 405);
        fail_unless_equals_string(refused.header("Allow").c_str(), "PATCH, DELETE, OPTIONS");
    }
    // Browsers ask first, without credentials.
    const Answer preflight = site.ask("OPTIONS", "/live/cam/whip",
                                      "Origin: https://a.example\r\n"
                                      "Access-Control-Request-Method: POST\r\n");
    is(preflight, 204);
    for (const char *line :
         {"Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: POST, OPTIONS",
          "Access-Control-Allow-Headers: Authorization", "Accept-Post: application/sdp"})
        fail_unless(preflight.has("\r\n" + std::string(line) + "\r\n"), "%s: %s", line,
                    preflight.head.c_str());
    is(site.ask("POST", "/live/cam/whip", "", "x"), 401, "no\n");
    is(site.ask("DELETE", "/live/cam/whip/4Fx2", browser), 200);
    fail_unless_equals_int(navigated, 0);
    fail_unless_equals_int(site.handled, 0);
}
GST_END_TEST

// Neither a stream nor a rule at the path concerns an endpoint.
GST_START_TEST(test_streams_and_rules) {
    Site site;
    std::atomic<int> demanded{0}, watched{0};
    struct Watch final : net::PeerWatch {
        explicit Watch(std::atomic<int> &count) : count_(count) {}
        bool authorize(const net::PeerInfo &, net::Answer answer) override {
            ++count_;
            answer(false);
            return true;
        }
        std::atomic<int> &count_;
    };
    const auto watch = std::make_shared<Watch>(watched);
    site.server->rules().add_watch(watch);
    const auto lease = site.server->rules().add(
        net::DemandOptions{[](std::string_view) { return true; },
                           [](const std::string &) { return false; },
                           [&](const std::string &, const net::DemandAnswer &answer) {
                               ++demanded;
                               answer(false, "no");
                           }},
        site.server);
    std::string error;
    const auto feed = net::open_http_feed(site.server->address(), "live/cam/whep", {}, &error);
    fail_unless(feed, "%s", error.c_str());
    is(site.ask("GET", "/live/cam/whep"), 403);
    const auto whep = endpoint(*site.server, "whep");
    const int before = watched;
    is(site.ask("POST", "/live/cam/whep", "", "x"), 200, "whep POST /live/cam/whep? x");
    is(site.ask("POST", "/live/other/whep", "", "x"), 200, "whep POST /live/other/whep? x");
    is(site.ask("DELETE", "/live/other/whep/1"), 200, "whep below DELETE /live/other/whep/1? ");
    is(site.ask("GET", "/live/cam/whep"), 405);
    fail_unless_equals_int(watched, before);
    fail_unless_equals_int(demanded, 0);
}
GST_END_TEST

GST_START_TEST(test_http2) {
    tls_test::Certificates folder;
    const net::TlsFiles files = folder.make("first");
    std::string error;
    const auto server = net::HttpServer::open({"127.0.0.1", 0}, files, &error);
    fail_unless(server, "%s", error.c_str());
    const auto whip = endpoint(*server, "whip");
    http2_test::Peer client(server->address().port, files.certificate);
    const auto created = client.fetch("/live/cam/whip?k", {}, "POST", "offer");
    fail_unless_equals_int(created.status, 200);
    fail_unless_equals_string(created.body.c_str(), "whip POST /live/cam/whip?k offer");
    fail_unless_equals_string(client.fetch("/live/cam/whip/1", {}, "DELETE").body.c_str(),
                              "whip below DELETE /live/cam/whip/1? ");
    auto refused = client.fetch("/live/cam/whip", {{"accept", "text/html"}});
    fail_unless_equals_int(refused.status, 405);
    fail_unless_equals_string(refused.headers["allow"].c_str(), "POST, OPTIONS");
}
GST_END_TEST

static Suite *net_http_endpoints_suite() {
    Suite *s = suite_create("net_http_endpoints");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_paths);
    tcase_add_test(tc, test_methods);
    tcase_add_test(tc, test_streams_and_rules);
    tcase_add_test(tc, test_http2);
    return s;
}
GST_CHECK_MAIN(net_http_endpoints)
