// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTMP peer on its loop: moves bytes between the socket, the session and the mount.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtmp/mount.h"
#include "core/net/stream/roster.h"
#include "core/rtmp/server_session.h"

#include <memory>
#include <string>

namespace penstock::net {

class RtmpState;

/// Everything runs on the connection's loop but for the methods marked "any thread".
class RtmpConnection final : public std::enable_shared_from_this<RtmpConnection>,
                             public Viewer,
                             public RosterMember,
                             private Polled,
                             private rtmp::ServerSession::Handler {
public:
    RtmpConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtmpState> state);
    ~RtmpConnection() override;

    void start();
    /// "rtmp-publish-3 127.0.0.1:53412"; fixed once the peer has said what it wants.
    const std::string &name() const { return name_; }
    size_t loop() const override { return loop_; }
    /// Any thread, while it waits to be claimed: whether it came with this key.
    bool has_key(std::string_view key) const;

    void accept_publish();                          ///< any thread: somebody takes the stream
    void ask_receiver();                            ///< any thread: somebody will, if it may
    void refuse_publish(const std::string &reason); ///< any thread: nobody will
    void resume();                                  ///< any thread: read on
    void close(const std::string &reason) override; ///< any thread; not the peer's fault
    /// Sends what there is for this peer.
    void pump(fanout::BatchCache &cache) override;
    void check(uint64_t now_ms) override;
    void close_now(LogLevel level, const std::string &reason);

private:
    enum class Role { none, publish_pending, publisher, play_pending, player };
    /// Who still has to be asked about this peer, and what follows.
    struct Question {
        std::vector<std::shared_ptr<PeerWatch>> watches; ///< nullptr: nobody
        std::function<void()> admit;
        uint64_t deadline_before = 0; ///< ms
        bool is_open = false;
    };

    void on_request(const rtmp::StreamRequest &request) override;
    void on_tag(flv::Tag &&tag) override;
    void on_stop() override;
    void on_warning(const std::string &text) override;
    void feed(ByteView input);

    void answer();
    void on_ready(uint32_t events) override;
    void lost(int error);
    void read();
    void pump_on();
    boost::asio::io_context &context() const;
    bool is_reset();
    void begin_publish(const rtmp::StreamRequest &request);
    void begin_play(const rtmp::StreamRequest &request);
    void ask_to_play(const std::string &path, const DemandOptions &demand, uint64_t gate,
                     std::shared_ptr<PeerWatch> asked);
    void refuse_play(const std::string &path, const std::string &reason);
    void play(const std::string &path, uint64_t gate, std::shared_ptr<PeerWatch> asked);
    void admit_publish(const std::string &path, std::shared_ptr<const LeaseOptions> lease,
                       std::shared_ptr<PeerWatch> asked);
    void admit_play(const std::string &path, uint64_t gate, std::shared_ptr<PeerWatch> asked);
    bool is_known(const std::string &path) const;
    bool passes_gate();
    void refuse(rtmp::Refusal why, const std::string &what);

    /// `admit` is called when all of them have said yes, now if nobody has to be asked.
    void ask(std::vector<std::shared_ptr<PeerWatch>> watches, std::function<void()> admit);
    void ask_next();
    void on_answer(uint64_t number, bool allowed);
    void deny(const std::string &reason);
    void close_question();
    PeerInfo peer_info() const;
    void tell_connected(const std::shared_ptr<PeerWatch> &of_path);
    void leave(const std::string &reason);
    void rename(const char *kind);
    void say(LogLevel level, const std::string &text) const;

    const std::string endpoint_;
    const int socket_;
    const size_t loop_;
    const std::shared_ptr<RtmpState> state_;
    rtmp::ServerSession session_;
    std::shared_ptr<RtmpMount> mount_;
    fanout::Outlet outlet_;
    std::string name_;
    std::string key_;             ///< what the publisher came with; fixed before its mount knows it
    rtmp::StreamRequest request_; ///< the last one
    Question question_;
    uint64_t question_number_ = 0; ///< an answer to an earlier question is not heard
    uint64_t passed_gate_ = 0;
    std::vector<std::shared_ptr<PeerWatch>> told_; ///< of the listener: they know of this peer
    std::shared_ptr<PeerWatch> told_path_;         ///< and that of the claim or feed
    unsigned requests_ = 0;
    uint64_t deadline_ms_ = 0;   ///< 0: none
    uint64_t stalled_since_ = 0; ///< 0: the peer reads
    Role role_ = Role::none;
    bool paused_ = false;  ///< the receiver's queue is full, or nobody has claimed yet
    bool reading_ = false; ///< will read on after others' turn
    bool ended_ = false;   ///< the peer sends nothing but what is there to be read
    bool writing_ = false; ///< the socket takes nothing more, or it is others' turn
    bool closed_ = false;
};

} // namespace penstock::net
