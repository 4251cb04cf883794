// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srtp/keys.h"

#include "core/srtp/algorithms.h"
#include "core/srtp/transform.h"

#include <algorithm>
#include <new>

#include <openssl/crypto.h>

namespace penstock::srtp {
namespace {

/// RFC 3711, section 4.3.2; those of SRTCP follow those of SRTP.
enum Label : uint8_t { label_key = 0, label_auth = 1, label_salt = 2, labels_of_rtcp = 3 };
/// Place of the label in the counter block, from which x = label * 2^48 XOR salt begins at the
/// left.
constexpr size_t label_offset = 7;

} // namespace

void erase(void *memory, size_t size) noexcept {
    OPENSSL_cleanse(memory, size);
}

SessionKeys derive(Profile profile, const MasterKey &master, Kind kind) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    if (!context) throw std::bad_alloc();
    const auto derive_one = [&](uint8_t label, uint8_t *out, size_t size) {
        Secret<16> block;
        std::copy_n(master.salt.bytes.begin(), salt_size(profile), block.bytes.begin());
        block.bytes[label_offset] ^= label + (kind == Kind::rtcp ? labels_of_rtcp : 0);
        const EVP_CIPHER *cipher =
            key_size(profile) == 32 ? algorithms().aes_256_ctr : algorithms().aes_128_ctr;
        int written = 0;
        std::fill_n(out, size, uint8_t(0)); // its encryption is the key stream
        if (EVP_EncryptInit_ex2(context.get(), cipher, master.key.bytes.data(), block.bytes.data(),
                                nullptr) != 1 ||
            EVP_EncryptUpdate(context.get(), out, &written, out, int(size)) != 1)
            throw std::bad_alloc();
    };
    SessionKeys out;
    derive_one(label_key, out.key.bytes.data(), key_size(profile));
    derive_one(label_salt, out.salt.bytes.data(), salt_size(profile));
    if (!is_aead(profile)) derive_one(label_auth, out.auth.bytes.data(), auth_key_size);
    return out;
}

} // namespace penstock::srtp
