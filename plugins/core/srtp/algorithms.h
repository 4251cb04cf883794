// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenSSL's algorithms, fetched once for each process: a search for one costs more than a packet.
#pragma once

#include <openssl/evp.h>

namespace penstock::srtp {

/// Shared by all threads. A null pointer is one that this OpenSSL does not have; its use fails.
struct Algorithms {
    EVP_CIPHER *aes_128_ctr, *aes_256_ctr, *aes_128_gcm, *aes_256_gcm;
    EVP_MAC *hmac;
};

/// They live until the process ends.
const Algorithms &algorithms();

} // namespace penstock::srtp
