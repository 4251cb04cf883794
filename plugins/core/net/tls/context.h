// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate of a TLS listener, read again when its files are replaced. TLS 1.2 and 1.3. No
// OpenSSL and no Boost in this header.
#pragma once

#include "core/net/tls/files.h"
#include "core/net/tls/session.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;

namespace penstock::net {

/// A certificate and its key. Thread-safe. Lock order: mutex_ alone, held while files are read.
class TlsContext {
public:
    /// Reads the files. On failure nullptr, and `error` names the file, the reason and what is
    /// needed.
    static std::shared_ptr<TlsContext> load(const TlsFiles &files, std::string *error);
    /// Use load().
    explicit TlsContext(TlsFiles files);

    const TlsFiles &files() const { return files_; }
    /// A session for an accepted connection; the socket stays the caller's and outlives it. Looks
    /// for replaced files at most once a second; this and later connections get the new
    /// certificate. If it cannot be used, the old one stays in use and the log has a warning.
    std::unique_ptr<TlsSession> accept(int socket);

private:
    /// Differs between a file and the one that replaces it.
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
    void reload_if_replaced();

    const TlsFiles files_;
    std::mutex mutex_; ///< what follows
    std::shared_ptr<ssl_ctx_st> context_;
    Stamps stamps_;
    uint64_t looked_ms_ = 0; ///< steady clock: when the files were last looked at
};

} // namespace penstock::net
