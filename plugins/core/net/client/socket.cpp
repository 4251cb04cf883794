// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/client/socket.h"

#include "core/fanout/outlet.h"
#include "core/net/loop/keepalive.h"

#include <cerrno>
#include <system_error>
#include <vector>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::net {
namespace {

constexpr size_t max_parts = 64;
/// Bytes that the system holds unsent. What is there can't be skipped when the connection is slow.
constexpr int max_unsent = 64 << 10;
/// ms after which unacknowledged bytes end the connection, whatever keepalive would wait.
constexpr unsigned user_timeout = 20'000;

std::string text_of(int error) {
    return std::generic_category().message(error);
}

} // namespace

ClientSocket::Step ClientSocket::fail(const std::string &reason) {
    reason_ = reason;
    close();
    return Step::failed;
}

ClientSocket::Step ClientSocket::connect(const SocketAddress &address, const TlsClient *tls,
                                         const std::string &host, Poller &poller, Polled &polled) {
    close();
    tls_client_ = tls;
    host_ = host;
    socket_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return fail(text_of(errno));
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent, sizeof max_unsent);
    ::setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    keep_alive(socket_);
    state_ = State::connecting;
    const auto *to = reinterpret_cast<const sockaddr *>(&address.storage);
    if (::connect(socket_, to, address.size) != 0 && errno != EINPROGRESS)
        return fail(text_of(errno));
    // Not earlier, because an unconnected socket reports a hang-up.
    poller_ = &poller;
    polled_ = &polled;
    if (!poller.add(socket_, polled)) {
        poller_ = nullptr;
        return fail(text_of(errno));
    }
    return Step::waiting;
}

ClientSocket::Step ClientSocket::go_on() {
    if (state_ == State::connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return fail(text_of(error));
        sockaddr_storage peer;
        socklen_t peer_size = sizeof peer;
        if (::getpeername(socket_, reinterpret_cast<sockaddr *>(&peer), &peer_size) != 0)
            return Step::waiting;
        if (!tls_client_) {
            state_ = State::connected;
            return Step::done;
        }
        tls_ = tls_client_->connect(socket_, host_);
        state_ = State::handshake;
    }
    if (state_ == State::handshake) return handshake();
    return state_ == State::connected ? Step::done : Step::failed;
}

ClientSocket::Step ClientSocket::handshake() {
    switch (tls_->handshake()) {
    case TlsSession::Step::done:
        state_ = State::connected;
        return Step::done;
    case TlsSession::Step::wants_read:
    case TlsSession::Step::wants_write:
        return Step::waiting;
    case TlsSession::Step::failed:
        break;
    }
    return fail("TLS with '" + host_ + "' failed: " + tls_->reason());
}

void ClientSocket::close() {
    if (poller_) poller_->remove(socket_, *polled_);
    poller_ = nullptr;
    tls_.reset();
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    state_ = State::closed;
    out_.clear();
    offset_ = pending_ = 0;
    written_ = 0;
}

ssize_t ClientSocket::read(uint8_t *data, size_t size) {
    if (tls_) return tls_->read(data, size);
    ssize_t got;
    do
        got = ::recv(socket_, data, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

void ClientSocket::push(fanout::PacketPtr packet) {
    pending_ += packet->size;
    out_.push_back(std::move(packet));
}

void ClientSocket::advance(size_t size) {
    written_ += size;
    pending_ -= size;
    while (size > 0) {
        const size_t left = out_.front()->size - offset_;
        if (size < left) {
            offset_ += size;
            return;
        }
        size -= left;
        offset_ = 0;
        out_.pop_front();
    }
}

bool ClientSocket::write() {
    if (tls_ && tls_->flush() < 0) {
        if (errno == EAGAIN) return true;
        reason_ = tls_->reason();
        return false;
    }
    std::vector<iovec> parts;
    while (pending_ > 0) {
        parts.clear();
        size_t skip = offset_;
        for (const auto &packet : out_) {
            for (const ByteView piece : packet->pieces) {
                if (skip >= piece.size()) {
                    skip -= piece.size();
                    continue;
                }
                parts.push_back({const_cast<uint8_t *>(piece.data()) + skip, piece.size() - skip});
                skip = 0;
                if (parts.size() == max_parts) break;
            }
            if (parts.size() == max_parts) break;
        }
        fanout::SocketWire plain(socket_);
        fanout::Wire &wire = tls_ ? static_cast<fanout::Wire &>(*tls_) : plain;
        const ssize_t sent = wire.write(parts.data(), static_cast<int>(parts.size()));
        if (sent < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
            reason_ = tls_ ? tls_->reason() : text_of(errno);
            return false;
        }
        if (sent == 0) return true;
        advance(static_cast<size_t>(sent));
        if (tls_ && tls_->has_unsent()) return true;
    }
    return true;
}

uint64_t ClientSocket::unsent() const {
    int bytes = 0;
    if (socket_ < 0 || ::ioctl(socket_, SIOCOUTQNSD, &bytes) != 0) return 0;
    return static_cast<uint64_t>(bytes);
}

void ClientSocket::shut() {
    if (tls_ && is_connected()) tls_->shutdown();
    if (socket_ >= 0) ::shutdown(socket_, SHUT_WR);
}

} // namespace penstock::net
