// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP requests of the WebRTC client: URLs, and answers of all forms, in one piece or byte by
// byte.
#include "rtc/http.hpp"

#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "check.hpp"

using namespace rtc_test;

namespace {

/// A server that answers every request with the same bytes.
class Server : private Loop::Watcher {
public:
    Server(Loop &loop, std::string answer, bool is_slow)
        : loop_(loop), answer_(std::move(answer)), is_slow_(is_slow),
          listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fail_unless(::bind(listener_.get(), reinterpret_cast<sockaddr *>(&at), sizeof at) == 0);
        fail_unless(::listen(listener_.get(), 8) == 0);
        loop_.watch(listener_.get(), EPOLLIN, *this);
    }
    ~Server() override { end(); }
    std::string url() const {
        sockaddr_in at{};
        socklen_t size = sizeof at;
        getsockname(listener_.get(), reinterpret_cast<sockaddr *>(&at), &size);
        return "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
    std::string request;

private:
    void on_ready(uint32_t) override {
        if (!socket_) {
            socket_ = Descriptor(::accept(listener_.get(), nullptr, nullptr));
            loop_.forget(listener_.get(), *this);
            listener_.reset();
            loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT, *this);
            return;
        }
        char buffer[4096];
        const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0) request.append(buffer, size_t(got));
        if (!request.ends_with("\r\n\r\nbody")) return;
        const size_t size = is_slow_ ? std::min<size_t>(1, answer_.size()) : answer_.size();
        const ssize_t sent =
            ::send(socket_.get(), answer_.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) answer_.erase(0, size_t(sent));
        if (answer_.empty()) end();
    }
    void end() {
        for (Descriptor *one : {&listener_, &socket_})
            if (*one) {
                loop_.forget(one->get(), *this);
                one->reset();
            }
    }

    Loop &loop_;
    std::string answer_;
    bool is_slow_;
    Descriptor listener_, socket_;
};

struct Outcome {
    HttpResponse response;
    std::string error, request;
};

Outcome ask(const std::string &answer, bool is_slow = false) {
    Loop loop;
    Server server(loop, answer, is_slow);
    std::optional<Outcome> out;
    HttpExchange::Request request;
    request.type = "application/sdp";
    request.body = "body";
    request.headers = {{"Authorization", "Bearer x"}};
    HttpExchange exchange(loop, HttpUrl::parse(server.url() + "/live/a/whep"), request,
                          [&](HttpExchange &one) {
                              out = {one.response(), one.error(), ""};
                          });
    fail_unless(loop.run_until([&] { return out.has_value(); }, 20'000));
    out->request = server.request;
    return *out;
}

} // namespace

GST_START_TEST(test_urls) {
    const HttpUrl url = HttpUrl::parse("http://127.0.0.1:8080/live/a/whep");
    fail_unless_equals_string(url.authority.c_str(), "127.0.0.1:8080");
    fail_unless_equals_string(url.path.c_str(), "/live/a/whep");
    fail_unless(url.address.ss_family == AF_INET && url.address_size == sizeof(sockaddr_in));
    fail_unless_equals_string(url.at("/session/1").path.c_str(), "/session/1");
    fail_unless_equals_string(url.at("http://other/session/1").path.c_str(), "/session/1");
    fail_unless_equals_string(url.at("http://other").path.c_str(), "/");
    fail_unless_equals_string(url.at("1").path.c_str(), "/live/a/1");
    fail_unless(HttpUrl::parse("http://[::1]:80").address.ss_family == AF_INET6);
    fail_unless_equals_string(HttpUrl::parse("http://127.0.0.1").path.c_str(), "/");
    for (const char *bad : {"", "https://127.0.0.1/", "http://256.0.0.1.invalid./"}) {
        bool thrown = false;
        try {
            HttpUrl::parse(bad);
        } catch (const std::runtime_error &) {
            thrown = true;
        }
        fail_unless(thrown, "%s", bad);
    }
}
GST_END_TEST

GST_START_TEST(test_answers) {
    const std::string head = "HTTP/1.1 201 Created\r\nLOCATION:  /x \r\n";
    for (const char *rest : {"Content-Length: 5\r\n\r\nhello",
                             "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\n"
                             "llo\r\n0\r\n\r\n",
                             "\r\nhello"}) {
        for (const bool is_slow : {false, true}) {
            const Outcome out = ask(head + rest, is_slow);
            fail_unless_equals_string(out.error.c_str(), "");
            fail_unless_equals_int(out.response.status, 201);
            fail_unless_equals_string(out.response.body.c_str(), "hello");
            fail_unless_equals_string(out.response.header("location")->c_str(), "/x");
            fail_unless(!out.response.header("etag"));
        }
    }
    const Outcome empty = ask("HTTP/1.1 204 No Content\r\n\r\n");
    fail_unless(empty.response.status == 204 && empty.error.empty());
    const std::string &request = empty.request;
    fail_unless(request.starts_with("POST /live/a/whep HTTP/1.1\r\nHost: 127.0.0.1:"));
    for (const char *line : {"\r\nContent-Type: application/sdp\r\n", "\r\nContent-Length: 4\r\n",
                             "\r\nAuthorization: Bearer x\r\n"})
        fail_unless(request.find(line) != request.npos, "%s", line);
}
GST_END_TEST

GST_START_TEST(test_broken_answers) {
    const std::string closed = "the server closed the connection";
    for (const char *bad :
         {"HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nhello", "HTTP/1.1 201",
          "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"})
        fail_unless_equals_string(ask(bad).error.c_str(), closed.c_str());
    const Outcome endless = ask("HTTP/1.1 200 OK\r\n\r\n" + std::string(3 << 20, 'x'));
    fail_unless_equals_string(endless.error.c_str(), "the answer is too long");

    // Nobody listens.
    Loop loop;
    std::string url;
    {
        Server server(loop, "", false);
        url = server.url();
    }
    std::optional<std::string> error;
    HttpExchange exchange(loop, HttpUrl::parse(url), {},
                          [&](HttpExchange &one) { error = one.error(); });
    fail_unless(loop.run_until([&] { return error.has_value(); }, 20'000));
    fail_unless_equals_string(error->c_str(), "Connection refused");
}
GST_END_TEST

static Suite *rtc_http_suite() {
    Suite *suite = suite_create("rtc_http");
    TCase *tests = tcase_create("rtc_http");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_urls);
    tcase_add_test(tests, test_answers);
    tcase_add_test(tests, test_broken_answers);
    return suite;
}
GST_CHECK_MAIN(rtc_http)
