// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP/2 on real sockets: the same routes, handlers and rules as over HTTP/1.1, many requests at a
// time, and clients that leave or do not read.
#include "core/net/http/live/mount.h"
#include "core/net/http/server.h"
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "unit/http2_peer.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

#include <future>

using namespace net_test;
using http2_test::Answer;
using http2_test::frame;
using tls_test::Certificates;
using tls_test::TlsViewer;
using H2 = http2_test::Peer;

namespace {

std::string numbered(size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ",";
    return text.substr(0, size);
}

/// A server with a handler of each kind.
struct Site {
    Site() {
        std::string error;
        server = net::HttpServer::open({"127.0.0.1", 0}, files, &error);
        fail_unless(server, "%s", error.c_str());
        on("/echo", [](const net::HttpRequest &request, const net::HttpReply &reply) {
            net::HttpResponse response;
            response.body =
                Bytes::copy_of(request.method + " " + request.path + "?" + request.query + " " +
                               request.header("X-Test") + " " + request.header("Host") +
                               (request.is_encrypted ? " TLS " : " plain ") +
                               std::string(request.body.begin(), request.body.end()));
            response.headers = {{"X-Answer", "yes"}, {"Connection", "close"}};
            reply(std::move(response));
        });
        on("/big", [this](const net::HttpRequest &, const net::HttpReply &reply) {
            net::HttpResponse response;
            response.content_type = "video/mp2t";
            response.body = Bytes::copy_of(big);
            reply(std::move(response));
        });
        on("/list.m3u8", [](const net::HttpRequest &, const net::HttpReply &reply) {
            net::HttpResponse response;
            response.content_type = "application/vnd.apple.mpegurl";
            response.body = Bytes::copy_of(std::string("#EXTM3U\n"));
            reply(std::move(response));
        });
        on("/wait", [this](const net::HttpRequest &request, const net::HttpReply &reply) {
            request.on_leave([this] { ++left; });
            std::lock_guard lock(mutex);
            waiting.push_back(reply);
        });
        on("/stream", [this](const net::HttpRequest &, const net::HttpReply &reply) {
            net::HttpBodyOptions options;
            options.on_closed = [this](const std::string &why) {
                std::lock_guard lock(mutex);
                reason = why;
            };
            options.on_room = [this] { ++room; };
            auto made = std::make_shared<net::HttpBodyWriter>(options);
            net::HttpResponse response;
            response.streamed = made->body();
            {
                std::lock_guard lock(mutex);
                producer = std::move(made);
            }
            reply(std::move(response));
        });
    }
    void on(const std::string &path,
            std::function<void(const net::HttpRequest &, const net::HttpReply &)> handler) {
        net::HttpRouteOptions options;
        options.methods = {"GET", "POST"};
        options.max_body = path == "/list.m3u8" ? 4000 : 200'000;
        registrations.push_back(server->handle(path, std::move(handler), std::move(options)));
    }
    uint16_t port() const { return server->address().port; }
    const std::string &trusted() const { return files.certificate; }
    size_t waiters() {
        std::lock_guard lock(mutex);
        return waiting.size();
    }
    void answer_all(const std::string &text) {
        std::vector<net::HttpReply> replies;
        {
            std::lock_guard lock(mutex);
            replies.swap(waiting);
        }
        for (const auto &reply : replies) {
            net::HttpResponse response;
            response.body = Bytes::copy_of(text);
            reply(std::move(response));
        }
    }
    std::shared_ptr<net::HttpBodyWriter> produced() {
        std::lock_guard lock(mutex);
        return producer;
    }
    std::string why() {
        std::lock_guard lock(mutex);
        return reason;
    }

    Certificates folder;
    net::TlsFiles files = folder.make("first");
    const std::string big = numbered(3'000'000);
    std::atomic<int> left{0}, room{0};
    std::mutex mutex; ///< what follows
    std::vector<net::HttpReply> waiting;
    std::shared_ptr<net::HttpBodyWriter> producer;
    std::string reason;
    std::shared_ptr<net::HttpServer> server;
    std::vector<std::unique_ptr<net::HttpRegistration>> registrations;
};

} // namespace

GST_START_TEST(test_choice) {
    Site site;
    const auto chosen = [&](std::string_view offer, int version = 0,
                            const char *ciphers = nullptr) {
        TlsViewer viewer(site.port(), site.trusted(), 0, version, offer, ciphers);
        fail_unless(viewer.connected);
        return viewer.protocol();
    };
    fail_unless(chosen("\x02h2\x08http/1.1") == "h2");
    fail_unless(chosen("\x08http/1.1\x02h2") == "h2");
    fail_unless(chosen("\x08http/1.1") == "http/1.1");
    fail_unless(chosen("\x02h3") == "");
    fail_unless(chosen("\x02h2\x08http/1.1", TLS1_2_VERSION) == "h2");
    // RFC 9113, appendix A.
    fail_unless_equals_string(
        chosen("\x02h2\x08http/1.1", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA").c_str(), "http/1.1");
    // Without ALPN, and after it, HTTP/1.1 goes on as ever.
    for (const char *offer : {"", "\x08http/1.1"}) {
        TlsViewer viewer(site.port(), site.trusted(), 0, 0, offer);
        viewer.get("/echo", "X-Test: a\r\n");
        fail_unless(viewer.until([&] { return viewer.body == "GET /echo? a test TLS "; }));
        viewer.get("/echo");
        fail_unless(viewer.until([&] { return viewer.body.find("200 OK") != std::string::npos; }));
    }
}
GST_END_TEST

GST_START_TEST(test_requests) {
    Site site;
    H2 peer(site.port(), site.trusted());
    Answer answer = peer.fetch("/echo?a=b", {{"x-test", "value"}});
    fail_unless_equals_int(answer.status, 200);
    fail_unless_equals_string(answer.body.c_str(), "GET /echo?a=b value test TLS ");
    fail_unless_equals_string(answer.headers["x-answer"].c_str(), "yes");
    fail_unless_equals_string(answer.headers["content-length"].c_str(),
                              std::to_string(answer.body.size()).c_str());
    fail_unless_equals_string(answer.headers["access-control-allow-origin"].c_str(), "*");
    fail_unless(answer.headers.count("connection") == 0);
    answer = peer.fetch("/echo", {}, "HEAD");
    fail_unless_equals_int(answer.status, 200);
    fail_unless_equals_string(answer.body.c_str(), "");
    fail_unless(answer.headers.count("content-length"));
    fail_unless_equals_int(peer.fetch("/none").status, 404);
    fail_unless(peer.fetch("/none").body.find("Nothing is at /none") == 0);
    fail_unless_equals_int(peer.fetch("/%zz").status, 400);
    fail_unless_equals_int(peer.fetch("/echo", {}, "DELETE").status, 405);
    answer = peer.fetch("/echo", {{"origin", "https://a"}}, "OPTIONS");
    fail_unless_equals_int(answer.status, 204);
    fail_unless(answer.headers.count("access-control-allow-methods"));
    fail_unless_equals_int(peer.fetch("*", {}, "OPTIONS").status, 204);
    fail_unless_equals_int(peer.fetch("/echo", {{"x", std::string(30'000, 'x')}}).status, 431);
    answer = peer.fetch("/list.m3u8");
    fail_unless_equals_string(answer.headers["priority"].c_str(), "u=1");
    answer = peer.fetch("/big");
    fail_unless_equals_string(answer.headers["priority"].c_str(), "u=3");
    fail_unless(answer.body == site.big);
    fail_if(peer.client.failed || peer.client.goodbye);
}
GST_END_TEST

GST_START_TEST(test_bodies) {
    Site site;
    H2 peer(site.port(), site.trusted());
    const std::string body = numbered(190'000);
    Answer answer = peer.fetch("/echo", {}, "POST", body);
    fail_unless(answer.body == "POST /echo?  test TLS " + body);
    fail_unless_equals_int(peer.fetch("/echo", {}, "POST", numbered(210'000)).status, 413);
    answer = peer.fetch("/echo", {{"content-length", "300000"}}, "POST", numbered(300'000));
    fail_unless_equals_int(answer.status, 413);
    fail_unless_equals_int(peer.fetch("/list.m3u8", {}, "POST", "short").status, 200);
    fail_unless_equals_int(peer.fetch("/list.m3u8", {}, "POST", numbered(5000)).status, 413);
    fail_unless_equals_int(peer.fetch("/none", {}, "POST", body).status, 405);
    answer = peer.fetch("/echo", {}, "POST", "again");
    fail_unless_equals_string(answer.body.c_str(), "POST /echo?  test TLS again");
    fail_if(peer.client.failed || peer.client.goodbye);
}
GST_END_TEST

// Requests that wait cost the others nothing, and are answered in any order.
GST_START_TEST(test_many_at_a_time) {
    Site site;
    H2 peer(site.port(), site.trusted());
    std::vector<int32_t> held;
    for (int i = 0; i < 90; ++i)
        held.push_back(peer.client.get("/wait"));
    fail_unless(peer.until([&] { return site.waiters() == 90; }));
    for (int i = 0; i < 200; ++i)
        fail_unless_equals_int(peer.fetch("/echo").status, 200);
    const int32_t big = peer.client.get("/big");
    peer.turn();
    site.answer_all("now");
    for (const int32_t each : held)
        fail_unless(peer.wait(each).body == "now");
    fail_unless(peer.wait(big).body == site.big);
    fail_unless_equals_int(site.left, 0);
}
GST_END_TEST

GST_START_TEST(test_clients_that_leave) {
    Site site;
    H2 stays(site.port(), site.trusted());
    const int32_t mine = stays.client.get("/wait");
    fail_unless(stays.until([&] { return site.waiters() == 1; }));
    {
        H2 peer(site.port(), site.trusted());
        const int32_t gone = peer.client.get("/wait");
        peer.client.get("/wait");
        fail_unless(peer.until([&] { return site.waiters() == 3; }));
        nghttp2_submit_rst_stream(peer.client.session.get(), 0, gone, NGHTTP2_CANCEL);
        fail_unless(peer.until([&] { return site.left == 1; }));
        fail_unless_equals_int(peer.fetch("/echo").status, 200);
    }
    fail_unless(eventually([&] { return site.left == 2; }));
    site.answer_all("for who is there");
    fail_unless_equals_string(stays.wait(mine).body.c_str(), "for who is there");
    // In the midst of a large answer.
    for (int i = 0; i < 5; ++i) {
        H2 gone(site.port(), site.trusted());
        const int32_t big = gone.client.get("/big");
        fail_unless(gone.until([&] { return gone.client.answers[big].body.size() > 10'000; }));
        const linger now{1, 0};
        setsockopt(gone.tls.raw(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    fail_unless_equals_int(stays.fetch("/echo").status, 200);
}
GST_END_TEST

GST_START_TEST(test_streamed_bodies) {
    Site site;
    H2 peer(site.port(), site.trusted());
    const int32_t one = peer.client.get("/stream");
    fail_unless(peer.until([&] { return peer.client.answers[one].status == 200; }));
    const auto writer = site.produced();
    std::string all;
    for (int i = 0; i < 30; ++i) {
        const std::string piece = numbered(5000);
        all += piece;
        fail_unless(writer->write(Bytes::copy_of(piece)) == net::HttpBody::Written::taken);
        fail_unless(peer.until([&] { return peer.client.answers[one].body == all; }));
        fail_unless_equals_int(peer.fetch("/echo").status, 200);
    }
    writer->end();
    fail_unless(peer.wait(one).complete);
    // A client that does not read holds its producer back.
    H2 slow(site.port(), site.trusted(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}}, false);
    const int32_t stuck = slow.client.get("/stream");
    fail_unless(slow.until([&] { return slow.client.answers[stuck].status == 200; }));
    const auto held_back = site.produced();
    fail_unless(slow.until([&] {
        return held_back->write(Bytes::copy_of(numbered(20'000))) == net::HttpBody::Written::full;
    }));
    nghttp2_submit_rst_stream(slow.client.session.get(), 0, stuck, NGHTTP2_CANCEL);
    fail_unless(slow.until([&] { return site.why() == "the client has left"; }));
    fail_unless(held_back->write(Bytes::copy_of(numbered(1))) == net::HttpBody::Written::closed);
    // A producer that gives up.
    const int32_t broken = peer.client.get("/stream");
    fail_unless(peer.until([&] { return peer.client.answers[broken].status == 200; }));
    {
        std::lock_guard lock(site.mutex);
        site.producer.reset();
    }
    fail_unless_equals_int(peer.wait(broken).error, NGHTTP2_INTERNAL_ERROR);
}
GST_END_TEST

// A live stream is sent over HTTP/1.1: clients are told to ask there.
GST_START_TEST(test_live_streams_are_elsewhere) {
    Site site;
    net::HttpMountOptions options;
    options.tls = site.files;
    std::string error;
    const auto feed = net::open_http_feed(site.server->address(), "live/cam.flv", options, &error);
    fail_unless(feed, "%s", error.c_str());
    feed->begin({"video/x-flv"});
    H2 peer(site.port(), site.trusted());
    const Answer &answer = peer.fetch("/live/cam.flv");
    fail_unless_equals_int(answer.error, NGHTTP2_HTTP_1_1_REQUIRED);
    fail_unless_equals_int(feed->stats().viewers_total, 0);
    const Answer &head = peer.fetch("/live/cam.flv", {}, "HEAD");
    fail_unless_equals_int(head.status, 200);
    fail_unless_equals_int(peer.fetch("/echo").status, 200);
}
GST_END_TEST

// Floods end their own connection; its log line names the peer.
GST_START_TEST(test_floods) {
    Log log;
    Site site;
    H2 other(site.port(), site.trusted());
    fail_unless_equals_int(other.fetch("/echo").status, 200);
    const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678"),
                      endless = frame(NGHTTP2_CONTINUATION, 0, 1, std::string(1000, '\x82'));
    std::string reset;
    for (uint32_t id = 1; id < 4000; id += 2)
        reset += http2_test::get(id, "/wait") +
                 frame(NGHTTP2_RST_STREAM, 0, id, std::string("\0\0\0\x08", 4));
    const auto repeat = [](const std::string &text, size_t count) {
        std::string all;
        while (count-- > 0)
            all += text;
        return all;
    };
    const std::string start = frame(NGHTTP2_HEADERS, 0, 1, http2_test::get_block("/"));
    for (const std::string &flood : {repeat(ping, 1000), start + repeat(endless, 1000), reset,
                                     std::string("no preface at all"), repeat("x", 100'000)}) {
        H2 peer(site.port(), site.trusted());
        peer.tls.send((flood[0] == '\0' ? http2_test::greeting() : std::string()) + flood);
        fail_unless(peer.until_closed());
        fail_unless(eventually([&] { return log.all().find(peer.tls.name) != std::string::npos; }),
                    "%s", log.all().c_str());
    }
    fail_unless_equals_int(other.fetch("/echo").status, 200);
    fail_unless(eventually([&] { return size_t(site.left) <= site.waiters(); }));
}
GST_END_TEST

// A client whose window stays shut loses its request, one whose socket takes nothing its
// connection.
GST_START_TEST(test_clients_that_do_not_read) {
    Site site;
    H2 shut(site.port(), site.trusted(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}}, false);
    const int32_t one = shut.client.get("/big"), held = shut.client.get("/wait");
    fail_unless(
        shut.until([&] { return shut.client.answers[one].status == 200 && site.waiters() == 1; }));
    H2 deaf(site.port(), site.trusted(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30}}, false,
            4096);
    nghttp2_submit_window_update(deaf.client.session.get(), 0, 0, 1 << 30);
    const int32_t big = deaf.client.get("/big");
    fail_unless(deaf.until([&] { return deaf.client.answers[big].body.size() > 0; }));
    std::string error;
    const auto loops = net::Loops::shared(&error);
    net::HeldClock clock(*loops);
    for (int second = 0; second < 35; ++second) {
        clock.advance(std::chrono::seconds(1));
        if (second < 25) fail_if(shut.client.answers[one].closed);
        shut.turn(1);
    }
    fail_unless_equals_int(shut.wait(one).error, NGHTTP2_CANCEL);
    fail_unless(deaf.until_closed());
    fail_if(deaf.client.answers[big].complete);
    site.answer_all("still");
    fail_unless(shut.until([&] { return shut.client.answers[held].status == 200; }));
    // So does one that sends its body too slowly, or no request at all.
    H2 idle(site.port(), site.trusted()), late(site.port(), site.trusted());
    fail_unless_equals_int(idle.fetch("/echo").status, 200);
    late.client.holds_bodies = true;
    const int32_t part = late.client.request("POST", "/echo", {}, "never sent");
    late.turn();
    for (int second = 0; second < 50; ++second) {
        clock.advance(std::chrono::seconds(1));
        idle.turn(0);
        late.turn(0);
    }
    fail_unless_equals_int(late.wait(part).status, 408);
    fail_unless(idle.until_closed());
    fail_unless(idle.client.goodbye);
}
GST_END_TEST

// The server ends: clients are told, and complete answers arrive.
GST_START_TEST(test_server_ends) {
    auto site = std::make_unique<Site>();
    H2 idle(site->port(), site->trusted()), waits(site->port(), site->trusted()),
        reads(site->port(), site->trusted());
    fail_unless_equals_int(idle.fetch("/echo").status, 200);
    const int32_t held = waits.client.get("/wait"), big = reads.client.get("/big");
    fail_unless(waits.until([&] { return site->waiters() == 1; }));
    fail_unless(reads.until([&] { return !reads.client.answers[big].body.empty(); }));
    const size_t size = site->big.size();
    site->registrations.clear();
    site->server.reset();
    fail_unless(reads.wait(big).body.size() == size);
    fail_unless(reads.until_closed() && waits.until_closed() && idle.until_closed());
    for (H2 *peer : {&idle, &waits, &reads}) {
        fail_unless(peer->client.goodbye);
        fail_unless_equals_int(peer->client.goodbye_error, NGHTTP2_NO_ERROR);
    }
    fail_unless(waits.client.answers[held].closed);
    fail_unless(eventually([&] { return site->left == 1; }));
}
GST_END_TEST

static Suite *net_http2_suite() {
    Suite *suite = suite_create("net_http2");
    TCase *tests = tcase_create("general");
    tcase_add_test(tests, test_choice);
    tcase_add_test(tests, test_requests);
    tcase_add_test(tests, test_bodies);
    tcase_add_test(tests, test_many_at_a_time);
    tcase_add_test(tests, test_clients_that_leave);
    tcase_add_test(tests, test_streamed_bodies);
    tcase_add_test(tests, test_live_streams_are_elsewhere);
    tcase_add_test(tests, test_floods);
    tcase_add_test(tests, test_clients_that_do_not_read);
    tcase_add_test(tests, test_server_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(net_http2)
