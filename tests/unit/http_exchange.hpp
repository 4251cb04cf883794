// SPDX-License-Identifier: LGPL-2.1-or-later
// A client that sends exactly the bytes a test specifies and reads consecutive responses from its
// connection. Include it before check.hpp.
#pragma once

#include "unit/loopback.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http_test {

struct Answer {
    int status = 0;
    std::string head; ///< status line and headers, each line ended
    std::string body;
    /// The value of the first header with this name, as written by the server; empty if absent.
    std::string header(const std::string &name) const {
        const std::string line = "\r\n" + name + ": ";
        const size_t at = head.find(line);
        if (at == head.npos) return {};
        return head.substr(at + line.size(), head.find("\r\n", at + 2) - at - line.size());
    }
    bool has(const std::string &text) const { return head.find(text) != head.npos; }
};

class Exchange {
public:
    explicit Exchange(uint16_t port, int receive_buffer = 0) {
        const auto connection = penstock_test::connect_to(port, receive_buffer);
        socket_ = connection.socket;
        failed_ = !connection.connected;
    }
    ~Exchange() { close(); }
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    /// Returns false if the server has closed the connection.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(size_t(sent));
        }
        return true;
    }
    /// Sends a complete request. `headers`: additional ones, each with its line end.
    void request(const std::string &method, const std::string &target,
                 const std::string &headers = {}, const std::string &body = {},
                 const std::string &version = "1.1") {
        std::string text =
            method + " " + target + " HTTP/" + version + "\r\nHost: test\r\n" + headers;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(text + "\r\n" + body);
    }
    /// Reads the next response; status 0 if there is none within twenty seconds. `bodiless`: to
    /// HEAD.
    Answer answer(bool bodiless = false) {
        Answer out;
        size_t end = 0;
        if (!until([&] { return (end = input.find("\r\n\r\n")) != input.npos; })) return out;
        out.head = input.substr(0, end + 2);
        input.erase(0, end + 4);
        out.status = std::stoi(out.head.substr(9, 3));
        if (bodiless || out.status == 204 || out.status == 304 || out.status < 200) return out;
        if (const std::string length = out.header("Content-Length"); !length.empty()) {
            const size_t size = std::stoul(length);
            until([&] { return input.size() >= size; });
            out.body = input.substr(0, size);
            input.erase(0, size);
        } else if (out.has("Transfer-Encoding: chunked")) {
            while (take_chunk(out.body)) {
            }
        } else {
            until_closed();
            out.body = std::exchange(input, {});
        }
        return out;
    }
    /// Appends the next chunk; returns false after the last, or if none arrives.
    bool take_chunk(std::string &body) {
        size_t line = 0;
        if (!until([&] { return (line = input.find("\r\n")) != input.npos; })) return false;
        const size_t size = std::stoul(input.substr(0, line), nullptr, 16);
        if (!until([&] { return input.size() >= line + 2 + size + 2; })) return false;
        body += input.substr(line + 2, size);
        input.erase(0, line + 2 + size + 2);
        ended = size == 0;
        return size > 0;
    }
    bool until_closed() {
        return until([&] { return closed; });
    }
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition()) {
            if (closed || failed_ || std::chrono::steady_clock::now() > deadline) return false;
            read(10);
        }
        return true;
    }
    /// Reads available data, waiting up to `wait_ms` for some.
    void read(int wait_ms) {
        pollfd wanted{socket_, POLLIN, 0};
        if (closed || ::poll(&wanted, 1, wait_ms) <= 0) return;
        char buffer[1 << 14];
        const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
        if (size > 0) return void(input.append(buffer, size_t(size)));
        closed = true;
        reset = size < 0;
    }
    int socket() const { return socket_; }

    std::string input; ///< received but not consumed
    bool closed = false;
    bool reset = false; ///< closed before the expected data
    bool ended = false; ///< the last chunk was received

private:
    int socket_ = -1;
    bool failed_ = false;
};

} // namespace http_test
