// SPDX-License-Identifier: LGPL-2.1-or-later
// What STUN takes from outside, made of OpenSSL: HMAC-SHA1 and random bytes.
#pragma once

#include "core/stun/credentials.h"
#include "core/stun/message.h"

#include <stdexcept>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace rtc_test {

using namespace penstock;

inline stun::Digest hmac_sha1(ByteView key, ByteView first, ByteView second) {
    std::vector<uint8_t> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    stun::Digest out{};
    unsigned size = 0;
    if (!HMAC(EVP_sha1(), key.data(), int(key.size()), all.data(), all.size(), out.data(), &size))
        throw std::runtime_error("OpenSSL has no HMAC-SHA1");
    return out;
}

inline void random_bytes(std::span<uint8_t> bytes) {
    if (RAND_bytes(bytes.data(), int(bytes.size())) != 1)
        throw std::runtime_error("OpenSSL has no random bytes");
}

template <class Number>
Number random_number() {
    Number out{};
    random_bytes({reinterpret_cast<uint8_t *>(&out), sizeof out});
    return out;
}

} // namespace rtc_test
