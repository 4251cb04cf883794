// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/connection.h"

#include "core/bytes/printable.h"
#include "core/net/loop/keepalive.h"
#include "core/net/rtmp/state.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Bytes that the kernel may hold unsent for a player: what is newer stays here, where a player
/// that is too slow skips it. As much as one write has at most.
constexpr int max_unsent = 256 << 10;

/// One for each thread: connections keep no buffer of their own.
std::array<uint8_t, 64 << 10> &scratch() {
    thread_local std::array<uint8_t, 64 << 10> buffer;
    return buffer;
}

/// Takes as long for a wrong key as for the right one.
bool same_key(std::string_view given, std::string_view wanted) {
    unsigned difference = given.size() != wanted.size();
    for (size_t i = 0; i < wanted.size(); ++i)
        difference |= static_cast<unsigned char>(wanted[i]) ^
                      static_cast<unsigned char>(i < given.size() ? given[i] : 0);
    return difference == 0;
}

std::string seconds(uint64_t ms) {
    return std::to_string(ms / 1000) + " s";
}

} // namespace

RtmpConnection::RtmpConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtmpState> state)
    : endpoint_(endpoint_name(socket)), socket_(socket.release()), loop_(loop),
      state_(std::move(state)), session_(*this),
      deadline_ms_(steady_ms() + state_->limits.handshake_ms) {
    rename("rtmp");
}

RtmpConnection::~RtmpConnection() {
    if (!closed_) ::close(socket_); // its loop has ended, and knows it no longer
}

void RtmpConnection::rename(const char *kind) {
    static std::atomic<uint64_t> next{1};
    name_ = std::string(kind) + "-" + std::to_string(next++) + " " + endpoint_;
}

void RtmpConnection::say(LogLevel level, const std::string &text) const {
    log(level, "rtmp", "[" + name_ + (mount_ ? " " + mount_->path() : "") + "] " + text);
}

void RtmpConnection::start() {
    keep_alive(socket_);
    say(LogLevel::debug, "connected");
    if (!state_->loops().poller(loop_).add(socket_, *this)) lost(errno);
}

asio::io_context &RtmpConnection::context() const {
    return state_->loops().at(loop_);
}

// --- reading ------------------------------------------------------------------------------

void RtmpConnection::on_ready(uint32_t events) {
    const auto self = shared_from_this();
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
    if ((events & EPOLLOUT) != 0 && writing_) pump_on();
    if ((events & ~uint32_t(EPOLLOUT)) != 0) read();
}

void RtmpConnection::lost(int error) {
    close_now(LogLevel::info, error == 0 ? "disconnected" : std::generic_category().message(error));
}

/// An edge is told once: this reads all there is, and is called when reading was held back.
void RtmpConnection::read() {
    // A few rounds only: other connections of this loop have their turn too.
    for (int round = 0; round < 4; ++round) {
        if (paused_ || closed_) return;
        auto &buffer = scratch();
        const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return lost(size < 0 ? errno : 0);
        feed(ByteView(buffer.data(), size_t(size)));
        if (size_t(size) < buffer.size() && !ended_) return;
    }
    if (std::exchange(reading_, true)) return;
    asio::post(context(), [self = shared_from_this()] {
        self->reading_ = false;
        self->read();
    });
}

void RtmpConnection::feed(ByteView input) {
    const Result result = session_.feed(input);
    if (closed_) return;
    answer(); // what was answered goes out even if that was the last
    if (result.is_error()) close_now(LogLevel::warning, "closed: " + result.reason());
}

void RtmpConnection::on_warning(const std::string &text) {
    say(LogLevel::warning, text);
}

void RtmpConnection::on_request(const rtmp::StreamRequest &request) {
    if (role_ != Role::none || question_.is_open)
        return session_.refuse(rtmp::Refusal::failed, "already streaming");
    // Each request may cost a pipeline.
    if (++requests_ > state_->limits.requests)
        return close_now(LogLevel::warning, "closed: asked for a stream more than " +
                                                std::to_string(state_->limits.requests) + " times");
    if (!is_safe_path(request.path)) {
        say(LogLevel::warning, "refused: '" + printable(request.path, 80) +
                                   "' is not a legal stream name: letters, digits and ._~- only, "
                                   "as in live/cam");
        return session_.refuse(rtmp::Refusal::bad_name,
                               "Illegal stream name: use letters, digits and ._~-");
    }
    request_ = request;
    if (request.publish)
        begin_publish(request);
    else
        begin_play(request);
}

void RtmpConnection::refuse(rtmp::Refusal why, const std::string &text) {
    say(LogLevel::warning, std::string("refused to ") + (request_.publish ? "publish " : "play ") +
                               request_.path + ": " + text);
    session_.refuse(why, text);
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
}

void RtmpConnection::begin_publish(const rtmp::StreamRequest &request) {
    rename("rtmp-publish");
    const auto mount = state_->mount(request.path, false);
    const auto lease = state_->rules->lease_for(request.path);
    const bool claimed = mount && mount->claimed();
    if (!claimed && !lease)
        return refuse(rtmp::Refusal::failed, "nothing here takes a stream of this name");
    key_ = query_value(request.query, "key");
    const std::string key = claimed ? mount->key() : std::string();
    for (const std::string *wanted : {&key, lease ? &lease->publish_key : &key})
        if (!has_key(*wanted))
            return refuse(rtmp::Refusal::unauthorized,
                          "wrong or missing key: publish to NAME?key=…");
    const auto watch = claimed ? mount->publish_watch() : nullptr;
    auto watches = state_->rules->watches();
    watches.push_back(watch);
    ask(std::move(watches),
        [this, path = request.path, lease, watch] { admit_publish(path, lease, watch); });
}

void RtmpConnection::admit_publish(const std::string &path,
                                   std::shared_ptr<const LeaseOptions> lease,
                                   std::shared_ptr<PeerWatch> asked) {
    mount_ = state_->mount(path, true);
    role_ = Role::publish_pending;
    paused_ = true;
    switch (mount_->publish(shared_from_this(), asked.get())) {
    case RtmpMount::Publish::busy:
        mount_.reset();
        role_ = Role::none;
        paused_ = false;
        return refuse(rtmp::Refusal::bad_name, "this name is being published already");
    case RtmpMount::Publish::accepted:
        return accept_publish();
    case RtmpMount::Publish::ask:
        return ask_receiver();
    case RtmpMount::Publish::wait_for_claim:
        if (!lease) { // its receiver went a moment ago
            leave("its receiver is gone");
            return refuse(rtmp::Refusal::failed, "nothing here takes a stream of this name");
        }
        deadline_ms_ = steady_ms() + state_->limits.claim_ms;
        say(LogLevel::debug, "waits for a pipeline");
        lease->on_publish({mount_->path(), name_});
        return;
    }
}

bool RtmpConnection::has_key(std::string_view key) const {
    return key.empty() || same_key(key_, key);
}

void RtmpConnection::accept_publish() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || self->role_ != Role::publish_pending) return;
        self->role_ = Role::publisher;
        self->deadline_ms_ = 0;
        self->paused_ = false;
        self->say(LogLevel::info, "publishes (" + self->session_.client_name() + ")");
        self->tell_connected(self->mount_->publish_watch());
        self->session_.accept();
        self->feed({}); // what the publisher sent without waiting for the answer
        self->read();
    });
}

void RtmpConnection::refuse_publish(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_ || self->role_ != Role::publish_pending) return;
        self->session_.refuse(rtmp::Refusal::failed, reason);
        self->answer();
        self->close_now(LogLevel::warning, "refused to publish: " + reason);
    });
}

void RtmpConnection::on_tag(flv::Tag &&tag) {
    if (role_ != Role::publisher) return;
    if (!mount_->deliver(std::move(tag))) paused_ = true;
}

void RtmpConnection::resume() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->role_ != Role::publisher) return;
        self->paused_ = false;
        self->read();
    });
}

void RtmpConnection::on_stop() {
    close_question();
    leave("unpublished");
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
}

// --- playing ------------------------------------------------------------------------------

bool RtmpConnection::is_known(const std::string &path) const {
    const auto mount = state_->mount(path, false);
    return (mount && (mount->has_feed() || mount->claimed())) || state_->rules->demand_for(path) ||
           state_->rules->lease_for(path);
}

void RtmpConnection::begin_play(const rtmp::StreamRequest &request) {
    rename("rtmp-play");
    if (!is_known(request.path)) return refuse_play(request.path, "no such stream");
    const auto mount = state_->mount(request.path, false);
    const auto [gate, watch] =
        mount ? mount->gate_and_watch() : std::pair<uint64_t, std::shared_ptr<PeerWatch>>();
    auto watches = state_->rules->watches();
    watches.push_back(watch);
    ask(std::move(watches),
        [this, path = request.path, gate, watch] { admit_play(path, gate, watch); });
}

/// Only now may anything be started for it.
void RtmpConnection::admit_play(const std::string &path, uint64_t gate,
                                std::shared_ptr<PeerWatch> asked) {
    const auto mount = state_->mount(path, false);
    if (mount && (mount->has_feed() || mount->claimed())) return play(path, gate, asked);
    if (const auto demand = state_->rules->demand_for(path); demand && !demand->is_ready(path))
        return ask_to_play(path, *demand, gate, asked);
    else if (demand || state_->rules->lease_for(path))
        return play(path, gate, asked);
    refuse_play(path, "no such stream");
}

void RtmpConnection::refuse_play(const std::string &path, const std::string &reason) {
    say(LogLevel::warning, "refused to play " + path + ": " + reason);
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
    session_.refuse(rtmp::Refusal::not_found, "No such stream: " + reason);
}

/// The stream is made for who asks: the answer comes when it is, or will not be.
void RtmpConnection::ask_to_play(const std::string &path, const DemandOptions &demand,
                                 uint64_t gate, std::shared_ptr<PeerWatch> asked) {
    role_ = Role::play_pending;
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
    const auto weak = std::weak_ptr(shared_from_this());
    demand.on_demand(path, [weak, path, gate, asked](bool go_on, const std::string &reason) {
        const auto asking = weak.lock();
        if (!asking) return;
        asio::post(asking->context(), [asking, path, gate, asked, go_on, reason] {
            if (asking->closed_ || asking->role_ != Role::play_pending) return;
            asking->role_ = Role::none;
            if (go_on)
                asking->play(path, gate, asked);
            else
                asking->refuse_play(path, reason);
            asking->answer();
        });
    });
}

void RtmpConnection::play(const std::string &path, uint64_t gate,
                          std::shared_ptr<PeerWatch> asked) {
    mount_ = state_->mount(path, true);
    role_ = Role::player;
    deadline_ms_ = 0;
    outlet_.rewind();
    passed_gate_ = gate;
    mount_->audience().add(*this, loop_);
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent, sizeof max_unsent);
    say(LogLevel::info, "plays (" + session_.client_name() + ")");
    tell_connected(asked);
    session_.accept();
}

/// A player may be here before the feed, or have stayed from the one before: the feed's watch
/// decides about it as about those that come later.
bool RtmpConnection::passes_gate() {
    if (mount_->gate() == passed_gate_) return true;
    if (question_.is_open) return false;
    const auto [gate, watch] = mount_->gate_and_watch();
    ask({watch}, [this, gate, watch] {
        passed_gate_ = gate;
        told_path_ = watch; // not that of a feed that has gone
        if (watch) watch->connected(peer_info());
    });
    return !closed_ && role_ == Role::player && gate == passed_gate_;
}

/// What was answered goes out now; the stream's packets wait for its pass, but the first.
void RtmpConnection::answer() {
    if (closed_ || writing_) return;
    if (!session_.has_output() && role_ == Role::player && outlet_.cursor().next) return;
    auto &cache = state_->loops().pacer(loop_).cache();
    pump(cache);
    cache.clear();
}

void RtmpConnection::pump(fanout::BatchCache &cache) {
    if (closed_ || writing_) return;
    fanout::Outlet::Source source;
    if (role_ == Role::player) {
        // Before the gate is looked at: a feed that comes meanwhile has another epoch.
        fanout::Ring &ring = mount_->audience().ring();
        const uint64_t epoch = ring.epoch();
        const fanout::Policy policy = mount_->audience().policy();
        if (passes_gate()) source = {&ring, epoch, policy.join, policy.slow};
    }
    if (auto answers = session_.take_output(); !answers.empty())
        outlet_.push(fanout::private_packet(std::move(answers)));

    fanout::SocketWire wire(socket_);
    const uint64_t skipped = outlet_.cursor().skipped, completed = outlet_.completed();
    uint64_t sent = 0;
    int error = 0;
    const auto status = outlet_.send(wire, source, cache, sent, error);
    if (mount_) mount_->audience().count(sent, outlet_.cursor().skipped - skipped);
    // Not for any byte: who takes one now and then would stay for ever.
    if (outlet_.completed() != completed) stalled_since_ = 0;
    switch (status) {
    case fanout::Outlet::Status::idle:
        stalled_since_ = 0;
        return;
    case fanout::Outlet::Status::blocked:
        writing_ = true; // until the socket's edge
        if (stalled_since_ == 0) stalled_since_ = steady_ms();
        return;
    case fanout::Outlet::Status::more:
        writing_ = true;
        return asio::post(context(), [self = shared_from_this()] {
            if (self->writing_) self->pump_on();
        });
    case fanout::Outlet::Status::lagging:
        ++mount_->audience().closed_slow;
        return close_now(LogLevel::warning, "closed: reads too slowly");
    case fanout::Outlet::Status::failed:
        return close_now(LogLevel::info, "disconnected: " + std::generic_category().message(error));
    }
}

/// After it had to wait.
void RtmpConnection::pump_on() {
    writing_ = false;
    auto &cache = state_->loops().pacer(loop_).cache();
    pump(cache);
    cache.clear();
}

// --- who may ------------------------------------------------------------------------------

PeerInfo RtmpConnection::peer_info() const {
    return {name_.substr(0, name_.find(' ')),
            endpoint_,
            request_.path,
            request_.query,
            std::string(query_value(request_.query, "key")),
            session_.client_name(),
            request_.publish};
}

void RtmpConnection::ask(std::vector<std::shared_ptr<PeerWatch>> watches,
                         std::function<void()> admit) {
    question_ = {std::move(watches), std::move(admit), deadline_ms_, true};
    ask_next();
}

void RtmpConnection::ask_next() {
    while (!question_.watches.empty()) {
        const auto watch = std::move(question_.watches.front());
        question_.watches.erase(question_.watches.begin());
        if (!watch) continue;
        const auto answer = [weak = weak_from_this(), number = ++question_number_](bool allowed) {
            auto self = weak.lock();
            if (!self) return;
            auto &context = self->context();
            asio::post(context, [self = std::move(self), number, allowed] {
                self->on_answer(number, allowed);
            });
        };
        if (!watch->authorize(peer_info(), answer)) continue;
        // A player goes on answering pings; of others nothing is read until it is decided.
        if (role_ != Role::player) paused_ = true;
        deadline_ms_ = steady_ms() + state_->limits.authorize_ms;
        return;
    }
    const auto admit = std::exchange(question_, {}).admit;
    admit();
}

void RtmpConnection::on_answer(uint64_t number, bool allowed) {
    if (closed_ || !question_.is_open || number != question_number_) return;
    if (!allowed) return deny("not authorized");
    deadline_ms_ = question_.deadline_before;
    if (role_ == Role::none) paused_ = false;
    ask_next();
    if (closed_) return;
    answer();
    if (!paused_ && !closed_) feed({});
    read();
}

void RtmpConnection::deny(const std::string &reason) {
    const Role role = role_;
    close_question();
    if (role == Role::player) return close_now(LogLevel::warning, "refused to play: " + reason);
    refuse(rtmp::Refusal::unauthorized, reason);
    answer();
    close_now(LogLevel::debug, "closed: " + reason);
}

void RtmpConnection::close_question() {
    if (!question_.is_open) return;
    question_ = {};
    ++question_number_;
    if (role_ == Role::none) paused_ = false;
}

void RtmpConnection::ask_receiver() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || self->role_ != Role::publish_pending || self->question_.is_open)
            return;
        self->ask({self->mount_->publish_watch()}, [connection = self.get()] {
            if (connection->mount_->announce(connection)) connection->accept_publish();
        });
    });
}

void RtmpConnection::tell_connected(const std::shared_ptr<PeerWatch> &of_path) {
    told_ = state_->rules->watches();
    told_path_ = of_path;
    for (const auto &watch : told_)
        watch->connected(peer_info());
    if (told_path_) told_path_->connected(peer_info());
}

// --- ending -------------------------------------------------------------------------------

/// Nobody reads from a publisher that is held back, so nobody is told of its end.
bool RtmpConnection::is_reset() {
    pollfd errors{socket_, 0, 0};
    return ::poll(&errors, 1, 0) > 0 && (errors.revents & (POLLERR | POLLHUP)) != 0;
}

void RtmpConnection::check(uint64_t now_ms) {
    if (paused_ && is_reset()) return close_now(LogLevel::info, "disconnected");
    if (deadline_ms_ != 0 && now_ms > deadline_ms_) {
        if (question_.is_open)
            return deny("nobody said within " + seconds(state_->limits.authorize_ms) +
                        " that it may");
        if (role_ == Role::publish_pending) {
            session_.refuse(rtmp::Refusal::failed, "No pipeline took the stream");
            answer();
            return close_now(LogLevel::warning, "closed: no pipeline took the stream within " +
                                                    seconds(state_->limits.claim_ms));
        }
        if (role_ == Role::play_pending) {
            session_.refuse(rtmp::Refusal::not_found, "The stream did not begin in time");
            answer();
            return close_now(LogLevel::warning, "closed: the stream it asked for did not begin");
        }
        return close_now(LogLevel::warning, "closed: asked for nothing within " +
                                                seconds(state_->limits.handshake_ms));
    }
    if (writing_ && stalled_since_ != 0 && now_ms - stalled_since_ > state_->limits.stall_ms) {
        if (mount_) ++mount_->audience().closed_slow;
        close_now(LogLevel::warning,
                  "closed: has not read anything for " + seconds(state_->limits.stall_ms));
    }
}

void RtmpConnection::leave(const std::string &reason) {
    if (role_ == Role::play_pending) role_ = Role::none;
    if (!mount_) return;
    const auto mount = std::exchange(mount_, nullptr);
    const Role role = std::exchange(role_, Role::none);
    paused_ = false;
    if (role == Role::player) {
        mount->audience().remove(*this, loop_);
    } else {
        mount->unpublish(this, reason);
    }
    auto told = std::exchange(told_, {});
    if (told_path_) told.push_back(std::exchange(told_path_, nullptr));
    for (const auto &watch : told)
        watch->disconnected(peer_info(), reason);
    passed_gate_ = 0;
    log(LogLevel::info, "rtmp", "[" + name_ + " " + mount->path() + "] " + reason);
}

void RtmpConnection::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    close_question();
    if (mount_ && level == LogLevel::info) {
        leave(reason);
    } else {
        say(mount_ || level < LogLevel::info ? level : LogLevel::debug, reason);
        leave(reason);
    }
    state_->loops().poller(loop_).remove(socket_, *this);
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    state_->roster->remove(self);
}

void RtmpConnection::close(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_) return;
        if (self->role_ == Role::publisher) self->session_.notify_kicked(reason);
        if (self->role_ == Role::player) self->session_.notify_unpublished();
        self->answer();
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

} // namespace penstock::net
