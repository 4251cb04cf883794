// SPDX-License-Identifier: LGPL-2.1-or-later
// A small RTSP client on a real socket, and a server with a feed and a receiver. Include it before
// check.hpp.
#pragma once

#include "core/bytes/base64.h"
#include "core/net/rtsp/server.h"
#include "core/net/tls/hash.h"
#include "core/net/tls/random.h"
#include "core/rtp/packet.h"
#include "core/rtsp/client_authentication.h"
#include "core/rtsp/reader.h"
#include "core/rtsp/transport.h"

#include "eventually.hpp"
#include "flv_samples.hpp"
#include "unit/loopback.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rtsp_test {

using namespace penstock;
using penstock_test::eventually;

/// Gathers answers, and the packets of each channel.
class Client : private rtsp::MessageReader::Handler {
public:
    explicit Client(uint16_t port, const char *host = "127.0.0.1") : port_(port) {
        socket_ = penstock_test::connect_to(port, 0, host).socket;
    }
    ~Client() override { close(); }
    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    std::string url(const std::string &path) const {
        return "rtsp://127.0.0.1:" + std::to_string(port_) + "/" + path;
    }
    bool send(std::string_view bytes) {
        return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size());
    }
    /// Sends what the socket takes within half a second: bytes, or -1.
    ssize_t try_send(std::string_view bytes) {
        pollfd wanted{socket_, POLLOUT, 0};
        if (::poll(&wanted, 1, 500) <= 0) return -1;
        return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    size_t answers() const { return answers_; }
    /// After TEARDOWN.
    void forget_session() { session_.clear(); }
    /// Sends a request and waits for its answer; the status, 0: the connection has ended.
    unsigned ask(rtsp::Method method, const std::string &uri, rtsp::Headers headers = {},
                 std::string body = {}) {
        rtsp::Request request;
        request.method = method;
        request.uri = uri;
        request.headers = std::move(headers);
        request.headers.add("CSeq", std::to_string(++cseq_));
        request.headers.add("User-Agent", "test");
        if (!session_.empty()) request.headers.add("Session", session_);
        request.body = std::move(body);
        if (authentication) authentication->authorize(request);
        send(rtsp::write(request));
        const size_t before = answers_;
        if (!until([&] { return answers_ > before; })) return 0;
        if (const std::string_view session = answer.headers.get("Session"); !session.empty())
            session_ = session.substr(0, session.find(';'));
        return answer.status;
    }
    unsigned set_up(const std::string &path, size_t track, const std::string &transport) {
        return ask(rtsp::Method::setup, url(path) + "/trackID=" + std::to_string(track),
                   {{"Transport", transport}});
    }
    /// DESCRIBE, SETUP of two tracks within the connection, and PLAY.
    bool play(const std::string &path, size_t tracks = 2) {
        if (ask(rtsp::Method::describe, url(path)) != 200) return false;
        for (size_t i = 0; i < tracks; ++i)
            if (set_up(path, i, "RTP/AVP/TCP;unicast;interleaved=0-1") != 200) return false;
        return ask(rtsp::Method::play, url(path)) == 200;
    }
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition()) {
            if (closed || std::chrono::steady_clock::now() > deadline) return false;
            read();
        }
        return true;
    }
    bool until_closed() {
        until([&] { return closed; });
        return closed;
    }
    void read() {
        pollfd wanted{socket_, POLLIN, 0};
        if (::poll(&wanted, 1, 10) <= 0) return;
        uint8_t buffer[1 << 16];
        const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
        if (size <= 0)
            closed = true;
        else
            malformed |= reader_.feed({buffer, size_t(size)}).is_error();
    }

    rtsp::Response answer;
    std::map<uint8_t, std::vector<std::vector<uint8_t>>> packets; ///< by channel
    bool closed = false, malformed = false;
    rtsp::ClientAuthentication *authentication = nullptr;

private:
    bool on_request(rtsp::Request &&) override { return true; }
    bool on_response(rtsp::Response &&response) override {
        answer = std::move(response);
        ++answers_;
        return true;
    }
    bool on_interleaved(uint8_t channel, ByteView payload) override {
        packets[channel].emplace_back(payload.begin(), payload.end());
        return true;
    }
    const uint16_t port_;
    int socket_ = -1;
    uint32_t cseq_ = 0;
    size_t answers_ = 0;
    std::string session_;
    rtsp::MessageReader reader_{*this};
};

inline std::shared_ptr<net::RtspServer> open_server(const net::RtspOptions &options = {},
                                                    const net::RtspLimits &limits = {}) {
    std::string error;
    return net::RtspServer::open({"127.0.0.1", 0}, options, &error, limits);
}

/// A stream of video and audio.
class Feed {
public:
    explicit Feed(net::RtspServer &server, const char *path = "live/cam",
                  const net::PlayFeedOptions &options = {}) {
        std::string error;
        feed = server.feed(path, options, &error);
        feed->push(samples::video_config());
        feed->push(samples::audio_config());
        frame(true);
    }
    void frame(bool key = false) {
        feed->push(samples::video_frame(ms, key, uint8_t(ms)));
        feed->push(samples::audio_frame(ms, uint8_t(ms)));
        ms += 40;
    }
    std::unique_ptr<net::PlayFeed> feed;
    uint32_t ms = 0;
};

/// What a publisher sends.
class Receiver final : public net::TagReceiver {
public:
    void on_published(const net::Publisher &) override {
        std::lock_guard lock(mutex_);
        ++published_;
    }
    void on_unpublished(const std::string &) override {
        std::lock_guard lock(mutex_);
        ++unpublished_;
    }
    bool on_tag(flv::Tag &&tag) override {
        std::lock_guard lock(mutex_);
        tags_.push_back(std::move(tag));
        return true;
    }
    int published() const {
        std::lock_guard lock(mutex_);
        return published_;
    }
    int unpublished() const {
        std::lock_guard lock(mutex_);
        return unpublished_;
    }
    std::vector<flv::Tag> tags() const {
        std::lock_guard lock(mutex_);
        return tags_;
    }

private:
    mutable std::mutex mutex_;
    int published_ = 0, unpublished_ = 0;
    std::vector<flv::Tag> tags_;
};

/// A UDP socket of a client, with a port of the system's choice.
class Datagrams {
public:
    Datagrams() {
        socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address);
        socklen_t size = sizeof address;
        ::getsockname(socket_, reinterpret_cast<sockaddr *>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~Datagrams() { ::close(socket_); }
    /// The next one; empty: none came within `wait_ms`.
    std::vector<uint8_t> next(int wait_ms = 20'000) {
        pollfd wanted{socket_, POLLIN, 0};
        if (::poll(&wanted, 1, wait_ms) <= 0) return {};
        std::vector<uint8_t> bytes(2048);
        const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
        bytes.resize(size > 0 ? size_t(size) : 0);
        return bytes;
    }
    void send(uint16_t to, ByteView bytes) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(to);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr *>(&address),
                 sizeof address);
    }
    uint16_t port = 0;

protected:
    int socket_;
};

/// Receives a group on loopback, at an even port of the system's choice.
class GroupMember final : public Datagrams {
public:
    explicit GroupMember(const char *group) {
        for (std::vector<std::unique_ptr<Datagrams>> others; port % 2 != 0;) {
            others.push_back(std::make_unique<Datagrams>());
            port = others.back()->port;
        }
        // Of the group's address instead of loopback's.
        const int all = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ::close(socket_);
        socket_ = all;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        ::inet_pton(AF_INET, group, &address.sin_addr);
        ::bind(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address);
        ip_mreq membership{};
        membership.imr_multiaddr = address.sin_addr;
        membership.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
        ::setsockopt(socket_, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership);
    }
};

} // namespace rtsp_test
