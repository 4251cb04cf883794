// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer of a stream over HTTP or WebSocket: takes over a connection once its request is read.
#pragma once

#include "core/fanout/icy.h"
#include "core/http/websocket.h"
#include "core/net/http/live/stream.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/viewer.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/context.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// The parsed request for a stream.
struct HttpPlayRequest {
    PeerInfo peer; ///< without an id
    bool is_http_1_1 = false;
    bool keep_alive = false;
    bool titles = false;                      ///< Icy-MetaData: 1
    std::string websocket_key;                ///< empty: plain HTTP
    Admission admission;                      ///< that has let it in
    std::unique_ptr<TlsSession> tls;          ///< on the socket; nullptr: plain
    std::unique_ptr<WaitingRoom::Seat> place; ///< among its host's viewers
};

/// Further headers of a stream's answer, each line ended; for HEAD as well.
std::string stream_headers(const HttpStream &stream);

/// Everything runs on the connection's loop but for the methods marked "any thread".
class HttpViewer final : public std::enable_shared_from_this<HttpViewer>,
                         public Viewer,
                         public RosterMember,
                         private http::FrameReader::Handler {
public:
    HttpViewer(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpStream> stream,
               std::shared_ptr<Roster> viewers, HttpPlayRequest request);
    ~HttpViewer() override;

    /// `early`: what came behind the request.
    void start(ByteView early);
    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override; ///< any thread; not the peer's fault
    size_t loop() const override { return loop_; }

private:
    void on_ping(ByteView payload) override;
    void on_close(uint16_t code) override;

    bool is_websocket() const { return frames_ != nullptr; }
    void wait_readable();
    void read();
    void take(ByteView input);
    PeerInfo peer_info() const override { return peer_; }
    bool is_admitted() override;
    bool prepare(fanout::Outlet::Source &source, bool admitted) override;
    fanout::Outlet::Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                 uint64_t &sent, int &error) override;
    void wait_writable(fanout::Outlet::Status why) override;
    void wait_for_room();
    void deny(const std::string &reason);
    void answer();
    void send_own();
    void push_text(std::string_view text);
    void push_goodbye(uint16_t code);
    void send_pong();
    void close_now(LogLevel level, const std::string &reason) override;
    void say_ended() override { push_end(http::close_code::normal); }
    void finish() override;
    void push_end(uint16_t code);
    void say(LogLevel level, const std::string &text) const;

    tcp::socket socket_;
    const std::unique_ptr<TlsSession> tls_; ///< nullptr: plain
    const std::shared_ptr<HttpStream> stream_;
    const std::shared_ptr<Roster> viewers_;
    PeerInfo peer_;
    Admission admission_;
    std::unique_ptr<WaitingRoom::Seat> place_;
    std::string websocket_key_;
    std::unique_ptr<http::FrameReader> frames_;
    std::unique_ptr<fanout::IcyState> icy_; ///< wants titles
    std::vector<uint8_t> pong_;             ///< what the newest ping, not answered yet, brought
    uint64_t pong_at_ = 0;                  ///< ms: the last one
    size_t unasked_ = 0;      ///< bytes that a viewer sent though it has nothing to say
    bool answered_ = false;   ///< the answer's head is on its way
    bool says_close_ = false; ///< the answer says that the connection ends with it
    bool began_ = false;      ///< and what opens the stream, too
    bool reading_ = false, has_pong_ = false;
};

} // namespace penstock::net
