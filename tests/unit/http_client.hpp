// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer over HTTP or WebSocket on a real socket: the response head, and the body without its
// framing. Include it before check.hpp.
#pragma once

#include "core/flv/normalizer.h"
#include "unit/loopback.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http_test {

using namespace penstock;

class Viewer {
public:
    explicit Viewer(uint16_t port, int receive_buffer = 0) {
        auto connection = penstock_test::connect_to(port, receive_buffer);
        socket_ = connection.socket;
        closed = !connection.connected;
        name = std::move(connection.name);
    }
    virtual ~Viewer() { close(); }
    Viewer(const Viewer &) = delete;
    Viewer &operator=(const Viewer &) = delete;

    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    virtual void send(std::string_view bytes) {
        ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    /// `headers`: additional ones, each with its line end.
    void get(const std::string &path, const std::string &headers = {},
             const std::string &method = "GET", const std::string &version = "1.1") {
        head_only_ = method == "HEAD";
        send(method + " " + path + " HTTP/" + version + "\r\nHost: test\r\n" + headers + "\r\n");
    }
    void upgrade(const std::string &path, const std::string &key = "dGhlIHNhbXBsZSBub25jZQ==") {
        get(path, "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nOrigin: http://elsewhere\r\nSec-WebSocket-Key: " +
                      key + "\r\n");
    }
    /// Reads available data, waiting up to `wait_ms` for some. Returns false once the connection is
    /// closed.
    bool read(int wait_ms = 0) {
        pollfd wanted{socket_, POLLIN, 0};
        if (closed || ::poll(&wanted, 1, wait_ms) <= 0) return !closed;
        static thread_local char buffer[1 << 16];
        const ssize_t n = receive(buffer, sizeof buffer);
        if (n == 0) {
            closed = true;
            return false;
        }
        if (n < 0) return true; // nothing complete yet
        input_.append(buffer, static_cast<size_t>(n));
        parse();
        return true;
    }
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition()) {
            if (closed || std::chrono::steady_clock::now() > deadline) return false;
            read(10);
        }
        return true;
    }
    bool until_answered() {
        return until([&] { return !head.empty(); });
    }
    bool until_closed() {
        return until([&] { return closed; });
    }
    bool until_frames(size_t count) {
        return until([&] { return frames() >= count; });
    }
    bool says(std::string_view text) const { return head.find(text) != head.npos; }
    /// Number of video and audio frames, without configuration.
    size_t frames() const {
        size_t count = 0;
        for (const flv::Tag &tag : tags)
            count += tag.kind != flv::TagKind::config && tag.kind != flv::TagKind::metadata;
        return count;
    }

    std::string name;           ///< as in the server's log
    std::string head;           ///< status line and headers
    std::string body;           ///< the part received so far
    std::vector<flv::Tag> tags; ///< if it is FLV
    std::string controls;       ///< WebSocket: opcode and payload of each control frame
    size_t messages = 0;        ///< WebSocket: binary frames
    bool closed = false, malformed = false;
    bool ended = false; ///< the last chunk was received

protected:
    /// Returns 0 at the end, -1 if there is no data yet although the socket is readable.
    virtual ssize_t receive(char *buffer, size_t size) {
        return std::max<ssize_t>(::recv(socket_, buffer, size, 0), 0);
    }
    int socket_ = -1;

private:
    void parse() {
        if (head.empty()) {
            const size_t end = input_.find("\r\n\r\n");
            if (end == input_.npos) return;
            head = input_.substr(0, end + 2);
            input_.erase(0, end + 4);
            chunked_ = says("Transfer-Encoding: chunked");
            websocket_ = says("101 ");
        }
        if (head_only_) {
            malformed |= !input_.empty();
        } else if (chunked_) {
            while (take_chunk()) {
            }
        } else if (websocket_) {
            while (take_frame()) {
            }
        } else {
            take(std::exchange(input_, {}));
        }
    }
    bool take_chunk() {
        const size_t line = input_.find("\r\n");
        if (line == input_.npos) return false;
        const size_t size = std::stoul(input_, nullptr, 16);
        if (input_.size() < line + 2 + size + 2) return false;
        malformed |= input_.compare(line + 2 + size, 2, "\r\n") != 0 || ended;
        ended |= size == 0;
        take(input_.substr(line + 2, size));
        input_.erase(0, line + 2 + size + 2);
        return true;
    }
    bool take_frame() {
        const auto byte = [&](size_t at) { return static_cast<uint8_t>(input_[at]); };
        if (input_.size() < 2) return false;
        size_t size = byte(1), head_size = 2;
        const size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (input_.size() < head_size + more) return false;
        if (more) size = 0;
        for (size_t i = 0; i < more; ++i)
            size = size << 8 | byte(head_size + i);
        head_size += more;
        if (input_.size() < head_size + size) return false;
        const std::string payload = input_.substr(head_size, size);
        if (byte(0) == 0x82) {
            ++messages;
            take(payload);
        } else {
            malformed |= !(byte(0) & 0x80) || !(byte(0) & 8);
            controls += std::to_string(byte(0) & 15) + ":" + payload + ";";
        }
        input_.erase(0, head_size + size);
        return true;
    }
    void take(const std::string &bytes) {
        body += bytes;
        if (says("video/x-flv") || websocket_)
            malformed |= flv_.push(Bytes::copy_of(bytes), tags).is_error();
    }

    bool chunked_ = false, websocket_ = false, head_only_ = false;
    std::string input_;
    flv::Normalizer flv_;
};

} // namespace http_test
