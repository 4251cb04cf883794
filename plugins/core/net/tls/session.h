// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's end of one TLS connection, by OpenSSL on the socket itself: no second pair of
// buffers, nothing kept for a connection that has nothing to send. No OpenSSL and no Boost here.
#pragma once

#include "core/fanout/outlet.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace penstock::net {

/// Never blocks. Belongs to the socket's loop: none of its methods may be called elsewhere.
class TlsSession final : public fanout::Wire {
public:
    /// The socket stays the caller's, is non-blocking and outlives the session. Use
    /// TlsContext::accept(). Throws std::bad_alloc.
    TlsSession(ssl_ctx_st *context, int socket);
    ~TlsSession() override;
    TlsSession(const TlsSession &) = delete;
    TlsSession &operator=(const TlsSession &) = delete;

    enum class Step { done, wants_read, wants_write, failed };
    /// Continues the handshake; to be called again when the socket is ready for what the step
    /// wants. After a failure, reason() says why.
    Step handshake();
    /// Reads as recv() does: bytes read, at most one record of 16 KiB; 0 at the end; -1 and errno,
    /// EAGAIN if no whole record has come.
    ssize_t read(uint8_t *data, size_t size);
    /// True if decrypted bytes wait for read(): the socket signals no event for them.
    bool has_pending() const;
    /// Encrypts and sends; small parts share a record. Returns the bytes taken, or -1 and errno. A
    /// record that the socket has no room for stays in the session: call flush() when the socket is
    /// writable.
    ssize_t write(const iovec *parts, int count) override;
    /// True if encrypted bytes wait for flush().
    bool has_unsent() const { return !unsent_.empty(); }
    /// Sends them. Returns the bytes sent, 0 if there were none; -1 and errno, EAGAIN if some are
    /// left.
    ssize_t flush();
    /// Sends close_notify, if the socket has room for it at once.
    void shutdown();
    /// Why the handshake or the connection failed, for the log.
    std::string reason() const;

private:
    struct SocketMethod;
    struct Free {
        void operator()(ssl_st *ssl) const;
    };
    int send(const char *data, int size); ///< a record
    int receive(char *data, int size);
    ssize_t write_record(const uint8_t *data, size_t size);

    std::unique_ptr<ssl_st, Free> ssl_;
    std::vector<uint8_t> unsent_; ///< encrypted bytes that the socket had no room for
    const int socket_;
    int error_ = 0;       ///< errno of the socket, or 0
    bool ended_ = false;  ///< the peer has closed its direction
    bool broken_ = false; ///< a record failed: nothing more can be read or written
};

} // namespace penstock::net
