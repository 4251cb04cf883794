// SPDX-License-Identifier: LGPL-2.1-or-later
// A server of routes whose handlers say what they were asked, and checks of its answers.
// Include it last: it includes check.hpp.
#pragma once

#include "core/net/http/server.h"
#include "unit/http_exchange.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

namespace http_test {

using namespace net_test;

inline std::string text_of(const Bytes &bytes) {
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

inline void is(const Answer &answer, int status, const std::string &body) {
    fail_unless_equals_int(answer.status, status);
    fail_unless_equals_string(answer.body.c_str(), body.c_str());
}

inline void is(const Answer &answer, int status) {
    fail_unless(answer.status == status, "%d: %s", answer.status, answer.head.c_str());
}

} // namespace http_test
