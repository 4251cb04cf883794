// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies that are produced while they are sent: framed for the client's version, never further
// ahead of a slow client than requested, and ended by either side.
#include "core/net/http/server.h"
#include "unit/http_exchange.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;
using http_test::Answer;
using http_test::Exchange;
using Written = net::HttpBody::Written;

namespace {

/// A server that streams at "/stream", with a new producer for each request, and answers "plain" at
/// "/plain".
struct Site {
    struct Producer {
        std::shared_ptr<net::HttpBodyWriter> writer;
        std::atomic<int> room{0}, closed{0};
        std::mutex mutex;
        std::string reason;
        std::string why() {
            std::lock_guard lock(mutex);
            return reason;
        }
        Written write(const std::string &text) { return writer->write(Bytes::copy_of(text)); }
    };
    explicit Site(size_t capacity = 64 << 10) {
        std::string error;
        server = net::HttpServer::open({"127.0.0.1", 0}, &error);
        fail_unless(server, "%s", error.c_str());
        registrations.push_back(server->handle(
            "/stream", [this, capacity](const net::HttpRequest &, net::HttpReply reply) {
                auto made = std::make_shared<Producer>();
                net::HttpBodyOptions options;
                options.capacity = capacity;
                options.on_room = [weak = std::weak_ptr(made)] {
                    if (const auto self = weak.lock()) ++self->room;
                };
                options.on_closed = [weak = std::weak_ptr(made)](const std::string &reason) {
                    const auto self = weak.lock();
                    if (!self) return;
                    std::lock_guard lock(self->mutex);
                    self->reason = reason;
                    ++self->closed;
                };
                made->writer = std::make_shared<net::HttpBodyWriter>(options);
                net::HttpResponse response;
                response.content_type = "text/event-stream";
                response.streamed = made->writer->body();
                if (early) made->write("early;");
                {
                    std::lock_guard lock(mutex);
                    producers.push_back(made);
                }
                reply(std::move(response));
            }));
        registrations.push_back(
            server->handle("/plain", [](const net::HttpRequest &, net::HttpReply reply) {
                net::HttpResponse response;
                response.body = Bytes::copy_of("plain");
                reply(std::move(response));
            }));
    }
    uint16_t port() const { return server->address().port; }
    /// The next request's producer.
    std::shared_ptr<Producer> producer() {
        std::shared_ptr<Producer> next;
        fail_unless(eventually([&] {
            std::lock_guard lock(mutex);
            if (producers.empty()) return false;
            next = producers.front();
            producers.erase(producers.begin());
            return true;
        }));
        return next;
    }
    std::shared_ptr<net::HttpServer> server;
    std::vector<std::unique_ptr<net::HttpRegistration>> registrations;
    std::atomic<bool> early{false};
    std::mutex mutex;
    std::vector<std::shared_ptr<Producer>> producers;
};

std::string head_of(Exchange &client) {
    fail_unless(client.until([&] { return client.input.find("\r\n\r\n") != client.input.npos; }));
    const size_t end = client.input.find("\r\n\r\n") + 4;
    const std::string head = client.input.substr(0, end);
    client.input.erase(0, end);
    return head;
}

bool has(const std::string &text, const std::string &part) {
    return text.find(part) != text.npos;
}

} // namespace

// Each piece arrives when it is written; afterwards the connection serves another request.
GST_START_TEST(test_chunks) {
    Site site;
    site.early = true;
    Exchange client(site.port());
    for (int round = 0; round < 3; ++round) {
        client.request("GET", "/stream");
        const auto producer = site.producer();
        const std::string head = head_of(client);
        fail_unless(has(head, "200 OK"), "%s", head.c_str());
        fail_unless(has(head, "\r\nTransfer-Encoding: chunked\r\n"));
        fail_unless(has(head, "\r\nContent-Type: text/event-stream\r\n"));
        fail_if(has(head, "Content-Length"));
        std::string body, wanted = "early;";
        for (int i = 0; i < 5; ++i) {
            const std::string text = "event " + std::to_string(i) + ";";
            fail_unless(producer->write(text) == Written::taken);
            fail_unless(producer->write("") == Written::taken);
            wanted += text;
            while (body.size() < wanted.size())
                fail_unless(client.take_chunk(body));
            fail_unless(body == wanted, "%s", body.c_str());
        }
        producer->write("last");
        producer->writer->end();
        fail_unless(producer->write("more") == Written::closed);
        while (client.take_chunk(body)) {
        }
        fail_unless(client.ended);
        fail_unless_equals_string(body.c_str(), (wanted + "last").c_str());
        client.request("GET", "/plain");
        fail_unless_equals_string(client.answer().body.c_str(), "plain");
        fail_unless_equals_int(producer->closed, 0);
        client.ended = false;
    }
}
GST_END_TEST

GST_START_TEST(test_other_framings) {
    Site site;
    Exchange old(site.port());
    old.request("GET", "/stream", "Connection: keep-alive\r\n", "", "1.0");
    const auto producer = site.producer();
    const std::string head = head_of(old);
    fail_if(has(head, "Transfer-Encoding") || has(head, "Content-Length") ||
            has(head, "keep-alive"));
    producer->write("abc");
    producer->writer->end();
    fail_unless(old.until_closed());
    fail_unless_equals_string(old.input.c_str(), "abc");

    Exchange head_only(site.port());
    head_only.request("HEAD", "/stream");
    const auto unread = site.producer();
    const Answer answer = head_only.answer(true);
    fail_unless_equals_int(answer.status, 200);
    fail_unless(eventually([&] { return unread->closed == 1; }));
    fail_unless(unread->write("x") == Written::closed);
    head_only.request("GET", "/plain");
    fail_unless_equals_string(head_only.answer().body.c_str(), "plain");
}
GST_END_TEST

// A client that does not read: the producer is told when there is no room, and when there is again.
// Nothing is lost or doubled.
GST_START_TEST(test_backpressure) {
    constexpr size_t capacity = 100'000, total = 30'000'000;
    Site site(capacity);
    Exchange client(site.port(), 8 << 10);
    client.request("GET", "/stream");
    const auto producer = site.producer();
    size_t written = 0;
    const auto piece = [&] {
        std::string text(7'000, '\0');
        for (size_t i = 0; i < text.size(); ++i)
            text[i] = char('a' + (written + i) % 26);
        return text;
    };
    const auto fill = [&] {
        for (std::string text = piece(); producer->write(text) == Written::taken; text = piece()) {
            written += text.size();
            fail_unless(producer->writer->body()->waiting() <= capacity);
            if (written > total) return;
        }
    };
    // There is room as long as the kernel's buffers accept data.
    fill();
    fail_unless(written < total, "%zu bytes without a reader", written);
    size_t received = 0;
    // Each fail_unless() is a system call, so it is called for wrong bytes only.
    const auto is_next = [&](const std::string &bytes) {
        for (const char c : bytes)
            if (c != char('a' + received++ % 26)) fail_unless(false, "at %zu", received);
    };
    fail_unless(has(head_of(client), "200 OK"));
    std::string body;
    int rooms = 0;
    while (written < total) {
        const int before = producer->room;
        fill();
        // Reads until the producer is told of room.
        while (written < total && producer->room == before) {
            body.clear();
            fail_unless(client.take_chunk(body));
            is_next(body);
        }
        ++rooms;
    }
    producer->writer->end();
    for (body.clear(); client.take_chunk(body); body.clear())
        is_next(body);
    fail_unless_equals_uint64(received, written);
    fail_unless(rooms > 10);
}
GST_END_TEST

GST_START_TEST(test_clients_that_leave) {
    Site site;
    Exchange idle(site.port()), rude(site.port());
    idle.request("GET", "/stream");
    const auto first = site.producer();
    head_of(idle);
    idle.close(); // nothing is sent at the time
    fail_unless(eventually([&] { return first->closed == 1; }));
    fail_unless_equals_string(first->why().c_str(), "the client has left");
    fail_unless(first->write("x") == Written::closed);
    // A client that never stops sending.
    rude.request("GET", "/stream");
    const auto second = site.producer();
    rude.send(std::string(100'000, 'x'));
    fail_unless(eventually([&] { return second->closed == 1; }));
    fail_unless_equals_string(second->why().c_str(), "the client sends too much");
    // A request that arrives amid a stream waits for the stream's end.
    Exchange eager(site.port());
    eager.request("GET", "/stream");
    const auto third = site.producer();
    eager.request("GET", "/plain");
    third->write("abc");
    head_of(eager);
    std::string body;
    fail_unless(eager.take_chunk(body));
    third->writer->end();
    fail_if(eager.take_chunk(body));
    fail_unless_equals_string(body.c_str(), "abc");
    fail_unless_equals_string(eager.answer().body.c_str(), "plain");
    fail_unless_equals_int(third->closed, 0);
}
GST_END_TEST

// A producer that is destroyed without an end: the client can tell that data is missing.
GST_START_TEST(test_aborted) {
    Site site;
    Exchange client(site.port());
    client.request("GET", "/stream");
    const auto producer = site.producer();
    producer->write("abc");
    head_of(client);
    std::string body;
    fail_unless(client.take_chunk(body));
    producer->writer.reset();
    fail_if(client.take_chunk(body));
    fail_unless(client.until_closed());
    fail_if(client.ended);
    fail_unless_equals_int(producer->closed, 0);
}
GST_END_TEST

GST_START_TEST(test_server_closes) {
    auto site = std::make_unique<Site>();
    Exchange client(site->port());
    client.request("GET", "/stream");
    const auto producer = site->producer();
    head_of(client);
    site.reset();
    fail_unless(client.until_closed());
    fail_unless(eventually([&] { return producer->closed == 1; }));
    fail_unless_equals_string(producer->why().c_str(), "the server ends");
}
GST_END_TEST

// Many producers' threads, many clients, and ends on both sides at any time.
GST_START_TEST(test_from_many_threads) {
    Site site;
    std::vector<std::thread> threads;
    std::atomic<int> whole{0};
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < 20; ++round) {
                Exchange client(site.port());
                client.request("GET", "/stream");
                const auto producer = site.producer(); // of some client
                std::thread writing([&] {
                    for (int j = 0; j < 50; ++j)
                        producer->write("0123456789");
                    producer->writer->end();
                });
                if ((i + round) % 3 != 0) {
                    const Answer answer = client.answer();
                    if (client.ended && answer.body.size() == 500) ++whole;
                } else {
                    client.close();
                }
                writing.join();
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    fail_unless_equals_int(whole, 8 * 20 - 53);
}
GST_END_TEST

static Suite *net_http_streamed_suite() {
    Suite *s = suite_create("net_http_streamed");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_chunks);
    tcase_add_test(tc, test_other_framings);
    tcase_add_test(tc, test_backpressure);
    tcase_add_test(tc, test_clients_that_leave);
    tcase_add_test(tc, test_aborted);
    tcase_add_test(tc, test_server_closes);
    tcase_add_test(tc, test_from_many_threads);
    return s;
}
GST_CHECK_MAIN(net_http_streamed)
