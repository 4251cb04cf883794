// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of RTSP on its loop: one attempt after another, and what happens in between.
#pragma once

#include "core/net/client/dialer.h"
#include "core/net/client/socket.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/loop/loops.h"
#include "core/net/rtsp/client.h"
#include "core/net/rtsp/client_ports.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace penstock::net {

/// Everything runs on its loop but for totals().
class RtspClientLink final : public std::enable_shared_from_this<RtspClientLink>,
                             private Polled,
                             private rtsp::ClientSession::Handler,
                             private rtsp::ClientMedia::Handler {
public:
    RtspClientLink(std::shared_ptr<Loops> loops, RtspClientOptions options,
                   std::shared_ptr<TlsClient> tls, RtspClientEvents &events);

    void start();
    void resume();
    /// Ends the session and closes; nothing is told from then on.
    void finish();

    boost::asio::io_context &context() const { return loops_->at(loop_); }
    RtspClientTotals totals() const; ///< any thread but this loop's

private:
    void on_ready(uint32_t events) override;

    void on_tracks(const std::vector<rtsp::ClientTrack> &tracks) override;
    std::optional<rtsp::PortPair> open_ports(size_t track) override;
    void on_server_ports(size_t track, const std::string &source, rtsp::PortPair ports) override;
    bool join(size_t track, const sdp::MulticastGroup &group) override;
    void on_playing() override;
    void on_packet(size_t track, bool is_rtcp, ByteView packet) override;

    void on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) override;
    void on_frame(size_t track, const rtsp::TrackCodec &codec,
                  rtsp::ElementaryFrame &&frame) override;
    void on_report(size_t track, ByteView compound) override;
    void on_oddity(const std::string &text) override;

    void attempt();
    void begin_session();
    void read();
    /// Whether RTP comes, or will come, within the connection.
    bool is_interleaved() const;
    void pump();
    void ended(const std::string &reason);
    void lost(const std::string &reason, bool refused, bool at_once = false);
    void try_next_protocol();
    void close();
    void retry_in(uint64_t ms);
    void tick();
    void check();
    void wait_for_media();
    ClientPorts &ports(size_t track);
    void change(ClientChange::State state, const std::string &reason = {}, bool refused = false,
                uint64_t retry_ms = 0);
    void say(LogLevel level, const std::string &text) const;
    void remember_stats();

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    const RtspClientOptions options_;
    const uint32_t ssrc_;
    rtsp::Url url_; ///< options_.url, or where a server has sent this client
    std::shared_ptr<TlsClient> tls_;
    RtspClientEvents *events_; ///< nullptr once finished
    Timer retry_, tick_, media_timer_;
    rtmp::Backoff backoff_;
    std::minstd_rand random_;
    std::mutex socket_mutex_;
    ClientSocket socket_;
    Dialer dialer_;
    std::optional<rtsp::ClientSession> session_;
    std::optional<rtsp::ClientMedia> media_;
    std::vector<std::unique_ptr<ClientPorts>> ports_; ///< by track
    size_t protocol_ = 0;                             ///< to begin with, of the options' list
    size_t silent_protocols_ = 0; ///< over which nothing has come, one after the other
    uint64_t deadline_ms_ = 0, playing_since_ms_ = 0, live_since_ms_ = 0, heard_ms_ = 0;
    bool attempting_ = false; ///< from attempt() to lost()
    bool playing_ = false;    ///< PLAY was answered
    bool is_live_ = false;    ///< there was media
    bool paused_ = false;     ///< there is no room for tags
    bool media_timer_set_ = false;
    bool reading_ = false; ///< will read on after others' turn
    // --- redirected
    std::optional<rtsp::Url> next_;
    bool is_redirected_ = false; ///< url_ is not options_.url
    unsigned redirects_ = 0;     ///< in a row, without a connection that lasted
    Reach reach_ = Reach::machine;
    std::atomic<uint64_t> bytes_in_ = 0, bytes_out_ = 0, connections_ = 0, dropped_ = 0;
    std::atomic<bool> live_ = false;
    mutable std::mutex stats_mutex_; ///< what follows
    std::string shown_protocol_;
    std::vector<rtsp::ClientMedia::TrackStats> shown_tracks_;
};

} // namespace penstock::net
