// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/connection.h"

#include "core/bytes/printable.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/keepalive.h"
#include "core/net/rtmp/state.h"
#include "core/net/tls/hmac.h"

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

/// One buffer per thread, since connections have none of their own.
std::array<uint8_t, 64 << 10> &scratch() {
    thread_local std::array<uint8_t, 64 << 10> buffer;
    return buffer;
}

} // namespace

RtmpConnection::RtmpConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtmpState> state)
    : Viewer(state->shared_loops(), loop), endpoint_(endpoint_name(socket)),
      socket_(socket.release()), state_(std::move(state)), session_(*this, {}, hmac_sha256),
      deadline_ms_(steady_ms() + state_->limits.handshake_ms), greeting_(state_->tls != nullptr) {
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
    if (!loops_->poller(loop_).add(socket_, *this)) lost(errno);
}

void RtmpConnection::make_room() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || !self->silent_) return;
        self->state_->refusals.refused(self->endpoint_, too_many_silent);
        self->close_now(LogLevel::debug, std::string("closed: ") + too_many_silent);
    });
}

asio::io_context &RtmpConnection::context() const {
    return loops_->at(loop_);
}

// --- reading ------------------------------------------------------------------------------

void RtmpConnection::on_ready(uint32_t events) {
    const auto self = shared_from_this();
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
    if (greeting_) {
        if (greet()) read();
        return;
    }
    if ((events & EPOLLOUT) != 0 && waiting_) pump_again();
    end_output();
    if ((events & ~uint32_t(EPOLLOUT)) != 0) read();
}

void RtmpConnection::lost(int error) {
    close_now(LogLevel::info,
              reason_or(error == 0 ? "disconnected" : std::generic_category().message(error)));
}

/// An edge is told once: this reads all there is, and is called when reading was held back.
void RtmpConnection::read() {
    // A few rounds only: other connections of this loop have their turn too.
    for (int round = 0; round < 4; ++round) {
        if (paused_ || closed_) return;
        auto &buffer = scratch();
        const ssize_t size = receive(buffer.data(), buffer.size());
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return lost(size < 0 ? errno : 0);
        if (!is_parting_) feed(ByteView(buffer.data(), size_t(size)));
        if (!tls_ && size_t(size) < buffer.size() && !ended_) return; // a record may follow
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
    if (result.is_error() && !is_parting_)
        close_now(LogLevel::warning, "closed: " + result.reason());
}

void RtmpConnection::on_warning(const std::string &text) {
    say(LogLevel::warning, text);
}

void RtmpConnection::on_request(const rtmp::StreamRequest &request) {
    if (is_parting_) return;
    if (role_ != Role::none || admission_.is_open())
        return session_.refuse(rtmp::Refusal::failed, "already streaming");
    // Each request may cost a pipeline.
    if (++requests_ > state_->limits.requests)
        return close_now(LogLevel::warning, "closed: asked for a stream more than " +
                                                std::to_string(state_->limits.requests) + " times");
    if (!is_safe_path(request.path)) {
        say(LogLevel::warning, "refused: '" + printable(request.path, 80) +
                                   "' is not a legal stream name: letters, digits and ._~- only, "
                                   "as in live/cam");
        session_.refuse(rtmp::Refusal::bad_name,
                        "Illegal stream name: use letters, digits and ._~-");
        if (request.publish) part_ways(LogLevel::debug, "closed: an illegal stream name");
        return;
    }
    request_ = request;
    if (request.publish)
        begin_publish(request);
    else
        begin_play(request);
}

void RtmpConnection::refuse(rtmp::Refusal why, const std::string &text, LogLevel level) {
    say(level, std::string("refused to ") + (request_.publish ? "publish " : "play ") +
                   request_.path + ": " + text);
    session_.refuse(why, text);
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
    if (request_.publish) part_ways(LogLevel::debug, "closed: " + text);
}

void RtmpConnection::on_stop() {
    if (is_parting_) return;
    cancel_question();
    leave("unpublished");
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
}

// --- sending ------------------------------------------------------------------------------

PeerInfo RtmpConnection::peer_info() const {
    return {name_.substr(0, name_.find(' ')),
            endpoint_,
            request_.path,
            request_.query,
            std::string(query_value(request_.query, "key")),
            session_.client_name(),
            request_.publish,
            "rtmp",
            tls_ != nullptr};
}

/// Sends the session's answers now. The stream's packets wait for their pass, except a player's
/// first ones.
void RtmpConnection::answer() {
    if (closed_ || waiting_) return;
    if (!session_.has_output() && role_ == Role::player && outlet_.cursor().next) return;
    pump_alone();
    end_output();
}

bool RtmpConnection::prepare(fanout::Outlet::Source &, bool) {
    if (auto answers = session_.take_output(); !answers.empty())
        outlet_.push(fanout::private_packet(std::move(answers)));
    return true;
}

/// The socket's edge comes through on_ready().
void RtmpConnection::wait_writable(fanout::Outlet::Status why) {
    if (why != fanout::Outlet::Status::more) return;
    asio::post(context(), [self = shared_from_this()] {
        if (self->waiting_) self->pump_again();
        self->end_output();
    });
}

// --- admission ----------------------------------------------------------------------------

void RtmpConnection::ask(const Authority &path, std::function<void()> admit) {
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        if (const auto self = weak.lock()) self->on_answer(allowed, reason);
    };
    if (admission_.ask(context().get_executor(), state_->rules->watches(), path, peer_info(), done,
                       state_->limits.authorize_ms))
        return admit();
    wait_for_answer(std::move(admit));
}

void RtmpConnection::ask_again(const Authority &path, std::function<void()> admit) {
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        if (const auto self = weak.lock()) self->on_answer(allowed, reason);
    };
    if (admission_.ask_again(context().get_executor(), path, peer_info(), done,
                             state_->limits.authorize_ms))
        return admit();
    wait_for_answer(std::move(admit));
}

/// A player goes on answering pings; of others nothing is read until it is decided.
void RtmpConnection::wait_for_answer(std::function<void()> admit) {
    admit_ = std::move(admit);
    if (role_ != Role::player) paused_ = true;
}

void RtmpConnection::on_answer(bool allowed, const std::string &reason) {
    if (closed_) return;
    if (!allowed) return deny(reason);
    if (role_ == Role::none) paused_ = false;
    if (const auto admit = std::exchange(admit_, nullptr)) admit();
    if (closed_) return;
    answer();
    if (!paused_ && !closed_) feed({}); // what the peer sent without waiting
    read();
}

void RtmpConnection::deny(const std::string &reason) {
    const Role role = role_;
    cancel_question();
    if (role == Role::player) return close_now(LogLevel::warning, "refused to play: " + reason);
    refuse(rtmp::Refusal::unauthorized, reason);
    if (is_parting_) return;
    answer();
    close_now(LogLevel::debug, "closed: " + reason);
}

void RtmpConnection::cancel_question() {
    admission_.cancel();
    admit_ = nullptr;
    if (role_ == Role::none) paused_ = false;
}

void RtmpConnection::ask_to_reconnect(const std::string &path, bool publisher,
                                      const std::string &url, const std::string &description) {
    if (closed_ || !mount_ || mount_->path() != path ||
        role_ != (publisher ? Role::publisher : Role::player))
        return;
    if (session_.request_reconnect(url, description)) {
        is_leaving_ = true;
        say(LogLevel::info, "asked to connect again");
    }
    answer();
}

// --- ending -------------------------------------------------------------------------------

/// While a publisher is held back its socket is not read, so the end of the connection is noticed
/// here.
bool RtmpConnection::is_reset() {
    pollfd errors{socket_, 0, 0};
    return ::poll(&errors, 1, 0) > 0 && (errors.revents & (POLLERR | POLLHUP)) != 0;
}

void RtmpConnection::check(uint64_t now_ms) {
    if (is_parting_) {
        if (now_ms > deadline_ms_) close_now(LogLevel::debug, "closed: it did not close");
        return;
    }
    if (paused_ && is_reset()) return close_now(LogLevel::info, "disconnected");
    if (admission_.is_over(now_ms) && (role_ == Role::publisher || role_ == Role::player)) {
        if (role_ == Role::publisher)
            return dismiss(rtmp::Refusal::unauthorized, "its authorization has expired",
                           LogLevel::info);
        session_.notify_unpublished();
        answer();
        return close_now(LogLevel::info, "closed: its authorization has expired");
    }
    if (admission_.is_open()) return; // which has a time limit of its own
    if (deadline_ms_ != 0 && now_ms > deadline_ms_) {
        if (role_ == Role::publish_pending) {
            session_.refuse(rtmp::Refusal::failed, "No pipeline took the stream");
            return part_ways(LogLevel::warning, "closed: no pipeline took the stream within " +
                                                    time_text(state_->limits.claim_ms));
        }
        if (role_ == Role::play_pending) {
            session_.refuse(rtmp::Refusal::not_found, "The stream did not begin in time");
            answer();
            return close_now(LogLevel::warning, "closed: the stream it asked for did not begin");
        }
        // Of one that was refused, or has stopped, the log has a line already.
        return close_now(requests_ > 0 ? LogLevel::info : LogLevel::warning,
                         "closed: asked for nothing within " +
                             time_text(state_->limits.handshake_ms));
    }
    // Reading is held back only when the receiver's queue is full: then the peer is not silent.
    if (role_ == Role::publisher && !paused_) {
        const uint64_t limit_ms = ms_of(mount_->slot.silence_timeout());
        if (limit_ms != 0 && now_ms - heard_ms_ > limit_ms)
            return dismiss(rtmp::Refusal::failed, "sent no media for " + time_text(limit_ms),
                           LogLevel::warning);
    }
    if (role_ == Role::player) {
        if (const std::string lack = lacking_codec(*mount_); !lack.empty()) {
            session_.notify_unplayable(lack);
            answer();
            return close_now(LogLevel::warning, "closed: " + lack);
        }
    }
    if (seat_ && (!mount_ || mount_->has_feed())) seat_.reset();
    if (check_end(now_ms, state_->limits.wait_ms)) return;
    check_stall(now_ms, state_->limits.answers_ms);
}

void RtmpConnection::leave(const std::string &reason) {
    if (role_ == Role::play_pending) role_ = Role::none;
    if (!mount_) return;
    const auto mount = std::exchange(mount_, nullptr);
    const Role role = std::exchange(role_, Role::none);
    paused_ = false;
    seat_.reset();
    if (role == Role::player)
        part();
    else
        mount->slot.unpublish(this, reason);
    admission_.leave(peer_info(), reason);
    log(LogLevel::info, "rtmp", "[" + name_ + " " + mount->path() + "] " + reason);
}

void RtmpConnection::take_leave(LogLevel level, const std::string &reason) {
    cancel_question();
    if (!mount_ || level != LogLevel::info)
        say(mount_ || level < LogLevel::info ? level : LogLevel::debug, reason);
    leave(reason);
}

void RtmpConnection::part_ways(LogLevel level, const std::string &reason) {
    if (closed_ || std::exchange(is_parting_, true)) return;
    take_leave(level, reason);
    paused_ = false;
    deadline_ms_ = steady_ms() + state_->limits.farewell_ms;
    // The session may be in the middle of the bytes that led to this.
    asio::post(context(), [self = shared_from_this()] {
        self->answer();
        self->read();
    });
}

void RtmpConnection::end_output() {
    if (!is_parting_ || closed_ || waiting_ || session_.has_output()) return;
    if (tls_) tls_->shutdown();
    if (tls_ && tls_->has_unsent()) { // comes here again when it has been flushed
        waiting_ = true;
        return;
    }
    ::shutdown(socket_, SHUT_WR);
}

void RtmpConnection::dismiss(rtmp::Refusal why, const std::string &reason, LogLevel level) {
    session_.notify_kicked(why, reason);
    part_ways(level, "closed: " + reason);
}

void RtmpConnection::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    take_leave(level, reason);
    loops_->poller(loop_).remove(socket_, *this);
    if (tls_) tls_->shutdown();
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    state_->roster->remove(self);
    place_.reset();
    silent_.reset();
}

void RtmpConnection::close(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_) return;
        const bool is_publisher = self->role_ == Role::publisher;
        const bool is_ending = self->state_->roster->is_closing();
        const bool stays = is_ending && self->role_ == Role::player && !self->is_told();
        // A peer that can connects again: to the pipeline, or the server, that comes next. To be
        // told that the stream has ended would say the opposite.
        const bool is_asked =
            (is_publisher || stays) && self->session_.request_reconnect("", reason);
        // A server that ends does not wait for its peers.
        if (is_publisher && !is_ending) {
            if (!is_asked) return self->dismiss(rtmp::Refusal::failed, reason, LogLevel::info);
            return self->part_ways(LogLevel::info, "closed, and asked to connect again: " + reason);
        }
        if (is_publisher && !is_asked) self->session_.notify_kicked(rtmp::Refusal::failed, reason);
        if (self->role_ == Role::publish_pending) {
            self->session_.refuse(rtmp::Refusal::failed, reason);
            if (!is_ending)
                return self->part_ways(LogLevel::warning, "refused to publish: " + reason);
        }
        if (self->role_ == Role::player && !self->is_told() && !is_asked) self->say_ended();
        self->answer();
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

} // namespace penstock::net
