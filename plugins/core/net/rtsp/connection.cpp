// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/connection.h"

#include "core/bytes/printable.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/keepalive.h"
#include "core/net/rtsp/state.h"
#include "core/net/tls/hash.h"
#include "core/net/tls/random.h"

#include <boost/asio/post.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr rtsp::Hashes hashes{md5_hex, sha256_hex};
constexpr const char *realm = "Penstock", *server_name = "Penstock";
constexpr uint64_t report_interval_ms = 5'000;

/// One buffer per thread, since connections have none of their own.
std::array<uint8_t, 64 << 10> &scratch() {
    thread_local std::array<uint8_t, 64 << 10> buffer;
    return buffer;
}

using EndpointOf = tcp::endpoint (tcp::socket::*)(boost::system::error_code &) const;

asio::ip::address address_of(const tcp::socket &socket, EndpointOf end) {
    boost::system::error_code failed;
    return (socket.*end)(failed).address();
}

} // namespace

RtspConnection::RtspConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtspState> state)
    : Viewer(state->shared_loops(), loop), endpoint_(endpoint_name(socket)),
      peer_(address_of(socket, &tcp::socket::remote_endpoint)),
      local_(address_of(socket, &tcp::socket::local_endpoint)), socket_(socket.release()),
      state_(std::move(state)), stream_(socket_, state_->tls, state_->options.tls_only),
      session_(*this, server_name, secure_random), authentication_(realm, hashes, secure_random),
      deadline_ms_(steady_ms() + state_->limits.request_ms), heard_ms_(steady_ms()) {
    rename("rtsp");
}

RtspConnection::~RtspConnection() {
    if (!closed_) ::close(socket_); // its loop has ended, and knows it no longer
}

void RtspConnection::rename(const char *kind) {
    static std::atomic<uint64_t> next{1};
    name_ = std::string(kind) + "-" + std::to_string(next++) + " " + endpoint_;
}

void RtspConnection::say(LogLevel level, const std::string &text) const {
    log(level, "rtsp", "[" + name_ + (mount_ ? " " + mount_->path() : "") + "] " + text);
}

void RtspConnection::start() {
    keep_alive(socket_);
    say(LogLevel::debug, "connected");
    if (!loops_->poller(loop_).add(socket_, *this)) lost(errno);
}

void RtspConnection::make_room() {
    asio::post(context(), [self = shared_from_this()] {
        if (!self->closed_) self->check_tunnel();
        if (self->closed_ || !self->silent_) return;
        self->state_->refusals.refused(self->endpoint_, too_many_silent);
        self->close_now(LogLevel::debug, std::string("closed: ") + too_many_silent);
    });
}

asio::io_context &RtspConnection::context() const {
    return loops_->at(loop_);
}

// --- reading ------------------------------------------------------------------------------

void RtspConnection::on_ready(uint32_t events) {
    const auto self = shared_from_this();
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
    if (stream_.is_greeting()) {
        if (greet()) read();
        return;
    }
    if ((events & EPOLLOUT) != 0 && waiting_ && !is_paced_) pump_on();
    if ((events & ~uint32_t(EPOLLOUT)) != 0) read();
}

/// False while it has to wait, or if the connection is closed.
bool RtspConnection::greet() {
    std::string reason;
    switch (stream_.greet(reason)) {
    case PeerStream::Step::done:
        return true;
    case PeerStream::Step::waits:
        return false;
    case PeerStream::Step::lost:
        lost(errno);
        return false;
    case PeerStream::Step::failed:
        close_now(LogLevel::info, "closed: " + reason);
    }
    return false;
}

void RtspConnection::lost(int error) {
    close_now(LogLevel::info,
              reason_or(error == 0 ? "disconnected" : std::generic_category().message(error)));
}

/// An edge is told once: this reads all there is, and is called when reading was held back.
void RtspConnection::read() {
    // A few rounds only: other connections of this loop have their turn too.
    for (int round = 0; round < 4; ++round) {
        // Nothing is read while a request is pending, so that none waits in memory.
        if (closed_ || is_read_held()) return;
        auto &buffer = scratch();
        const ssize_t size = stream_.receive(buffer.data(), buffer.size());
        if (stream_.has_unsent()) waiting_ = true; // the peer may have asked for other keys
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return lost(size < 0 ? errno : 0);
        feed(ByteView(buffer.data(), size_t(size)));
        if (!stream_.is_encrypted() && size_t(size) < buffer.size() && !ended_) return;
    }
    if (std::exchange(reading_, true)) return;
    asio::post(context(), [self = shared_from_this()] {
        self->reading_ = false;
        self->read();
    });
}

void RtspConnection::feed(ByteView input) {
    if (is_post_) return feed_tunnel(input);
    if (!tunnel_cookie_.empty()) return; // requests come on the other connection
    take_result(session_.feed(input));
}

void RtspConnection::take_result(const Result &result) {
    if (closed_) return;
    answer(); // what was answered goes out even if that was the last
    if (result.is_error()) close_now(LogLevel::warning, "closed: " + result.reason());
    if (!closed_ && is_post_) feed_tunnel(session_.take_rest()); // it has just become one
}

void RtspConnection::go_on() {
    if (closed_ || is_read_held()) return;
    take_result(session_.resume());
    take_tunnelled();
    read();
}

bool RtspConnection::is_read_held() const {
    const bool has_answers = session_.has_output() || !outlet_.empty();
    return session_.is_pending() || (waiting_ && has_answers) ||
           (is_held_ && publication_ && !publication_->is_udp());
}

/// While a publisher is held back its socket is not read, so the end of the connection is noticed
/// here.
bool RtspConnection::is_reset() {
    pollfd errors{socket_, 0, 0};
    return ::poll(&errors, 1, 0) > 0 && (errors.revents & (POLLERR | POLLHUP)) != 0;
}

void RtspConnection::on_keepalive() {
    heard_ms_ = steady_ms();
    if (role_ == Role::none && !then_) deadline_ms_ = heard_ms_ + state_->limits.request_ms;
}

// --- sending ------------------------------------------------------------------------------

PeerInfo RtspConnection::peer_info() const {
    PeerInfo info = request_;
    info.id = name_.substr(0, name_.find(' '));
    info.address = endpoint_;
    info.client = session_.client_name();
    info.protocol = "rtsp";
    info.is_encrypted = stream_.is_encrypted();
    return info;
}

/// Sends the session's answers now. The stream's packets wait for their pass.
void RtspConnection::answer() {
    if (closed_ || waiting_ || !session_.has_output()) return;
    pump_alone();
}

/// Requests are read on once the peer has taken the answers to those before.
void RtspConnection::pump_on() {
    const bool was_held = is_read_held();
    pump_again();
    if (was_held) go_on();
}

bool RtspConnection::prepare(fanout::Outlet::Source &source, bool) {
    if (auto answers = session_.take_output(); !answers.empty())
        outlet_.push(fanout::private_packet(std::move(answers)));
    if (role_ != Role::player) source.ring = nullptr;
    return true;
}

/// The socket's edge comes through on_ready().
void RtspConnection::wait_writable(fanout::Outlet::Status why) {
    if (is_paced_) {
        if (why == fanout::Outlet::Status::blocked)
            return state_->ports->wait_writable(loop_, weak_from_this());
        return state_->ports->tick(loop_, weak_from_this());
    }
    if (why != fanout::Outlet::Status::more) return;
    asio::post(context(), [self = shared_from_this()] {
        if (self->waiting_ && !self->is_paced_) self->pump_on();
    });
}

fanout::Outlet::Status RtspConnection::write(const fanout::Outlet::Source &source,
                                             fanout::BatchCache &cache, uint64_t &sent,
                                             int &error) {
    if (!udp_) return stream_.send(outlet_, source, cache, sent, error);
    fanout::Outlet::Source answers = source;
    answers.ring = nullptr;
    const auto status = stream_.send(outlet_, answers, cache, sent, error);
    if (status != fanout::Outlet::Status::idle) return status;
    const double rate = std::max(3'200.0, 2.0 * mount_->packet_rate());
    const auto media =
        udp_->send(state_->ports->rtp(loop_), source, cache, rate, steady_ns(), sent);
    is_paced_ = media == fanout::Outlet::Status::more || media == fanout::Outlet::Status::blocked;
    return media;
}

void RtspConnection::on_turn() {
    if (closed_ || !std::exchange(is_paced_, false)) return;
    if (waiting_) pump_on();
}

/// Its turn, for which it waited, is of no use to what follows.
void RtspConnection::stop_pacing() {
    if (std::exchange(is_paced_, false)) waiting_ = false;
}

uint64_t RtspConnection::skips() const {
    return udp_ ? udp_->cursor().skipped : outlet_.cursor().skipped;
}

uint64_t RtspConnection::completed() const {
    return outlet_.completed() + (udp_ ? udp_->completed() : 0);
}

void RtspConnection::rewind() {
    outlet_.rewind();
    if (udp_) udp_->rewind();
}

// --- admission ----------------------------------------------------------------------------

void RtspConnection::ask(const Authority &path, std::function<void()> admit) {
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        if (const auto self = weak.lock()) self->on_answer(allowed, reason);
    };
    if (admission_.ask(context().get_executor(), state_->rules->watches(), path, peer_info(), done,
                       state_->limits.authorize_ms))
        return admit();
    admit_ = std::move(admit);
}

/// The same for a path whose authority has changed; of a player, without holding it up.
void RtspConnection::ask_again(const Authority &path, std::function<void()> admit) {
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        if (const auto self = weak.lock()) self->on_answer(allowed, reason);
    };
    if (admission_.ask_again(context().get_executor(), path, peer_info(), done,
                             state_->limits.authorize_ms))
        return admit();
    admit_ = std::move(admit);
}

void RtspConnection::on_answer(bool allowed, const std::string &reason) {
    if (closed_) return;
    const auto admit = std::exchange(admit_, nullptr);
    if (allowed) {
        if (admit) admit();
    } else if (role_ == Role::player || role_ == Role::publisher) {
        return close_now(LogLevel::warning, "refused: " + reason);
    } else {
        deny(reason);
    }
    if (closed_) return;
    if (role_ == Role::player) pump_alone();
    answer();
    go_on();
}

/// A peer that has given no password is asked for one.
void RtspConnection::deny(const std::string &reason) {
    then_ = nullptr;
    leave(reason);
    if (request_.key.empty() || has_authorization_) return challenge(reason, false);
    refuse(403, reason);
}

void RtspConnection::challenge(const std::string &why, bool with_digest) {
    say(has_authorization_ && !is_stale_ ? LogLevel::warning : LogLevel::debug,
        "asked for a password: " + why);
    rtsp::Response response;
    authentication_.challenge(response, with_digest, steady_ms());
    session_.refuse(response.status, std::move(response.headers));
    deadline_ms_ = steady_ms() + state_->limits.request_ms;
}

void RtspConnection::refuse(unsigned status, const std::string &text, LogLevel level) {
    say(level, std::string("refused to ") + (request_.publish ? "publish " : "play ") +
                   request_.path + ": " + text);
    session_.refuse(status, {}, text);
    deadline_ms_ = steady_ms() + state_->limits.request_ms;
}

/// Notes what the peer asks for, and with which key: that of the URL, or the password of its
/// credentials. False: there were too many questions, and the connection is closed.
bool RtspConnection::read_credentials(const rtsp::Request &request, const rtsp::Target &target,
                                      rtsp::Credentials &given) {
    // Each may cost a pipeline.
    if (++questions_ > state_->limits.questions) {
        close_now(LogLevel::warning, "closed: asked for a stream more than " +
                                         std::to_string(state_->limits.questions) + " times");
        return false;
    }
    request_ = {};
    request_.path = target.path;
    request_.query = target.query;
    request_.key = query_value(target.query, "key");
    const auto answer = authentication_.read(request, steady_ms(), given);
    if (answer == rtsp::ServerAuthentication::Answer::basic) request_.key = given.password;
    has_authorization_ = answer != rtsp::ServerAuthentication::Answer::none;
    is_stale_ = answer == rtsp::ServerAuthentication::Answer::stale;
    return true;
}

// --- ending -------------------------------------------------------------------------------

void RtspConnection::check(uint64_t now_ms) {
    if (is_read_held() && is_reset()) return close_now(LogLevel::info, "disconnected");
    check_tunnel();
    if (closed_) return;
    if (admission_.is_over(now_ms) && role_ != Role::none)
        return close_now(LogLevel::info, "closed: its authorization has expired");
    if (admission_.is_open()) return; // which has a time limit of its own
    if (deadline_ms_ != 0 && now_ms > deadline_ms_) {
        if (role_ == Role::publish_pending) {
            refuse(503, "no pipeline took the stream within " + time_text(state_->limits.claim_ms));
            leave("no pipeline took it");
            answer();
            return go_on();
        }
        if (std::exchange(then_, nullptr)) {
            refuse(503, "the stream has no media yet");
            answer();
            return go_on();
        }
        return close_now(questions_ > 0 ? LogLevel::info : LogLevel::warning,
                         "closed: asked for nothing within " +
                             time_text(state_->limits.request_ms));
    }
    if (role_ == Role::player) {
        if (multicast_ && multicast_->is_over())
            return close_now(LogLevel::info, "closed: the stream has ended");
        const bool is_paused = session_.state() != rtsp::ServerSession::State::playing;
        if ((udp_ || multicast_ || is_paused) && now_ms - heard_ms_ > state_->limits.silence_ms)
            return close_now(LogLevel::info,
                             "closed: no sign of life for " + time_text(state_->limits.silence_ms));
        if (has_changed_tracks())
            return close_now(LogLevel::info, "closed: the stream goes on with other tracks");
        if (!multicast_ && now_ms - reported_ms_ >= report_interval_ms) send_reports();
        // A viewer of its own looks at its admission with each packet; of a group nobody does.
        if (multicast_) (void)is_admitted();
    }
    if (role_ == Role::publisher) check_publisher(now_ms);
    if (closed_ || check_end(now_ms, state_->limits.wait_ms)) return;
    check_stall(now_ms, state_->limits.answers_ms);
}

void RtspConnection::leave(const std::string &reason) {
    const auto mount = std::exchange(mount_, nullptr);
    const Role role = std::exchange(role_, Role::none);
    then_ = nullptr;
    // It may be what has called. Until it is gone its ports call this connection.
    if (publication_)
        asio::post(context(),
                   [self = shared_from_this(),
                    gone = std::exchange(publication_, nullptr)]() mutable { gone.reset(); });
    waiting_tags_.clear();
    is_held_ = lacks_keyframe_ = false;
    described_.clear();
    tracks_set_ = 0;
    if (role == Role::player) part();
    if (role == Role::publish_pending || role == Role::publisher)
        mount->slot.unpublish(this, reason);
    drop_udp();
    multicast_.reset();
    stop_pacing();
    lower_ = Lower::none;
    if (!mount || (role != Role::player && role != Role::publisher)) return;
    admission_.leave(peer_info(), reason);
    log(LogLevel::info, "rtsp", "[" + name_ + " " + mount->path() + "] " + reason);
}

void RtspConnection::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    admission_.cancel();
    admit_ = nullptr;
    if (role_ == Role::none || level != LogLevel::info)
        say(role_ != Role::none || level < LogLevel::info ? level : LogLevel::debug, reason);
    leave(reason);
    if (!tunnel_cookie_.empty()) state_->tunnels.remove(tunnel_cookie_);
    loops_->poller(loop_).remove(socket_, *this);
    stream_.shutdown();
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    state_->roster->remove(self);
    place_.reset();
    silent_.reset();
}

void RtspConnection::close(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_) return;
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

} // namespace penstock::net
