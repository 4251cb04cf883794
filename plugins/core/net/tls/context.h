// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate of a TLS listener, reloaded when its files are replaced. TLS 1.2 and 1.3. This
// header needs neither OpenSSL nor Boost.
#pragma once

#include "core/net/tls/files.h"
#include "core/net/tls/session.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;

namespace penstock::net {

/// A certificate and its key. Thread-safe. Lock order: mutex_ only; held while files are read.
class TlsContext {
public:
    /// Protocols that clients may choose from (ALPN, RFC 7301).
    enum class Offer { http_1_1, http_2_and_1_1 };
    /// Loads the files. On failure returns nullptr and sets `error` to the file, the reason and a
    /// remedy.
    static std::shared_ptr<TlsContext> load(const TlsFiles &files, std::string *error,
                                            Offer offer = Offer::http_1_1);
    /// Use load().
    TlsContext(TlsFiles files, Offer offer);
    ~TlsContext();
    TlsContext(const TlsContext &) = delete;
    TlsContext &operator=(const TlsContext &) = delete;

    /// Whether to warn that these files were given and have no effect: true once per pair and
    /// process, and false while an open listener of this process uses the pair. Any thread.
    static bool is_first_idle_report(const TlsFiles &files);
    const TlsFiles &files() const { return files_; }
    /// Makes a session for an accepted connection; the socket stays the caller's and must outlive
    /// the session. Checks for replaced files at most once per second; this and later connections
    /// get the new certificate. If it is unusable, the old one stays in use and a warning is
    /// logged.
    std::unique_ptr<TlsSession> accept(int socket);

private:
    /// Identifies a version of a file.
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
    const Offer offer_;
    std::mutex mutex_; ///< guards the following
    std::shared_ptr<ssl_ctx_st> context_;
    Stamps stamps_;
    uint64_t looked_ms_ = 0; ///< steady clock; last check of the files
};

} // namespace penstock::net
