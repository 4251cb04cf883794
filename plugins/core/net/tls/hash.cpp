// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/hash.h"

#include <array>

#include <openssl/evp.h>

namespace penstock::net {
namespace {

std::string hex_digest(const EVP_MD *kind, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<uint8_t, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, kind, nullptr) != 1) return {};
    std::string out;
    for (unsigned i = 0; i < size; ++i)
        out.append({digits[bytes[i] >> 4], digits[bytes[i] & 15]});
    return out;
}

} // namespace

std::string md5_hex(std::string_view text) {
    return hex_digest(EVP_md5(), text);
}

std::string sha256_hex(std::string_view text) {
    return hex_digest(EVP_sha256(), text);
}

} // namespace penstock::net
