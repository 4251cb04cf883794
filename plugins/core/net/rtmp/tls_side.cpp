// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTMP peer with TLS, or without it where both are taken: its first byte tells which.
#include "core/net/rtmp/connection.h"
#include "core/net/rtmp/state.h"

#include <cerrno>

#include <sys/socket.h>

namespace penstock::net {

bool RtmpConnection::greet() {
    if (tls_) return shake_hands();
    uint8_t first = 0;
    const ssize_t got = ::recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
        lost(got < 0 ? errno : 0);
        return false;
    }
    constexpr uint8_t handshake_record = 0x16;
    if (first == handshake_record) {
        tls_ = state_->tls->accept(socket_);
        tls_->read_to_end(); // the poller tells of new data only
        return shake_hands();
    }
    if (state_->is_tls_only) {
        close_now(LogLevel::info, "closed: it speaks no TLS, and this address is rtmps://");
        return false;
    }
    greeting_ = false;
    return true;
}

bool RtmpConnection::shake_hands() {
    switch (tls_->handshake()) {
    case TlsSession::Step::done:
        greeting_ = false;
        return true;
    case TlsSession::Step::wants_read:
    case TlsSession::Step::wants_write:
        break;
    case TlsSession::Step::failed:
        close_now(LogLevel::info, "closed: TLS: " + tls_->reason());
    }
    return false;
}

/// Like recv().
ssize_t RtmpConnection::receive(uint8_t *data, size_t size) {
    if (!tls_) return ::recv(socket_, data, size, MSG_DONTWAIT);
    const ssize_t got = tls_->read(data, size);
    const int error = errno;
    // The peer may have asked for other keys. The socket's edge comes through on_ready().
    if (tls_->has_unsent()) waiting_ = true;
    errno = error;
    return got;
}

fanout::Outlet::Status RtmpConnection::write(const fanout::Outlet::Source &source,
                                             fanout::BatchCache &cache, uint64_t &sent,
                                             int &error) {
    using Status = fanout::Outlet::Status;
    if (!tls_) {
        fanout::SocketWire wire(socket_);
        return outlet_.send(wire, source, cache, sent, error);
    }
    // First goes what was encrypted when the socket was full.
    if (tls_->flush() < 0) {
        error = errno;
        return error == EAGAIN || error == EWOULDBLOCK ? Status::blocked : Status::failed;
    }
    const Status status = outlet_.send(*tls_, source, cache, sent, error);
    return status == Status::idle && tls_->has_unsent() ? Status::blocked : status;
}

} // namespace penstock::net
