// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dtls/fingerprint.h"

#include <algorithm>
#include <iterator>
#include <new>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace penstock::dtls {
namespace {

struct Kind {
    Hash hash;
    std::string_view name;
    size_t size;
    const EVP_MD *(*digest)();
};
constexpr Kind kinds[] = {{Hash::sha_256, "sha-256", 32, EVP_sha256},
                          {Hash::sha_384, "sha-384", 48, EVP_sha384},
                          {Hash::sha_512, "sha-512", 64, EVP_sha512}};

const Kind &kind_of(Hash hash) {
    return kinds[static_cast<size_t>(hash)];
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c;
}

/// -1 unless it is a hexadecimal digit.
int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

} // namespace

std::optional<Fingerprint> Fingerprint::parse(std::string_view hash, std::string_view digest) {
    const auto kind = std::find_if(std::begin(kinds), std::end(kinds), [hash](const Kind &one) {
        return std::equal(hash.begin(), hash.end(), one.name.begin(), one.name.end(),
                          [](char a, char b) { return lower(a) == b; });
    });
    if (kind == std::end(kinds) || digest.size() != kind->size * 3 - 1) return std::nullopt;
    Fingerprint out{kind->hash, {}};
    for (size_t at = 0; at < digest.size(); at += 3) {
        const int high = digit(digest[at]), low = digit(digest[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        if (at + 2 < digest.size() && digest[at + 2] != ':') return std::nullopt;
        out.digest.push_back(uint8_t(high << 4 | low));
    }
    return out;
}

Fingerprint Fingerprint::of(const x509_st *certificate, Hash hash) {
    Fingerprint out{hash, std::vector<uint8_t>(kind_of(hash).size)};
    unsigned size = 0;
    if (X509_digest(certificate, kind_of(hash).digest(), out.digest.data(), &size) != 1)
        throw std::bad_alloc();
    return out;
}

std::string Fingerprint::text() const {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out(kind_of(hash).name);
    char before = ' ';
    for (const uint8_t byte : digest) {
        out += before;
        out += digits[byte >> 4];
        out += digits[byte & 15];
        before = ':';
    }
    return out;
}

} // namespace penstock::dtls
