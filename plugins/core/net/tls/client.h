// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS connections to other servers. TLS 1.2 and 1.3. This header needs neither OpenSSL nor Boost.
#pragma once

#include "core/net/tls/session.h"

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace penstock::net {

/// Which servers are trusted.
struct TlsTrust {
    std::string ca_file; ///< PEM file of the trusted authorities; empty: those of the system
    bool verify = true;  ///< false: any certificate is taken
};

/// Thread-safe.
class TlsClient {
public:
    /// On failure returns nullptr and sets `error` to the file and the reason.
    static std::shared_ptr<TlsClient> make(const TlsTrust &trust, std::string *error);
    /// Use make().
    TlsClient(std::shared_ptr<ssl_ctx_st> context, bool verify)
        : context_(std::move(context)), verify_(verify) {}

    /// Makes a session for a connected socket, which stays the caller's and must outlive it. `host`
    /// is sent to the server (SNI) unless it is an address, and has to be in its certificate.
    std::unique_ptr<TlsSession> connect(int socket, const std::string &host) const;

private:
    const std::shared_ptr<ssl_ctx_st> context_;
    const bool verify_;
};

} // namespace penstock::net
