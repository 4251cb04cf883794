// SPDX-License-Identifier: LGPL-2.1-or-later
// An HTTP/2 connection over TLS on its loop: reads and writes for http2::ServerSession, and hands
// requests to streams.
#pragma once

#include "core/http2/session.h"
#include "core/net/http/exchange.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/stream/roster.h"
#include "core/net/tls/session.h"

#include <memory>
#include <string>
#include <unordered_map>

namespace penstock::net {

class Http2Stream;

/// Everything runs on the connection's loop, but for the methods marked "any thread".
class Http2Connection final : public std::enable_shared_from_this<Http2Connection>,
                              public RosterMember,
                              private http2::ServerSession::Handler {
public:
    /// `refused`: too many are connected; the first request gets a 503 response.
    Http2Connection(tcp::socket &&socket, std::unique_ptr<TlsSession> tls,
                    std::shared_ptr<const HttpSide> side, bool refused,
                    std::unique_ptr<WaitingRoom::Seat> place);
    ~Http2Connection() override;

    /// Serves requests until either side closes the connection.
    void start();
    size_t loop() const override { return side_->loop; }
    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override; ///< any thread

    // --- for streams -------------------------------------------------------------------------
    http2::ServerSession &session() { return session_; }
    HttpRoutes &routes() const { return *side_->routes; }
    /// Sends what was answered, soon: together with what else is answered meanwhile.
    void flush_soon();

private:
    void on_request(uint32_t stream, http2::Fields fields, bool header_too_large,
                    bool has_body) override;
    void on_body(uint32_t stream, ByteView data) override;
    void on_body_end(uint32_t stream) override;
    void on_closed(uint32_t stream, bool answered) override;
    void on_room(uint32_t stream, size_t written) override;

    void wait_readable();
    void read();
    void discard();
    void flush();
    void wait_writable();
    void failed(int error);
    void fail(const std::string &reason);
    void say_goodbye();
    void end();
    void close_now(LogLevel level, const std::string &reason);
    std::shared_ptr<Http2Stream> find(uint32_t stream) const;

    const std::shared_ptr<const HttpSide> side_;
    const bool refused_;
    std::unique_ptr<WaitingRoom::Seat> place_;
    tcp::socket socket_;
    const std::unique_ptr<TlsSession> tls_;
    http2::ServerSession session_;
    std::unordered_map<uint32_t, std::shared_ptr<Http2Stream>> streams_;
    uint64_t close_at_ms_ = 0; ///< not 0: nothing more is read, and it is closed then at last
    bool ended_ = false;       ///< nothing more is sent
    bool busy_ = false;        ///< in a call that flushes at its end
    bool will_flush_ = false;
    bool reading_ = false;
    bool waiting_ = false; ///< for the socket to take more
    bool closed_ = false;
};

} // namespace penstock::net
