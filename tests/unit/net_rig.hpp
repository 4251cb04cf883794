// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the RTMP server's tests: a listener on loopback, a peer with a real socket, and the
// log. Include it before check.hpp.
#pragma once

#include "core/net/loop/log.h"
#include "core/net/rtmp/server.h"

#include "eventually.hpp"
#include "flv_samples.hpp"
#include "unit/loopback.hpp"
#include "unit/rtmp_client.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace net_test {

using namespace penstock;
using penstock_test::eventually;
using rtmp_test::Client;
namespace type = rtmp_test::type;

/// Captures the core's log during its lifetime.
class Log {
public:
    Log() {
        std::lock_guard lock(mutex());
        lines().clear();
        net::set_log_function([](net::LogLevel level, const char *, const std::string &text) {
            std::lock_guard held(mutex());
            lines().push_back({level, text});
        });
    }
    ~Log() { net::set_log_function(nullptr); }
    /// Whether a warning names this peer and contains this text.
    bool warned(const std::string &peer, const std::string &text) const {
        std::lock_guard lock(mutex());
        for (const auto &[level, line] : lines())
            if (level == net::LogLevel::warning && line.find(peer) != line.npos &&
                line.find(text) != line.npos)
                return true;
        return false;
    }
    std::string all() const {
        std::lock_guard lock(mutex());
        std::string text;
        for (const auto &[level, line] : lines())
            text += std::to_string(int(level)) + " " + line + "\n";
        return text;
    }

private:
    static std::mutex &mutex() {
        static std::mutex instance;
        return instance;
    }
    static std::vector<std::pair<net::LogLevel, std::string>> &lines() {
        static std::vector<std::pair<net::LogLevel, std::string>> instance;
        return instance;
    }
};

/// A client on a real socket. Data from the server becomes tags, and text for searching.
class Peer {
public:
    /// `host`: its own address, 127.0.0.x.
    explicit Peer(uint16_t port, int receive_buffer = 0, const char *host = "127.0.0.1") {
        auto connection = penstock_test::connect_to(port, receive_buffer, host);
        socket_ = connection.socket;
        connected_ = connection.connected;
        name = std::move(connection.name);
    }
    virtual ~Peer() { close(); }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    /// Closes without FIN: the server gets RST.
    void reset() {
        const linger now{1, 0};
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    /// Sends the content of `out`. Returns false if the server has closed.
    bool flush() {
        const std::vector<uint8_t> bytes = out.out.take();
        for (size_t sent = 0; sent < bytes.size();) {
            const ssize_t n = write_some(bytes.data() + sent, bytes.size() - sent);
            if (n <= 0) return false;
            sent += static_cast<size_t>(n);
        }
        return true;
    }
    bool play(const char *name_of_stream) {
        out.handshake().connect("live").play(name_of_stream);
        return flush();
    }
    bool publish(const char *name_of_stream) {
        out.handshake().connect("live").publish(name_of_stream);
        return flush();
    }
    bool send(const flv::Tag &tag) {
        out.message(static_cast<uint8_t>(tag.type), tag.timestamp, 1, tag.body().view(),
                    tag.type == flv::TagType::video ? 6 : 4);
        return flush();
    }
    /// Reads available data, waiting up to `wait_ms` for some. Returns false once the connection is
    /// closed.
    bool read(int wait_ms = 0) {
        pollfd wanted{socket_, POLLIN, 0};
        if (closed || (!has_pending() && ::poll(&wanted, 1, wait_ms) <= 0)) return !closed;
        static thread_local uint8_t buffer[1 << 16];
        const ssize_t n = read_some(buffer, sizeof buffer);
        if (n <= 0) {
            closed = true;
            return false;
        }
        ByteView view(buffer, static_cast<size_t>(n));
        const size_t skip = std::min<size_t>(greeting_, view.size());
        greeting_ -= skip;
        malformed |= reader_.feed(view.subspan(skip)).is_error();
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
    bool until_closed() {
        return until([&] { return closed; });
    }
    bool until_said(std::string_view what) {
        return until([&] { return said.find(what) != said.npos; });
    }
    /// Whether the server ends the connection with FIN, having read what was sent. A reset would
    /// take the server's last words with it.
    bool ends_in_order() {
        uint8_t rest[4096];
        if (!until_closed()) return false;
        ssize_t got = 0;
        while ((got = ::recv(socket_, rest, sizeof rest, 0)) > 0) {
        }
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        return got == 0 && error == 0;
    }
    size_t frames() const {
        return static_cast<size_t>(std::count_if(tags.begin(), tags.end(), [](const flv::Tag &tag) {
            return tag.kind != flv::TagKind::config && tag.kind != flv::TagKind::metadata;
        }));
    }
    /// The index of the first tag of a track that is earlier than its predecessor; -1: none.
    int goes_back() const {
        std::map<flv::TagType, uint32_t> last;
        for (size_t i = 0; i < tags.size(); ++i) {
            const auto found = last.find(tags[i].type);
            if (found != last.end() && static_cast<int32_t>(tags[i].timestamp - found->second) < 0)
                return static_cast<int>(i);
            last[tags[i].type] = tags[i].timestamp;
        }
        return -1;
    }

    Client out;
    std::string name; ///< as in the server's log
    std::vector<flv::Tag> tags;
    std::string said; ///< bodies of all messages that are not media
    bool closed = false, malformed = false;
    bool connected() const { return connected_; }
    int socket() const { return socket_; }

protected:
    virtual ssize_t write_some(const uint8_t *data, size_t size) {
        return ::send(socket_, data, size, MSG_NOSIGNAL);
    }
    virtual ssize_t read_some(uint8_t *data, size_t size) { return ::recv(socket_, data, size, 0); }
    virtual bool has_pending() const { return false; }

private:
    Result take(rtmp::Message &&message) {
        if (message.type == rtmp::message_type::audio || message.type == rtmp::message_type::video)
            tags.push_back(flv::frame_tag(static_cast<flv::TagType>(message.type),
                                          message.timestamp, std::move(message.framed)));
        else
            said.append(message.body().begin(), message.body().end());
        return Result::ok();
    }
    int socket_ = -1;
    bool connected_ = false;
    size_t greeting_ = 3073;
    rtmp::ChunkReader reader_{{}, [this](rtmp::Message &&m) { return take(std::move(m)); }};
};

/// Stands for a pipeline: receives a publisher's stream and feeds it to players.
struct Relay : net::TagReceiver {
    void on_published(const net::Publisher &) override { ++published; }
    void on_unpublished(const std::string &) override { ++unpublished; }
    bool on_tag(flv::Tag &&tag) override {
        ++received;
        if (feed) feed->push(tag);
        return !full;
    }
    bool on(net::RtmpServer &server, const std::string &from, const std::string &to,
            const net::ClaimOptions &options = {}) {
        std::string error;
        if (!to.empty())
            feed = server.feed(to, {.history = {.keep = 2'000'000'000}, .ending = ending}, &error);
        claim = server.claim(from, *this, options, &error);
        return claim && (to.empty() || feed);
    }
    std::atomic<int> published{0}, unpublished{0}, received{0};
    std::atomic<bool> full{false};
    net::Ending ending;
    std::unique_ptr<net::PlayFeed> feed;
    std::unique_ptr<net::PublishClaim> claim; ///< released first
};

inline std::shared_ptr<net::RtmpServer> open_server(const net::RtmpLimits &limits = {}) {
    std::string error;
    return net::RtmpServer::open({"127.0.0.1", 0}, &error, limits);
}

/// A lease that matches every name and ignores publishers.
inline net::LeaseOptions everything() {
    return {[](std::string_view) { return true; }, [](const net::PublishAttempt &) {}, {}};
}

/// A video tag with a single slice whose body has this size in bytes.
inline flv::Tag big_frame(uint32_t ms, bool key, size_t size) {
    std::vector<uint8_t> body(size, 0x55);
    const size_t unit = size - 9; // without the tag's header and the unit's length
    const uint8_t head[] = {uint8_t(key ? 0x17 : 0x27),
                            1,
                            0,
                            0,
                            0,
                            uint8_t(unit >> 24),
                            uint8_t(unit >> 16),
                            uint8_t(unit >> 8),
                            uint8_t(unit),
                            uint8_t(key ? 0x65 : 0x41)};
    std::copy(std::begin(head), std::end(head), body.begin());
    return flv::make_tag(flv::TagType::video, ms, body);
}

/// Whether a publisher of this name is accepted, possibly after several attempts.
inline bool can_publish(uint16_t port, const char *name) {
    return eventually([&] {
        Peer publisher(port);
        publisher.publish(name);
        publisher.until([&] {
            return publisher.closed ||
                   publisher.said.find("NetStream.Publish.") != std::string::npos;
        });
        return publisher.said.find("NetStream.Publish.Start") != std::string::npos;
    });
}

} // namespace net_test
