// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by all DTLS sessions of a server: its self-signed certificate, which peers know by its
// fingerprint, and the ciphers and profiles that are offered to them. This header does not need
// OpenSSL.
#pragma once

#include "core/dtls/fingerprint.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st;

namespace penstock::dtls {

/// Thread-safe. Outlives its sessions, which share its ownership.
class Context {
public:
    struct Limits {
        size_t handshakes = 1000; ///< at a time; each may occupy about 100 kB
    };

    /// Makes a key (ECDSA, P-256) and a certificate signed by it. nullptr, and why in `error`, if
    /// OpenSSL can't.
    static std::shared_ptr<Context> make(const Limits &limits, std::string *error);
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;

    /// SHA-256 of the certificate, for SDP.
    const Fingerprint &fingerprint() const { return fingerprint_; }
    /// Handshakes that are under way.
    size_t handshakes() const { return handshakes_; }
    /// Handshakes that have ended so far.
    uint64_t ended_handshakes() const { return ended_; }

private:
    friend class Session;
    struct Free {
        void operator()(ssl_ctx_st *context) const;
    };
    explicit Context(const Limits &limits) : limits_(limits) {}
    /// False if there are as many as allowed.
    bool begin_handshake();
    void end_handshake() {
        --handshakes_;
        ++ended_;
    }

    std::unique_ptr<ssl_ctx_st, Free> context_;
    Fingerprint fingerprint_;
    const Limits limits_;
    std::atomic<size_t> handshakes_{0};
    std::atomic<uint64_t> ended_{0};
};

} // namespace penstock::dtls
