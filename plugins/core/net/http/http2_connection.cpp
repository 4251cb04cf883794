// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/http2_connection.h"

#include "core/net/http/http2_stream.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/keepalive.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <netinet/tcp.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// How long a connection that is being closed waits for the client to read what was sent.
constexpr uint64_t linger_ms = 2'000;
/// Records that are read before others have their turn.
constexpr int max_reads = 8;
/// Batches of output, likewise.
constexpr int max_writes = 4;
/// Unsent bytes in the kernel. What is more urgent overtakes only what is not there yet.
constexpr int max_unsent = 128 << 10;
/// Requests of a connection that need no place among those of its host.
constexpr size_t usual_requests = 4;

/// One buffer per thread, since connections have none of their own.
std::array<uint8_t, 16 << 10> &scratch() {
    thread_local std::array<uint8_t, 16 << 10> buffer;
    return buffer;
}

/// Connections that began together are not asked to connect anew together.
http2::Limits limits_for(uint64_t now_ms, int socket) {
    http2::Limits limits;
    limits.age_ms += (now_ms * 31 + uint64_t(socket) * 7919) % (limits.age_ms / 4);
    return limits;
}

} // namespace

Http2Connection::Http2Connection(tcp::socket &&socket, std::unique_ptr<TlsSession> tls,
                                 std::shared_ptr<const HttpSide> side, bool refused,
                                 std::unique_ptr<WaitingRoom::Seat> place)
    : side_(std::move(side)), refused_(refused), place_(std::move(place)),
      socket_(std::move(socket)), tls_(std::move(tls)),
      session_(*this, limits_for(steady_ms(), socket_.native_handle()), steady_ms()) {
    ++routes().connections;
}

Http2Connection::~Http2Connection() {
    --routes().connections;
}

void Http2Connection::start() {
    keep_alive(socket_.native_handle());
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent,
                 sizeof max_unsent);
    routes().http2->add(shared_from_this());
    read();
}

std::shared_ptr<Http2Stream> Http2Connection::find(uint32_t stream) const {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : found->second;
}

// --- requests -----------------------------------------------------------------------------

void Http2Connection::on_request(uint32_t id, http2::Fields fields, bool header_too_large,
                                 bool has_body) {
    const bool is_usual = streams_.size() < usual_requests;
    auto place = is_usual ? nullptr : routes().requests->enter(side_->peer);
    const bool is_full = !is_usual && !place;
    const auto stream = std::make_shared<Http2Stream>(
        shared_from_this(), side_, refused_, id, std::move(fields), has_body, std::move(place));
    streams_.emplace(id, stream);
    if (header_too_large)
        stream->start(http_error(431, "The request's headers are too large."));
    else if (is_full)
        stream->start(http_retry("Too many requests are waiting; try again.", 1));
    else
        stream->start();
    if (refused_) session_.shutdown();
}

void Http2Connection::on_body(uint32_t id, ByteView data) {
    if (const auto stream = find(id)) stream->on_body(data);
}

void Http2Connection::on_body_end(uint32_t id) {
    if (const auto stream = find(id)) stream->on_body_end();
}

void Http2Connection::on_closed(uint32_t id, bool answered) {
    const auto stream = find(id);
    if (!stream) return;
    streams_.erase(id);
    stream->on_closed(answered);
}

void Http2Connection::on_room(uint32_t id, size_t written) {
    if (const auto stream = find(id)) stream->on_room(written);
}

// --- reading ------------------------------------------------------------------------------

void Http2Connection::wait_readable() {
    if (reading_ || closed_) return;
    reading_ = true;
    auto readable = [self = shared_from_this()](error_code ec) {
        self->reading_ = false;
        if (self->closed_ || ec == asio::error::operation_aborted) return;
        self->close_at_ms_ == 0 ? self->read() : self->discard();
    };
    // Data that TLS has already decrypted causes no event on the socket.
    if (tls_->has_pending())
        asio::post(socket_.get_executor(), [readable] { readable({}); });
    else
        socket_.async_wait(tcp::socket::wait_read, std::move(readable));
}

void Http2Connection::read() {
    const auto self = shared_from_this();
    auto &buffer = scratch();
    busy_ = true;
    for (int i = 0; i < max_reads && !closed_; ++i) {
        const ssize_t got = tls_->read(buffer.data(), buffer.size());
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (got <= 0) {
            close_now(LogLevel::debug, got == 0 ? "disconnected" : "disconnected by an error");
            break;
        }
        const Result result = session_.receive(ByteView(buffer.data(), size_t(got)), steady_ms());
        if (result.is_error()) {
            fail(result.reason());
            break;
        }
    }
    busy_ = false;
    if (!closed_) flush();
    wait_readable();
}

/// Reads and drops what a connection sends that has ended: closing it with unread data would reset
/// it and lose what was sent last.
void Http2Connection::discard() {
    auto &buffer = scratch();
    error_code ec;
    for (int i = 0; i < max_reads; ++i) {
        socket_.read_some(asio::buffer(buffer), ec);
        if (ec == asio::error::would_block) return wait_readable();
        if (ec) return close_now(LogLevel::debug, "closed");
    }
    wait_readable();
}

// --- sending ------------------------------------------------------------------------------

void Http2Connection::flush_soon() {
    if (busy_ || closed_ || std::exchange(will_flush_, true)) return;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->will_flush_ = false;
        self->flush();
    });
}

void Http2Connection::flush() {
    if (closed_ || waiting_ || ended_) return;
    const auto self = shared_from_this();
    // First goes what was encrypted when the socket was full.
    if (tls_->flush() < 0) return failed(errno);
    busy_ = true; // producers write meanwhile
    for (int i = 0; !closed_; ++i) {
        const auto &parts = session_.produce();
        if (parts.empty()) break;
        if (i == max_writes) {
            busy_ = false;
            return flush_soon();
        }
        const ssize_t sent = tls_->write(parts.data(), int(parts.size()));
        if (sent < 0) {
            busy_ = false;
            return failed(errno);
        }
        session_.sent(size_t(sent));
        if (tls_->has_unsent()) {
            busy_ = false;
            return wait_writable();
        }
    }
    busy_ = false;
    if (!closed_ && tls_->has_unsent()) return wait_writable();
    if (!closed_ && session_.unsent() == 0 && session_.is_over()) end();
}

void Http2Connection::failed(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) return wait_writable();
    close_now(LogLevel::debug, "disconnected: " + std::generic_category().message(error));
}

void Http2Connection::wait_writable() {
    if (std::exchange(waiting_, true)) return;
    socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code ec) {
        self->waiting_ = false;
        if (!ec) self->flush();
    });
}

// --- ending -------------------------------------------------------------------------------

void Http2Connection::check(uint64_t now_ms) {
    const auto self = shared_from_this();
    if (close_at_ms_ != 0) {
        if (now_ms >= close_at_ms_) close_now(LogLevel::debug, "closed");
        return;
    }
    busy_ = true;
    for (const auto &[id, stream] : streams_)
        stream->check(now_ms);
    const Result result = session_.check(now_ms, waiting_ || tls_->has_unsent());
    busy_ = false;
    if (result.is_error()) fail(result.reason());
    flush();
}

/// The peer's mistake: it is told, if it reads.
void Http2Connection::fail(const std::string &reason) {
    if (std::exchange(close_at_ms_, steady_ms() + linger_ms) != 0) return;
    log(LogLevel::warning, "http", "[" + side_->peer + "] closed: " + reason);
}

void Http2Connection::close(const std::string &) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->say_goodbye(); });
}

/// The server ends: answers that are complete are still sent.
void Http2Connection::say_goodbye() {
    if (closed_ || close_at_ms_ != 0) return;
    busy_ = true;
    session_.shutdown();
    for (const auto &[id, stream] : streams_)
        stream->on_server_end();
    busy_ = false;
    flush();
}

/// All is sent. The client closes when it has read that.
void Http2Connection::end() {
    ended_ = true;
    if (close_at_ms_ == 0 && !session_.complaint().empty())
        log(LogLevel::info, "http", "[" + side_->peer + "] HTTP/2: " + session_.complaint());
    for (const auto &[id, stream] : std::exchange(streams_, {}))
        stream->on_closed(false);
    tls_->shutdown();
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    close_at_ms_ = steady_ms() + linger_ms;
    if (!routes().closing()) return wait_readable();
    // Nobody waits for a server that ends; but see discard().
    std::array<uint8_t, 1024> dropped;
    while (socket_.read_some(asio::buffer(dropped), ec) > 0) {
    }
    close_now(LogLevel::debug, "closed");
}

void Http2Connection::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    log(level, "http", "[" + side_->peer + "] HTTP/2: " + reason);
    for (const auto &[id, stream] : std::exchange(streams_, {}))
        stream->on_closed(false);
    tls_->shutdown();
    error_code ec;
    socket_.close(ec);
    routes().http2->remove(self);
    place_.reset();
}

} // namespace penstock::net
