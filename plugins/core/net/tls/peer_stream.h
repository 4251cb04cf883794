// SPDX-License-Identifier: LGPL-2.1-or-later
// The TCP connection of a peer, with TLS or without it where both are taken: its first byte tells
// which.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/tls/session.h"

#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>

namespace penstock::net {

class TlsContext;

/// Used on the socket's loop only.
class PeerStream {
public:
    /// The socket stays the caller's. `tls` nullptr: it speaks none. `tls_only`: peers without it
    /// are refused.
    PeerStream(int socket, std::shared_ptr<TlsContext> tls, bool tls_only)
        : socket_(socket), context_(std::move(tls)), tls_only_(tls_only),
          greeting_(context_ != nullptr) {}

    enum class Step { done, waits, lost, failed };
    /// Looks at the first byte, and shakes hands if it is TLS. `lost`: errno says why, 0 at the
    /// end; `failed`: `reason` does.
    Step greet(std::string &reason);
    /// Whether greet() is not done.
    bool is_greeting() const { return greeting_; }

    /// Like recv(); EAGAIN if nothing has come.
    ssize_t receive(uint8_t *data, size_t size);
    /// Like Outlet::send(). First goes what was encrypted when the socket was full.
    fanout::Outlet::Status send(fanout::Outlet &outlet, const fanout::Outlet::Source &source,
                                fanout::BatchCache &cache, uint64_t &sent, int &error);
    bool is_encrypted() const { return tls_ != nullptr; }
    /// Whether encrypted bytes wait for the socket: send() passes them on.
    bool has_unsent() const { return tls_ && tls_->has_unsent(); }
    /// Says goodbye, if the socket takes it at once.
    void shutdown() {
        if (tls_) tls_->shutdown();
    }

private:
    const int socket_;
    const std::shared_ptr<TlsContext> context_;
    const bool tls_only_;
    bool greeting_;
    std::unique_ptr<TlsSession> tls_; ///< nullptr: plain
};

} // namespace penstock::net
