// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srtp/transform.h"

#include "core/srtp/algorithms.h"

#include <cstring>
#include <new>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

namespace penstock::srtp {
namespace {

constexpr size_t sha1_size = 20;

const EVP_CIPHER *cipher_of(Profile profile) {
    switch (profile) {
    case Profile::aead_aes_128_gcm:
        return algorithms().aes_128_gcm;
    case Profile::aead_aes_256_gcm:
        return algorithms().aes_256_gcm;
    default:
        return algorithms().aes_128_ctr;
    }
}

/// The tag of what was encrypted. OpenSSL's EVP_CIPHER_CTX_ctrl() makes this list in each call.
bool read_tag(EVP_CIPHER_CTX *context, uint8_t *tag, size_t size) {
    OSSL_PARAM wanted[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, size),
                           OSSL_PARAM_construct_end()};
    return EVP_CIPHER_CTX_get_params(context, wanted) == 1;
}

/// Authenticates bytes that are not encrypted, for AEAD ciphers.
bool add_associated(EVP_CIPHER_CTX *context, ByteView bytes) {
    int size = 0;
    return bytes.empty() ||
           EVP_CipherUpdate(context, nullptr, &size, bytes.data(), int(bytes.size())) == 1;
}

} // namespace

const Algorithms &algorithms() {
    static const Algorithms all{EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr),
                                EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr),
                                EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr),
                                EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
                                EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    return all;
}

void FreeContext::operator()(evp_cipher_ctx_st *context) const {
    EVP_CIPHER_CTX_free(context);
}
void FreeContext::operator()(evp_mac_ctx_st *context) const {
    EVP_MAC_CTX_free(context);
}

Transform::Transform(Profile profile, const SessionKeys &keys, Direction direction)
    : cipher_(EVP_CIPHER_CTX_new()), salt_(keys.salt), profile_(profile) {
    // Counter mode encrypts in order to decrypt.
    const int encrypts = direction == Direction::seal || !is_aead(profile);
    if (!cipher_ || EVP_CipherInit_ex2(cipher_.get(), cipher_of(profile), keys.key.bytes.data(),
                                       nullptr, encrypts, nullptr) != 1)
        throw std::bad_alloc();
    if (is_aead(profile)) return;
    mac_.reset(EVP_MAC_CTX_new(algorithms().hmac));
    char digest[] = "SHA1";
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    if (!mac_ || EVP_MAC_init(mac_.get(), keys.auth.bytes.data(), auth_key_size, settings) != 1)
        throw std::bad_alloc();
}

/// RFC 3711, section 4.1.1 and RFC 7714, sections 8.1 and 9.1: both have the SSRC and the index
/// side by side, at the right but for the block counter of counter mode.
Transform::Nonce Transform::nonce(uint32_t ssrc, uint64_t index) const {
    Nonce out{};
    std::memcpy(out.data(), salt_.bytes.data(), salt_size(profile_));
    const std::array<uint8_t, 10> numbers{
        uint8_t(ssrc >> 24),  uint8_t(ssrc >> 16),  uint8_t(ssrc >> 8),   uint8_t(ssrc),
        uint8_t(index >> 40), uint8_t(index >> 32), uint8_t(index >> 24), uint8_t(index >> 16),
        uint8_t(index >> 8),  uint8_t(index)};
    const size_t at = is_aead(profile_) ? 2 : 4;
    for (size_t i = 0; i < numbers.size(); ++i)
        out[at + i] ^= numbers[i];
    return out;
}

bool Transform::encrypt(std::span<const ByteView> plain, uint8_t *out) {
    for (const ByteView piece : plain) {
        int size = 0;
        if (piece.empty()) continue;
        if (EVP_CipherUpdate(cipher_.get(), out, &size, piece.data(), int(piece.size())) != 1)
            return false;
        out += piece.size();
    }
    return true;
}

bool Transform::mac(ByteView head, ByteView text, ByteView tail, uint8_t *tag) {
    std::array<uint8_t, sha1_size> whole;
    size_t size = 0;
    if (EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) != 1) return false;
    for (const ByteView part : {head, text, tail})
        if (!part.empty() && EVP_MAC_update(mac_.get(), part.data(), part.size()) != 1)
            return false;
    if (EVP_MAC_final(mac_.get(), whole.data(), &size, whole.size()) != 1) return false;
    std::memcpy(tag, whole.data(), tag_size(profile_));
    return true;
}

bool Transform::seal(uint32_t ssrc, uint64_t index, ByteView head, std::span<const ByteView> plain,
                     ByteView tail, uint8_t *out, uint8_t *tag) {
    const Nonce iv = nonce(ssrc, index);
    EVP_CIPHER_CTX *const cipher = cipher_.get();
    if (EVP_CipherInit_ex2(cipher, nullptr, nullptr, iv.data(), -1, nullptr) != 1) return false;
    if (is_aead(profile_)) {
        int size = 0;
        return add_associated(cipher, head) && add_associated(cipher, tail) &&
               encrypt(plain, out) && EVP_CipherFinal_ex(cipher, tag, &size) == 1 &&
               read_tag(cipher, tag, tag_size(profile_));
    }
    size_t size = 0;
    for (const ByteView piece : plain)
        size += piece.size();
    return encrypt(plain, out) && mac(head, ByteView(out, size), tail, tag);
}

bool Transform::open(uint32_t ssrc, uint64_t index, ByteView head, std::span<uint8_t> text,
                     ByteView tail, const uint8_t *tag) {
    const Nonce iv = nonce(ssrc, index);
    const ByteView encrypted = text;
    EVP_CIPHER_CTX *const cipher = cipher_.get();
    if (is_aead(profile_)) {
        int size = 0;
        std::array<uint8_t, max_tag_size> end; // where nothing is written
        return EVP_CipherInit_ex2(cipher, nullptr, nullptr, iv.data(), -1, nullptr) == 1 &&
               EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, int(tag_size(profile_)),
                                   const_cast<uint8_t *>(tag)) == 1 &&
               add_associated(cipher, head) && add_associated(cipher, tail) &&
               encrypt({&encrypted, 1}, text.data()) &&
               EVP_CipherFinal_ex(cipher, end.data(), &size) == 1;
    }
    std::array<uint8_t, max_tag_size> right;
    return mac(head, encrypted, tail, right.data()) &&
           CRYPTO_memcmp(right.data(), tag, tag_size(profile_)) == 0 &&
           EVP_CipherInit_ex2(cipher, nullptr, nullptr, iv.data(), -1, nullptr) == 1 &&
           encrypt({&encrypted, 1}, text.data());
}

} // namespace penstock::srtp
