// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTMP peer on its loop: moves bytes between the socket, the session and the mount.
#pragma once

#include "core/fanout/gather.h"
#include "core/net/listener.h"
#include "core/net/log.h"
#include "core/net/rtmp_mount.h"
#include "core/rtmp/server_session.h"

#include <memory>
#include <string>

namespace penstock::net {

class RtmpState;

/// Everything runs on the connection's loop but for the methods marked "any thread".
class RtmpConnection final : public std::enable_shared_from_this<RtmpConnection>,
                             private rtmp::ServerSession::Handler {
public:
    RtmpConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtmpState> state);
    ~RtmpConnection() override;

    void start();
    /// "rtmp-publish-3 127.0.0.1:53412"; fixed once the peer has said what it wants.
    const std::string &name() const { return name_; }
    size_t loop() const { return loop_; }
    /// Any thread, while it waits to be claimed: whether it came with this key.
    bool has_key(std::string_view key) const;

    void accept_publish();                          ///< any thread: somebody takes the stream
    void refuse_publish(const std::string &reason); ///< any thread: nobody will
    void resume();                                  ///< any thread: read on
    void close(const std::string &reason);          ///< any thread; not the peer's fault
    /// Sends what the ring has for this player.
    void pump();
    /// Called about once a second: deadlines, stalled players.
    void check(uint64_t now_ms);
    void close_now(LogLevel level, const std::string &reason);

private:
    enum class Role { none, publish_pending, publisher, play_pending, player };

    void on_request(const rtmp::StreamRequest &request) override;
    void on_tag(flv::Tag &&tag) override;
    void on_stop() override;
    void on_warning(const std::string &text) override;
    void feed(ByteView input);

    void wait_readable();
    void read();
    void wait_writable();
    bool is_reset();
    void begin_publish(const rtmp::StreamRequest &request);
    void begin_play(const rtmp::StreamRequest &request);
    void ask_to_play(const std::string &path, const DemandOptions &demand);
    void refuse_play(const std::string &path, const std::string &reason);
    void play(const std::string &path);
    void leave(const std::string &reason);
    void rename(const char *kind);
    void say(LogLevel level, const std::string &text) const;

    tcp::socket socket_;
    const size_t loop_;
    std::shared_ptr<RtmpState> state_;
    rtmp::ServerSession session_;
    std::shared_ptr<RtmpMount> mount_;
    fanout::Gather gather_;
    fanout::Cursor cursor_;
    std::string endpoint_, name_;
    std::string key_; ///< what the publisher came with; fixed before its mount knows it
    unsigned requests_ = 0;
    uint64_t deadline_ms_ = 0;   ///< 0: none
    uint64_t stalled_since_ = 0; ///< 0: the peer reads
    Role role_ = Role::none;
    bool paused_ = false; ///< the receiver's queue is full, or nobody has claimed yet
    bool reading_ = false;
    bool writing_ = false;
    bool closed_ = false;
};

} // namespace penstock::net
