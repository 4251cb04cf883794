// SPDX-License-Identifier: LGPL-2.1-or-later
// The socket of a client: connects to one address, with TLS if wanted, and writes a queue of
// packets.
#pragma once

#include "core/fanout/packet.h"
#include "core/net/loop/poller.h"
#include "core/net/loop/resolve.h"
#include "core/net/tls/client.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace penstock::net {

/// Used on its loop only, except unsent(). The poller calls its owner.
class ClientSocket {
public:
    enum class Step {
        done,    ///< connected, TLS included
        waiting, ///< for the socket
        failed   ///< reason() tells why
    };

    ~ClientSocket() { close(); }
    ClientSocket() = default;
    ClientSocket(const ClientSocket &) = delete;
    ClientSocket &operator=(const ClientSocket &) = delete;

    /// Begins to connect; `polled` is told about the socket. `tls` may be nullptr.
    Step connect(const SocketAddress &address, const TlsClient *tls, const std::string &host,
                 Poller &poller, Polled &polled);
    /// Continues when the socket is ready.
    Step go_on();
    void close();
    bool is_open() const { return socket_ >= 0; }
    bool is_connected() const { return state_ == State::connected; }

    /// Like recv(): bytes, 0 at the end, -1 and errno.
    ssize_t read(uint8_t *data, size_t size);
    void push(fanout::PacketPtr packet);
    /// Bytes that wait in push()'s queue.
    size_t pending() const { return pending_; }
    bool has_unsent() const { return pending_ > 0 || (tls_ && tls_->has_unsent()); }
    /// Writes until everything is sent or the socket is full. False if the connection is lost:
    /// reason() tells why.
    bool write();
    /// Bytes of packets that were passed to the system, or to TLS.
    uint64_t written() const { return written_; }
    /// Bytes that the system has not sent yet.
    uint64_t unsent() const;
    /// Half-closes after what was written, so that the peer reads all of it.
    void shut();

    const std::string &reason() const { return reason_; }

private:
    enum class State { closed, connecting, handshake, connected };
    Step fail(const std::string &reason);
    Step handshake();
    void advance(size_t size);

    int socket_ = -1;
    State state_ = State::closed;
    Poller *poller_ = nullptr;
    Polled *polled_ = nullptr;
    const TlsClient *tls_client_ = nullptr;
    std::string host_, reason_;
    std::unique_ptr<TlsSession> tls_;
    std::deque<fanout::PacketPtr> out_;
    size_t offset_ = 0; ///< bytes of the first packet that were written
    size_t pending_ = 0;
    uint64_t written_ = 0;
};

} // namespace penstock::net
