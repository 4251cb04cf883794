// SPDX-License-Identifier: LGPL-2.1-or-later
// HMACs for layers that have no cryptography. This header does not need OpenSSL.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstdint>

namespace penstock::net {

/// The HMAC (RFC 2104) of the bytes of `first` followed by those of `second`. The key has at most
/// 64 KiB. Thread-safe.
std::array<uint8_t, 32> hmac_sha256(ByteView key, ByteView first, ByteView second);
/// The same with SHA-1, as STUN has it.
std::array<uint8_t, 20> hmac_sha1(ByteView key, ByteView first, ByteView second);

} // namespace penstock::net
