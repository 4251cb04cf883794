// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/socket.h"

#include "core/net/loop/clock.h"

#include <algorithm>
#include <cerrno>

#include <sys/sendfile.h>
#include <sys/socket.h>

namespace penstock::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int max_parts = 8;
/// Bytes encrypted at once; other connections wait meanwhile.
constexpr size_t max_encrypted = 64 << 10;

bool is_again(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

error_code system_error(int error) {
    return {error, boost::system::system_category()};
}

} // namespace

HttpSocket::State::State(tcp::socket &&from)
    : socket(std::move(from)), timer(socket.get_executor()) {
}

HttpSocket::HttpSocket(tcp::socket &&socket) : state_(std::make_shared<State>(std::move(socket))) {
}

// A deadline is set twice a request. It nearly always moves away, so the timer is left as it is.
void HttpSocket::State::expires_after(std::chrono::nanoseconds time) {
    expired = false;
    deadline = Clock::now() + time;
    if (!armed || timer.expiry() > deadline) arm();
}

void HttpSocket::State::arm() {
    armed = true;
    timer.expires_at(deadline);
    timer.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        // The timer may have been set anew while this call was queued.
        if (!self || ec || self->timer.expiry() > Clock::now()) return;
        self->armed = false;
        if (self->deadline == Clock::time_point::max()) return;
        if (self->deadline > Clock::now()) return self->arm();
        self->expired = true;
        self->socket.cancel(ec);
    });
}

void HttpSocket::State::expires_never() {
    expired = false;
    deadline = Clock::time_point::max();
}

void HttpSocket::cancel() {
    ++state_->cancels;
    error_code ignored;
    state_->socket.cancel(ignored);
}

void HttpSocket::async_wait_readable(std::function<void(error_code)> ready) {
    auto done = [state = state_, ready = std::move(ready)](error_code ec) {
        ready(state->timed(ec));
    };
    // Data that TLS has already decrypted causes no event on the socket.
    if (state_->tls && state_->tls->has_pending())
        return asio::post(get_executor(), [done = std::move(done)] { done({}); });
    state_->socket.async_wait(tcp::socket::wait_read, std::move(done));
}

void HttpSocket::shutdown() {
    if (state_->tls) state_->tls->shutdown();
    error_code ignored;
    state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

error_code HttpSocket::State::timed(error_code error) const {
    return error == asio::error::operation_aborted && expired
               ? error_code(boost::beast::error::timeout)
               : error;
}

HttpSocket::Done HttpSocket::State::read(uint8_t *data, size_t size) {
    ssize_t got;
    if (tls) {
        got = tls->read(data, size);
    } else {
        do
            got = ::recv(socket.native_handle(), data, size, MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
    }
    if (got > 0) return Done({{}, size_t(got)});
    if (got == 0) return Done({asio::error::eof, 0});
    return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
}

HttpSocket::Done HttpSocket::State::write(const iovec *parts, int count) {
    if (!tls) {
        fanout::SocketWire wire(socket.native_handle());
        const ssize_t sent = count > 0 ? wire.write(parts, count) : 0;
        if (sent >= 0) return Done({{}, size_t(sent)});
        return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
    }
    if (written == 0) {
        std::array<iovec, max_parts> some;
        size_t room = max_encrypted;
        int used = 0;
        for (; used < count && room > 0; ++used) {
            some[size_t(used)] = {parts[used].iov_base, std::min(parts[used].iov_len, room)};
            room -= some[size_t(used)].iov_len;
        }
        const ssize_t taken = tls->write(some.data(), used);
        if (taken < 0) return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
        written = size_t(taken);
    }
    // If this is the last write, nothing else would send the rest.
    if (tls->flush() < 0) return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
    return Done({{}, std::exchange(written, 0)});
}

HttpSocket::Done HttpSocket::State::send(std::string_view &head, FileRange from, size_t size) {
    const int target = socket.native_handle();
    while (!head.empty()) {
        const ssize_t sent =
            ::send(target, head.data(), head.size(), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
        head.remove_prefix(size_t(sent));
    }
    // sendfile() has no flag for a single call that must not block.
    error_code error;
    if (!socket.native_non_blocking()) socket.native_non_blocking(true, error);
    if (error) return Done({error, 0});
    for (;;) {
        auto offset = off_t(from.offset);
        const ssize_t sent = ::sendfile(target, from.file, &offset, size);
        if (sent > 0) return Done({{}, size_t(sent)});
        if (sent == 0) return Done({asio::error::eof, 0}); // the file is shorter: a bug
        if (errno != EINTR) return is_again(errno) ? std::nullopt : Done({system_error(errno), 0});
    }
}

// --- the handshake ------------------------------------------------------------------------

void HttpSocket::start_tls(TlsContext &context, Greeted done) {
    const auto greet = [state = state_, &context, done = std::move(done)](error_code ec) {
        if (ec) return done(state->timed(ec), Greeting::neither, {});
        state->greet(context, done);
    };
    state_->socket.async_wait(tcp::socket::wait_read, greet);
}

void HttpSocket::State::greet(TlsContext &context, const Greeted &done) {
    uint8_t first = 0;
    const ssize_t got = ::recv(socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0) return done(asio::error::eof, Greeting::neither, {});
    if (got < 0) return done(system_error(errno), Greeting::neither, {});
    constexpr uint8_t handshake_record = 0x16;
    if (first != handshake_record) {
        const bool is_method = first >= 'A' && first <= 'Z';
        return done({}, is_method ? Greeting::http : Greeting::neither, {});
    }
    tls = context.accept(socket.native_handle());
    shake(done);
}

void HttpSocket::State::shake(const Greeted &done) {
    const auto step = tls->handshake();
    if (step == TlsSession::Step::done) return done({}, Greeting::tls, {});
    if (step == TlsSession::Step::failed)
        return done(asio::error::connection_refused, Greeting::tls, tls->reason());
    if (expired) return done(boost::beast::error::timeout, Greeting::tls, {});
    socket.async_wait(step == TlsSession::Step::wants_read ? tcp::socket::wait_read
                                                           : tcp::socket::wait_write,
                      [self = shared_from_this(), done](error_code ec) {
                          if (ec) return done(self->timed(ec), Greeting::tls, {});
                          self->shake(done);
                      });
}

std::pair<tcp::socket, std::unique_ptr<TlsSession>> HttpSocket::release() {
    state_->expires_never();
    state_->timer.cancel();
    return {std::move(state_->socket), std::move(state_->tls)};
}

} // namespace penstock::net
