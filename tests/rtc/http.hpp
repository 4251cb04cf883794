// SPDX-License-Identifier: LGPL-2.1-or-later
// One request of HTTP/1.1 on a connection of its own, as WHIP and WHEP need it. Include it before
// check.hpp.
#pragma once

#include "rtc/loop.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace rtc_test {

/// An address that was looked up once, and a path.
struct HttpUrl {
    std::string authority; ///< "127.0.0.1:8080"
    std::string path = "/";
    sockaddr_storage address{};
    socklen_t address_size = 0;

    /// Reads http://HOST[:PORT][/PATH]. Throws std::runtime_error, also if the host has no address.
    static HttpUrl parse(const std::string &text);
    /// Where a Location of an answer leads: a path, or a URL of the same host.
    HttpUrl at(std::string_view location) const;
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers; ///< names in lower case
    std::string body;
    /// nullptr: there is none.
    const std::string *header(std::string_view name) const;
};

/// Not thread-safe.
class HttpExchange final : private Loop::Watcher {
public:
    struct Request {
        std::string method = "POST", type, body; ///< type: of the body
        std::vector<std::pair<std::string, std::string>> headers;
    };
    /// Called once, when there is an answer or an error; it may destroy the exchange.
    using Done = std::function<void(HttpExchange &)>;

    /// Throws std::system_error.
    HttpExchange(Loop &loop, const HttpUrl &url, const Request &request, Done done);
    ~HttpExchange() override;

    const HttpResponse &response() const { return response_; }
    /// Why there is no answer; empty: there is one.
    const std::string &error() const { return error_; }

private:
    void on_ready(uint32_t events) override;
    bool write();
    void read();
    bool is_complete();
    void finish(std::string error);

    Loop &loop_;
    Descriptor socket_;
    std::string out_, in_, error_;
    HttpResponse response_;
    Done done_;
    size_t head_size_ = 0; ///< 0: the head has not come
};

} // namespace rtc_test
