// SPDX-License-Identifier: LGPL-2.1-or-later
// A TLS connection: OpenSSL directly on the socket, without a second pair of buffers or memory for
// idle connections. This header needs neither OpenSSL nor Boost.
#pragma once

#include "core/fanout/outlet.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace penstock::net {

/// Never blocks. Used on the socket's loop only.
class TlsSession final : public fanout::Wire {
public:
    /// The socket stays the caller's; it must be non-blocking and outlive the session. Use
    /// TlsContext::accept() or TlsClient::connect(). A server's session until become_client().
    /// Throws std::bad_alloc.
    TlsSession(ssl_ctx_st *context, int socket);
    ~TlsSession() override;
    TlsSession(const TlsSession &) = delete;
    TlsSession &operator=(const TlsSession &) = delete;

    /// Before the handshake: makes it a client's session with the server `host`, a name (sent as
    /// SNI) or an address. With `verify`, the server's certificate must be for it.
    void become_client(const std::string &host, bool verify);
    /// Before the first read, for a socket whose readiness is told once (net::Poller): read() then
    /// goes on behind messages without data until the socket has no more.
    void read_to_end();

    enum class Step { done, wants_read, wants_write, failed };
    /// Continues the handshake. Call it again when the socket is ready for what the step wants.
    /// After a failure, reason() tells the cause.
    Step handshake();
    /// The protocol that was agreed on (ALPN): "h2", "http/1.1"; empty: none.
    std::string_view protocol() const;
    /// Reads like recv(): returns the number of bytes, up to one record of 16 KiB; 0 at the end; -1
    /// and errno, with EAGAIN if no complete record has arrived.
    ssize_t read(uint8_t *data, size_t size);
    /// True if decrypted bytes are available: the socket signals no event for them.
    bool has_pending() const;
    /// Encrypts and sends; small parts share a record. Returns the number of bytes accepted, or -1
    /// and errno. A record that the socket can't accept stays in the session: call flush() when the
    /// socket is writable.
    ssize_t write(const iovec *parts, int count) override;
    /// True if encrypted bytes wait for flush().
    bool has_unsent() const { return !unsent_.empty(); }
    /// Sends them. Returns the number of bytes sent, 0 if there were none; -1 and errno, with
    /// EAGAIN if some remain.
    ssize_t flush();
    /// Sends close_notify if the socket accepts it at once.
    void shutdown();
    /// Why the handshake or the connection failed, for the log.
    std::string reason() const;

private:
    struct SocketMethod;
    struct Free {
        void operator()(ssl_st *ssl) const;
    };
    int send(const char *data, int size); ///< a record
    bool send_gathered();
    int receive(char *data, int size);
    ssize_t write_record(const uint8_t *data, size_t size);

    std::unique_ptr<ssl_st, Free> ssl_;
    std::vector<uint8_t> unsent_; ///< encrypted bytes that the socket did not accept
    const int socket_;
    int error_ = 0;         ///< errno of the socket, or 0
    bool ended_ = false;    ///< the peer has closed its side
    bool broken_ = false;   ///< a record failed: no more reading or writing
    bool gathers_ = false;  ///< records are kept for send_gathered()
    bool takes_all_ = true; ///< the socket took all that was sent last
};

} // namespace penstock::net
