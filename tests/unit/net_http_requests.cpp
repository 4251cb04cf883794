// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP requests as they are read: bodies and their bounds, smuggling, headers, pipelining.
#include "unit/http_site.hpp"

using http_test::Answer;
using http_test::Exchange;
using http_test::is;
using http_test::Site;
using namespace net_test;

namespace {

std::string chunk(const std::string &bytes) {
    char line[20];
    snprintf(line, sizeof line, "%zx\r\n", bytes.size());
    return line + bytes + "\r\n";
}

} // namespace

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

static Suite *net_http_requests_suite() {
    Suite *s = suite_create("net_http_requests");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_bodies);
    tcase_add_test(tc, test_bodies_that_are_too_large);
    tcase_add_test(tc, test_body_budget);
    tcase_add_test(tc, test_smuggling);
    tcase_add_test(tc, test_headers_that_are_too_large);
    tcase_add_test(tc, test_pipelining);
    return s;
}
GST_CHECK_MAIN(net_http_requests)
