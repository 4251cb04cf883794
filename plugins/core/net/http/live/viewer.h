// SPDX-License-Identifier: LGPL-2.1-or-later
// One who watches a stream over HTTP or WebSocket: what is left of a connection once its request
// is read.
#pragma once

#include "core/fanout/icy.h"
#include "core/http/websocket.h"
#include "core/net/http/live/stream.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/tls/context.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::net {

class HttpViewer;

/// Those of one listener.
class HttpViewers : public std::enable_shared_from_this<HttpViewers> {
public:
    explicit HttpViewers(std::shared_ptr<Loops> loops);
    static constexpr size_t max_viewers = 16'000;

    bool is_full() const { return count_ >= max_viewers; }
    /// Both on its loop.
    void add(const std::shared_ptr<HttpViewer> &viewer);
    void remove(const std::shared_ptr<HttpViewer> &viewer);
    /// Closes all; waits for it unless called on a loop.
    void shutdown();
    Loops &loops() { return *loops_; }

private:
    struct PerLoop {
        std::set<std::shared_ptr<HttpViewer>> viewers; ///< touched by its loop alone
        std::unique_ptr<boost::asio::steady_timer> timer;
    };
    void check(size_t loop);
    void wait(size_t loop);

    const std::shared_ptr<Loops> loops_;
    std::vector<PerLoop> per_loop_;
    std::atomic<size_t> count_{0};
    std::atomic<bool> closing_{false};
};

/// What a request for a stream asked for.
struct HttpPlayRequest {
    PeerInfo peer; ///< without an id
    bool keep_alive = false;
    bool titles = false;       ///< Icy-MetaData: 1
    std::string websocket_key; ///< empty: plain HTTP
    uint64_t passed_gate = 0;
    std::vector<std::shared_ptr<PeerWatch>> watches; ///< of the listener; they have said yes
    std::shared_ptr<PeerWatch> path_watch;           ///< of the gate that was passed
    std::unique_ptr<TlsSession> tls;                 ///< on the socket; nullptr: plain
};

/// Further headers of a stream's answer, each line ended; for HEAD as well.
std::string stream_headers(const HttpStream &stream);

/// Everything runs on the connection's loop but for the methods marked "any thread".
class HttpViewer final : public std::enable_shared_from_this<HttpViewer>,
                         public Viewer,
                         private http::FrameReader::Handler {
public:
    HttpViewer(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpStream> stream,
               std::shared_ptr<HttpViewers> viewers, HttpPlayRequest request);
    ~HttpViewer() override;

    /// `early`: what came behind the request.
    void start(ByteView early);
    void pump(fanout::BatchCache &cache) override;
    /// Called about once a second.
    void check(uint64_t now_ms);
    void close(const std::string &reason); ///< any thread; not the peer's fault
    size_t loop() const { return loop_; }

private:
    void on_ping(ByteView payload) override;
    void on_close(uint16_t code) override;

    bool is_websocket() const { return frames_ != nullptr; }
    void wait_readable();
    void read();
    void take(ByteView input);
    void wait_writable();
    void serve();
    bool passes_gate();
    void deny(const std::string &reason);
    void answer();
    fanout::Outlet::Status send(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                uint64_t &sent, int &error);
    void push_text(std::string_view text);
    void push_goodbye(uint16_t code);
    void send_pong();
    void close_now(LogLevel level, const std::string &reason);
    void say(LogLevel level, const std::string &text) const;

    tcp::socket socket_;
    const std::unique_ptr<TlsSession> tls_; ///< nullptr: plain
    const std::shared_ptr<HttpStream> stream_;
    const std::shared_ptr<HttpViewers> viewers_;
    fanout::Outlet outlet_;
    PeerInfo peer_;
    std::string websocket_key_;
    std::unique_ptr<http::FrameReader> frames_;
    std::unique_ptr<fanout::IcyState> icy_; ///< wants titles
    std::vector<uint8_t> pong_;             ///< what the newest ping, not answered yet, brought
    std::vector<std::shared_ptr<PeerWatch>> told_; ///< of the listener: they know of this peer
    std::shared_ptr<PeerWatch> told_path_;         ///< and that of the feed
    uint64_t passed_gate_ = 0;
    uint64_t stalled_since_ = 0; ///< ms; 0: the peer reads
    uint64_t pong_at_ = 0;       ///< ms: the last one
    size_t unasked_ = 0;         ///< bytes that a viewer sent though it has nothing to say
    const uint32_t loop_;
    fanout::Framing framing_ = fanout::Framing::none;
    bool asking_ = false;
    bool answered_ = false; ///< the answer's head is on its way
    bool began_ = false;    ///< and what opens the stream, too
    bool reading_ = false, writing_ = false, has_pong_ = false;
    bool closed_ = false;
};

} // namespace penstock::net
