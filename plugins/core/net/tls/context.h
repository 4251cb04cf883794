// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS 1.2 and 1.3 of servers, by OpenSSL on the socket itself: no second pair of buffers, nothing
// kept for a connection that has nothing to send. No OpenSSL and no Boost in this header.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/tls/files.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace penstock::net {

/// The server's end of one connection. It never waits, and belongs to the socket's loop.
class TlsSession final : public fanout::Wire {
public:
    /// Use TlsContext::accept().
    TlsSession(ssl_ctx_st *context, int socket);
    ~TlsSession() override;
    TlsSession(const TlsSession &) = delete;
    TlsSession &operator=(const TlsSession &) = delete;

    enum class Step { done, wants_read, wants_write, failed };
    /// To be called again when the socket can do what it wants. On failure reason() tells.
    Step handshake();
    /// As recv() that does not wait: 0 at the end, -1 and errno. At most one record, of 16 KiB.
    ssize_t read(uint8_t *data, size_t size);
    /// There is something decrypted and not read yet: no event of the socket tells of it.
    bool has_pending() const;
    /// Small parts share a record. What it takes and the socket does not, a record at most, stays
    /// with the session: flush() when the socket is writable.
    ssize_t write(const iovec *parts, int count) override;
    bool has_unsent() const { return !unsent_.empty(); }
    /// As write(): how much of that was sent, or -1 and errno; 0 if there was nothing.
    ssize_t flush();
    /// Says goodbye, as far as the socket takes it at once.
    void shutdown();
    std::string reason() const;

private:
    friend struct TlsSocketMethod;
    struct Free {
        void operator()(ssl_st *ssl) const;
    };
    int send(const char *data, int size); ///< a record
    int receive(char *data, int size);
    ssize_t write_record(const uint8_t *data, size_t size);

    std::unique_ptr<ssl_st, Free> ssl_;
    std::vector<uint8_t> unsent_;
    const int socket_;
    int error_ = 0;       ///< errno of the socket, or 0
    bool ended_ = false;  ///< the peer sends no more
    bool broken_ = false; ///< no record makes sense any more
};

/// A certificate and its key. Thread-safe.
class TlsContext {
public:
    /// nullptr if they can't be used, and `error` says which file, why, and what is needed.
    static std::shared_ptr<TlsContext> load(const TlsFiles &files, std::string *error);
    /// Use load().
    explicit TlsContext(TlsFiles files);

    const TlsFiles &files() const { return files_; }
    /// The socket stays the caller's and outlives the session. Files that were replaced are read
    /// again, for this and later connections; if that fails, those before are shown still, and the
    /// log has a warning.
    std::unique_ptr<TlsSession> accept(int socket);

private:
    /// Tells a replaced file from the one that was read.
    struct Stamp {
        uint64_t inode = 0, size = 0;
        int64_t seconds = 0, nanoseconds = 0;
        bool operator==(const Stamp &) const = default;
    };
    struct Stamps {
        Stamp certificate, key;
        bool operator==(const Stamps &) const = default;
    };
    static Stamp stamp_of(const std::string &path);
    Stamps stamps() const { return {stamp_of(files_.certificate), stamp_of(files_.key)}; }
    void look_again();

    const TlsFiles files_;
    std::mutex mutex_; ///< what follows
    std::shared_ptr<ssl_ctx_st> context_;
    Stamps stamps_;
    uint64_t looked_ms_ = 0;
};

} // namespace penstock::net
