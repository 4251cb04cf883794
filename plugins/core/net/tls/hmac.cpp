// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/hmac.h"

#include <memory>
#include <new>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace penstock::net {
namespace {

struct Free {
    void operator()(EVP_MAC *mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX *context) const { EVP_MAC_CTX_free(context); }
};

template <size_t size>
std::array<uint8_t, size> hmac(const char *hash, ByteView key, ByteView first, ByteView second) {
    static const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    const std::unique_ptr<EVP_MAC_CTX, Free> context(EVP_MAC_CTX_new(mac.get()));
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char *>(hash), 0),
        OSSL_PARAM_construct_end()};
    std::array<uint8_t, size> out{};
    size_t written = 0;
    if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), settings) != 1 ||
        EVP_MAC_update(context.get(), first.data(), first.size()) != 1 ||
        EVP_MAC_update(context.get(), second.data(), second.size()) != 1 ||
        EVP_MAC_final(context.get(), out.data(), &written, out.size()) != 1)
        throw std::bad_alloc();
    return out;
}

} // namespace

std::array<uint8_t, 32> hmac_sha256(ByteView key, ByteView first, ByteView second) {
    return hmac<32>("SHA256", key, first, second);
}

std::array<uint8_t, 20> hmac_sha1(ByteView key, ByteView first, ByteView second) {
    return hmac<20>("SHA1", key, first, second);
}

} // namespace penstock::net
