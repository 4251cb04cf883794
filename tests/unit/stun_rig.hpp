// SPDX-License-Identifier: LGPL-2.1-or-later
// HMAC-SHA1 and addresses for tests of STUN.
#pragma once

#include "core/stun/message.h"

#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace penstock::rig {

inline stun::Digest hmac_sha1(ByteView key, ByteView first, ByteView second) {
    std::vector<uint8_t> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    stun::Digest out{};
    unsigned size = 0;
    HMAC(EVP_sha1(), key.data(), int(key.size()), all.data(), all.size(), out.data(), &size);
    return out;
}

inline constexpr stun::TransactionId transaction{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/// An address of 192.0.2.0/24.
inline stun::TransportAddress address(uint8_t last, uint16_t port) {
    return stun::TransportAddress::v4({192, 0, 2, last}, port);
}

} // namespace penstock::rig
