// SPDX-License-Identifier: LGPL-2.1-or-later
// A client on its loop: one attempt after another, and what happens in between.
#pragma once

#include "core/net/client/dialer.h"
#include "core/net/client/socket.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/loop/loops.h"
#include "core/net/rtmp/client.h"
#include "core/net/rtmp/client_media.h"
#include "core/rtmp/client_redirect.h"
#include "core/rtmp/client_session.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace penstock::net {

/// Everything runs on its loop but for the methods marked "any thread".
class ClientLink final : public std::enable_shared_from_this<ClientLink>,
                         private Polled,
                         private rtmp::ClientSession::Handler {
public:
    ClientLink(std::shared_ptr<Loops> loops, RtmpClientOptions options,
               std::shared_ptr<TlsClient> tls, RtmpClientEvents &events);

    void start();
    /// There is media to send.
    void wake();
    void resume();
    /// Sends what is queued for up to a second, then closes and calls `done`.
    void finish(std::function<void()> done);

    boost::asio::io_context &context() const { return loops_->at(loop_); }
    const std::shared_ptr<Loops> &loops() const { return loops_; }
    ClientMedia &media() { return media_; } ///< any thread
    RtmpClientTotals totals() const;        ///< any thread
    /// Any thread; the kernel is asked now.
    RtmpClientBacklog backlog();

private:
    void on_ready(uint32_t events) override;
    void on_started() override;
    void on_tag(flv::Tag &&tag) override;
    void on_reconnect(const rtmp::ReconnectRequest &request) override;
    void on_warning(const std::string &text) override;

    void attempt();
    void begin_session();
    void read();
    void feed(ByteView input);
    void pump();
    void tell_sent();
    void lost(const std::string &reason, bool refused);
    void left_by_server();
    void leave();
    void go_home();
    void retry_in(uint64_t ms);
    void tick();
    void check();
    void stop_now();
    void change(RtmpClientChange::State state, const std::string &reason = {}, bool refused = false,
                uint64_t retry_ms = 0);
    void say(LogLevel level, const std::string &text) const;

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    const RtmpClientOptions options_;
    rtmp::ClientUrl url_; ///< options_.url, or where a server has sent this client
    std::shared_ptr<TlsClient> tls_;
    RtmpClientEvents *events_; ///< nullptr once finished
    ClientMedia media_;
    Timer retry_, tick_;
    rtmp::Backoff backoff_;
    std::minstd_rand random_;

    std::mutex socket_mutex_; ///< held while socket_ opens or closes, and by backlog()
    ClientSocket socket_;
    Dialer dialer_;
    std::optional<rtmp::ClientSession> session_;
    std::vector<fanout::PacketPtr> packets_;
    uint64_t media_base_ = 0; ///< bytes that this connection had queued before its first media
    uint64_t commands_ = 0;   ///< bytes of commands queued after that
    uint64_t deadline_ms_ = 0, live_since_ms_ = 0, progress_ms_ = 0, heard_ms_ = 0;
    uint64_t finish_ms_ = 0;
    std::function<void()> done_;
    // --- asked to connect again
    std::optional<rtmp::ClientUrl> next_; ///< where to, until this connection is left
    std::string leave_reason_;
    uint64_t leave_ms_ = 0;              ///< when it is left without a keyframe
    bool leaves_at_once_ = false;        ///< or is being left
    bool is_redirected_ = false;         ///< url_ is not options_.url
    bool told_refused_redirect_ = false; ///< this connection's first one
    unsigned redirects_ = 0;             ///< in a row, without a connection that lasted
    Reach reach_ = Reach::world;         ///< of the server that was reached last
    bool attempting_ = false;            ///< from attempt() to lost()
    bool paused_ = false;                ///< nothing is read: the player's queue is full
    bool was_live_ = false;
    std::atomic<uint64_t> media_written_ = 0; ///< bytes of media that this connection has written
    std::atomic<bool> live_ = false;
    std::atomic<uint64_t> bytes_in_ = 0, bytes_out_ = 0, connections_ = 0;
    uint64_t counted_ = 0; ///< bytes of this connection in bytes_out_
};

} // namespace penstock::net
