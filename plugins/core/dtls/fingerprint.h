// SPDX-License-Identifier: LGPL-2.1-or-later
// A certificate's digest, by which SDP says whose certificate is to be expected (RFC 8122, section
// 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace penstock::dtls {

/// Weaker ones are not accepted.
enum class Hash : uint8_t { sha_256, sha_384, sha_512 };

struct Fingerprint {
    Hash hash = Hash::sha_256;
    std::vector<uint8_t> digest; ///< 32, 48 or 64 bytes

    /// Reads the two words of `a=fingerprint:`, e.g. "sha-256" and "4A:AD:…", both without regard
    /// to case. Empty if the hash is none of these, or the digest not of its length.
    static std::optional<Fingerprint> parse(std::string_view hash, std::string_view digest);
    /// The digest of a certificate. Throws std::bad_alloc.
    static Fingerprint of(const x509_st *certificate, Hash hash);
    /// As in SDP: "sha-256 4A:AD:…".
    std::string text() const;
    bool operator==(const Fingerprint &) const = default;
};

} // namespace penstock::dtls
