// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTMP peer on its loop: moves bytes between the socket, the session and the mount. What it
// does as a publisher is in publish_side.cpp, as a player in play_side.cpp, TLS in tls_side.cpp.
#pragma once

#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtmp/mount.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/silent_room.h"
#include "core/net/stream/viewer.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/session.h"
#include "core/rtmp/server_session.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace penstock::net {

class RtmpState;

/// Everything runs on the connection's loop but for the methods marked "any thread".
class RtmpConnection final : public std::enable_shared_from_this<RtmpConnection>,
                             public Viewer,
                             public RosterMember,
                             public Publisher,
                             private Polled,
                             private rtmp::ServerSession::Handler {
public:
    RtmpConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtmpState> state);
    ~RtmpConnection() override;

    /// Places that it occupies: as long as it is open, and until it publishes or plays.
    void hold(std::unique_ptr<WaitingRoom::Seat> place, std::unique_ptr<SilentRoom::Seat> silent) {
        place_ = std::move(place);
        silent_ = std::move(silent);
    }
    /// Closes it if it still has not published or played: its place is another's. Any thread.
    void make_room();
    void start();
    /// "rtmp-publish-3 127.0.0.1:53412"; fixed once the peer has said what it wants.
    const std::string &name() const override { return name_; }
    size_t loop() const override { return loop_; }
    // As a Publisher; any thread. The key does not change while it waits to be claimed.
    bool has_key(std::string_view key) const override;
    void accept_publish() override;
    void ask_receiver() override;
    void refuse_publish(const std::string &reason) override;
    void resume() override;
    bool is_backup() const override { return is_backup_; }
    bool is_leaving() const override { return is_leaving_; }
    void give_way(const std::string &reason) override;

    /// If it publishes (or plays) `path`, and can.
    void ask_to_reconnect(const std::string &path, bool publisher, const std::string &url,
                          const std::string &description);

    void close(const std::string &reason) override; ///< any thread; not the peer's fault
    void check(uint64_t now_ms) override;
    void close_now(LogLevel level, const std::string &reason) override;

private:
    enum class Role { none, publish_pending, publisher, play_pending, player };
    void on_request(const rtmp::StreamRequest &request) override;
    void on_tag(flv::Tag &&tag) override;
    void on_stop() override;
    void on_warning(const std::string &text) override;
    void feed(ByteView input);

    void on_ready(uint32_t events) override;
    void lost(int error);
    void read();

    // --- TLS ----------------------------------------------------------------------------------
    /// Looks at the peer's first byte and shakes hands if it is TLS. False while it has to wait,
    /// or if the connection is closed.
    bool greet();
    bool shake_hands();
    ssize_t receive(uint8_t *data, size_t size);

    boost::asio::io_context &context() const;
    bool is_reset();
    void refuse(rtmp::Refusal why, const std::string &what, LogLevel level = LogLevel::warning);
    void rename(const char *kind);
    void say(LogLevel level, const std::string &text) const;

    // --- as a Viewer, and for whatever is answered --------------------------------------------
    PeerInfo peer_info() const override;
    bool is_admitted() override;
    bool prepare(fanout::Outlet::Source &source, bool admitted) override;
    fanout::Outlet::Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                 uint64_t &sent, int &error) override;
    void wait_writable(fanout::Outlet::Status why) override;
    void say_ended() override { session_.notify_unpublished(); }
    void answer();

    // --- publishing ---------------------------------------------------------------------------
    void begin_publish(const rtmp::StreamRequest &request);
    /// Whether somebody takes a stream of this path and the publisher has its key; refuses it
    /// otherwise.
    bool may_publish(const std::string &path, std::shared_ptr<const LeaseOptions> &lease);
    void publish_as(const std::string &path);
    void refuse_name();
    void admit_publish(const std::string &path, std::shared_ptr<const LeaseOptions> lease);

    // --- playing ------------------------------------------------------------------------------
    void begin_play(const rtmp::StreamRequest &request);
    void admit_play(const std::string &path);
    void ask_to_play(const std::string &path, const DemandOptions &demand);
    void refuse_play(const std::string &path, const std::string &reason);
    void refuse_unknown(const std::string &path);
    void play(const std::string &path);
    bool is_known(const std::string &path) const;
    uint8_t features() const;
    /// Why the player can't play what the mount has; empty if it can, or if that is unknown yet.
    std::string lacking_codec(const RtmpMount &mount) const;

    // --- admission ----------------------------------------------------------------------------
    /// Asks the listener's watchers and `path`; `admit` is called when all have allowed it.
    void ask(const Authority &path, std::function<void()> admit);
    /// The same for a path whose authority has changed; of a player, without holding it up.
    void ask_again(const Authority &path, std::function<void()> admit);
    void wait_for_answer(std::function<void()> admit);
    void on_answer(bool allowed, const std::string &reason);
    void deny(const std::string &reason);
    void cancel_question();

    void leave(const std::string &reason);
    /// The same, and writes the reason to the log.
    void take_leave(LogLevel level, const std::string &reason);
    /// Ends the connection of a publisher that has been told why. It may be sending: a socket with
    /// unread bytes is closed by a reset, which takes what it was told with it. So it gets a FIN,
    /// and what it sends is read and dropped until it closes; RtmpLimits::farewell_ms at most.
    void part_ways(LogLevel level, const std::string &reason);
    /// Sends the FIN once everything is written.
    void end_output();
    /// Tells a publisher why its stream ends, and parts.
    void dismiss(rtmp::Refusal why, const std::string &reason, LogLevel level);

    const std::string endpoint_;
    const int socket_;                ///< closed by close_now()
    std::unique_ptr<TlsSession> tls_; ///< nullptr: plain
    const std::shared_ptr<RtmpState> state_;
    rtmp::ServerSession session_;
    std::shared_ptr<RtmpMount> mount_; ///< that it publishes or plays
    std::string name_;
    std::string key_;             ///< of a publisher; fixed before its mount knows it
    rtmp::StreamRequest request_; ///< the last one
    Admission admission_;
    std::function<void()> admit_;             ///< what follows when the open question is answered
    std::unique_ptr<WaitingRoom::Seat> seat_; ///< of a player that waits for a producer
    std::unique_ptr<WaitingRoom::Seat> place_;
    std::unique_ptr<SilentRoom::Seat> silent_;
    unsigned requests_ = 0;
    uint64_t deadline_ms_ = 0; ///< 0: none; not looked at while a question is open
    uint64_t heard_ms_ = 0;    ///< when a publisher's last media came
    Role role_ = Role::none;
    bool paused_ = false;  ///< nothing is read: the receiver's queue is full, or nobody has claimed
    bool greeting_;        ///< the peer has not said yet whether it speaks TLS, or shakes hands
    bool reading_ = false; ///< will read on after others' turn
    bool ended_ = false;   ///< the peer sends nothing but what is there to be read
    bool is_backup_ = false;              ///< a publisher that came with ?backup=1; fixed like key_
    std::atomic<bool> is_leaving_{false}; ///< set once it was asked to connect again
    bool is_parting_ = false;             ///< see part_ways()
};

} // namespace penstock::net
