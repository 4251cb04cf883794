// SPDX-License-Identifier: LGPL-2.1-or-later
// The digests of RTMP's complex handshake, which Flash Player 9 brought: Adobe does not document
// it, and servers and clients agree on what is said here.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace penstock::rtmp {

using Digest = std::array<uint8_t, 32>;

/// HMAC-SHA256 (RFC 2104) of `first` and, behind it, `second`. Given from outside, because this
/// layer has no cryptography of its own. The key has at most 68 bytes.
using Hmac = Digest (*)(ByteView key, ByteView first, ByteView second);

/// Where a block of 1536 bytes says the place of its digest: in the four bytes at 8 or at 772. The
/// digest is in the same half of the block, the other half has a key for encryption.
enum class DigestScheme { first_half, second_half };

/// The offset in the block of its digest.
size_t digest_offset(ByteView block, DigestScheme scheme);

struct FoundDigest {
    DigestScheme scheme;
    Digest digest;
};
/// Looks for the digest of C1 under both schemes; nullopt if the block has none that is right.
std::optional<FoundDigest> find_client_digest(ByteView c1, Hmac hmac);

/// Writes the server's digest into S1, whose other bytes are final.
void sign_s1(std::span<uint8_t> s1, DigestScheme scheme, Hmac hmac);
/// Writes the signature that proves that C1's digest was read to the last 32 bytes of S2.
void sign_s2(std::span<uint8_t> s2, const Digest &client, Hmac hmac);

} // namespace penstock::rtmp
