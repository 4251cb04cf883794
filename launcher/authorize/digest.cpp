// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/digest.h"

#include <array>
#include <cstdint>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace penstock::authorize {
namespace {

/// The value of a digit of base64url; -1 if it is none.
int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

const unsigned char *bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char *>(text.data());
}

} // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int value = digit(c);
        if (value < 0) return std::nullopt;
        bits = bits << 6 | uint32_t(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += char(bits >> count & 0xff);
    }
    // The bits left over have to be zero: each text has one encoding.
    if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
    return out;
}

std::string hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out += "0123456789abcdef"[uint8_t(c) >> 4];
        out += "0123456789abcdef"[uint8_t(c) & 15];
    }
    return out;
}

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return {reinterpret_cast<const char *>(digest.data()), size};
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    // OpenSSL takes a null key for the previous call's key.
    const char *start = key.empty() ? "" : key.data();
    HMAC(EVP_sha256(), start, int(key.size()), bytes_of(bytes), bytes.size(), digest.data(), &size);
    return {reinterpret_cast<const char *>(digest.data()), size};
}

bool is_same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace penstock::authorize
