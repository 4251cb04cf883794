// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/peer_stream.h"

#include "core/net/tls/context.h"

#include <cerrno>

#include <sys/socket.h>

namespace penstock::net {

PeerStream::Step PeerStream::greet(std::string &reason) {
    if (!greeting_) return Step::done;
    if (!tls_) {
        uint8_t first = 0;
        const ssize_t got = ::recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return Step::waits;
        if (got <= 0) {
            if (got == 0) errno = 0;
            return Step::lost;
        }
        constexpr uint8_t handshake_record = 0x16;
        if (first != handshake_record) {
            reason = "it speaks no TLS, which this address demands";
            if (tls_only_) return Step::failed;
            greeting_ = false;
            return Step::done;
        }
        tls_ = context_->accept(socket_);
        tls_->read_to_end(); // the poller tells of new data only
    }
    switch (tls_->handshake()) {
    case TlsSession::Step::done:
        greeting_ = false;
        return Step::done;
    case TlsSession::Step::failed:
        reason = "TLS: " + tls_->reason();
        return Step::failed;
    default:
        return Step::waits;
    }
}

ssize_t PeerStream::receive(uint8_t *data, size_t size) {
    return tls_ ? tls_->read(data, size) : ::recv(socket_, data, size, MSG_DONTWAIT);
}

fanout::Outlet::Status PeerStream::send(fanout::Outlet &outlet,
                                        const fanout::Outlet::Source &source,
                                        fanout::BatchCache &cache, uint64_t &sent, int &error) {
    using Status = fanout::Outlet::Status;
    if (!tls_) {
        fanout::SocketWire wire(socket_);
        return outlet.send(wire, source, cache, sent, error);
    }
    if (tls_->flush() < 0) {
        error = errno;
        return error == EAGAIN || error == EWOULDBLOCK ? Status::blocked : Status::failed;
    }
    const Status status = outlet.send(*tls_, source, cache, sent, error);
    return status == Status::idle && tls_->has_unsent() ? Status::blocked : status;
}

} // namespace penstock::net
