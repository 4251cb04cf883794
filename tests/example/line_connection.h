// SPDX-License-Identifier: LGPL-2.1-or-later
// A path of the line server, and a client's connection to it.
#pragma once

#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/mounts.h"
#include "core/net/stream/path_rules.h"
#include "core/net/stream/publish_slot.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/viewer.h"

#include "line_server.h"

#include <functional>
#include <latch>
#include <memory>
#include <string>

namespace penstock::example {

class LineMount final : public net::LiveMount {
public:
    LineMount(net::MountKey key, std::shared_ptr<net::Loops> loops)
        : LiveMount(std::move(key), std::move(loops)), slot(*this) {}

    net::PublishSlot slot;

    void attach_feed(const LineFeedOptions &options);
    void detach_feed();
    bool has_feed() const { return has_feed_; }

    bool in_use() const override { return slot.in_use() || has_feed_ || viewers() > 0; }
    net::MountInfo info() const override;

private:
    std::atomic<bool> has_feed_{false};
    std::atomic<int64_t> since_{0}; ///< ms since 1970
};

/// The shared state of a listener's connections.
struct LineState : std::enable_shared_from_this<LineState> {
    explicit LineState(std::shared_ptr<net::Loops> its_loops);
    std::shared_ptr<LineMount> find(const std::string &path) const;
    std::shared_ptr<LineMount> find_or_make(const std::string &path);
    void on_accept(net::tcp::socket &&socket, size_t loop);

    const std::shared_ptr<net::Loops> loops;
    const std::shared_ptr<net::PathRules> rules = std::make_shared<net::PathRules>();
    const std::shared_ptr<net::Roster> roster;
    net::Address address; ///< valid when `opened`
    std::latch opened{1};
};

/// Everything runs on the connection's loop, except the methods of Publisher and close().
class LineConnection final : public std::enable_shared_from_this<LineConnection>,
                             public net::Viewer,
                             public net::RosterMember,
                             public net::Publisher,
                             private net::Polled {
public:
    LineConnection(net::tcp::socket &&socket, size_t loop, std::shared_ptr<LineState> state);
    ~LineConnection() override;
    void start();

    size_t loop() const override { return loop_; }
    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override;

    const std::string &name() const override { return name_; }
    bool has_key(std::string_view key) const override { return key.empty() || key == key_; }
    void accept_publish() override;
    void ask_receiver() override;
    void refuse_publish(const std::string &reason) override;
    void resume() override;

private:
    enum class Role { none, publish_pending, publisher, play_pending, player };

    void on_ready(uint32_t events) override;
    void read();
    void take_lines();
    void take_line(std::string_view line);
    void begin_publish();
    void admit_publish(bool is_leased);
    void begin_play();
    void admit_play();
    void play();

    /// Calls `admit` once all watchers have agreed; reads nothing until then.
    void ask(const net::Authority &path, std::function<void()> admit);
    void ask_again(const net::Authority &path, std::function<void()> admit);
    net::Admission::Done on_answer(std::function<void()> admit);
    void reply(const std::string &line);
    void refuse(const std::string &reason);
    void go_on();
    /// Runs `task` on this connection's loop, unless the connection is closed by then.
    void later(std::function<void(LineConnection &)> task);

    net::PeerInfo peer_info() const override;
    bool is_admitted() override;
    void say_ended() override;
    bool prepare(fanout::Outlet::Source &, bool) override { return true; }
    fanout::Outlet::Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                 uint64_t &sent, int &error) override;
    void wait_writable(fanout::Outlet::Status why) override;
    void close_now(net::LogLevel level, const std::string &reason) override;

    const std::shared_ptr<LineState> state_;
    const std::string endpoint_;
    const int socket_; ///< closed by close_now()
    net::Admission admission_;
    std::shared_ptr<LineMount> mount_; ///< that it publishes or plays
    std::string name_, path_, query_, key_, input_;
    uint64_t deadline_ms_;
    Role role_ = Role::none;
    bool paused_ = false; ///< nothing is read: an answer is waited for, or the receiver is full
};

} // namespace penstock::example
