// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dtls/remains.h"

#include "core/bytes/reader.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

namespace penstock::dtls {
namespace {

constexpr size_t record_head = 13, number_size = 8, tag_size = 16, explicit_nonce = 8;
/// Alerts and Finished are far shorter.
constexpr size_t max_content = 256;
constexpr uint8_t finished_message = 20, fatal_alert = 2;
constexpr std::string_view label = "key expansion";

struct Free {
    void operator()(EVP_KDF *kdf) const { EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX *context) const { EVP_KDF_CTX_free(context); }
    void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
};
template <class Type>
using Owned = std::unique_ptr<Type, Free>;

bool has_short_iv(int cipher) {
    return cipher != NID_chacha20_poly1305;
}

/// The keys of both sides (RFC 5246, section 6.3).
bool expand_keys(SSL *ssl, std::span<uint8_t> out) {
    srtp::Secret<SSL_MAX_MASTER_KEY_LENGTH> master;
    const size_t master_size =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), master.bytes.data(), master.bytes.size());
    std::array<uint8_t, label.size() + size_t(2) * SSL3_RANDOM_SIZE> seed;
    uint8_t *const randoms = std::copy(label.begin(), label.end(), seed.data());
    SSL_get_server_random(ssl, randoms, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, randoms + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    const EVP_MD *const digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
    const Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_PRF, nullptr));
    const Owned<EVP_KDF_CTX> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    if (!context || !digest || master_size == 0) return false;
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         const_cast<char *>(EVP_MD_get0_name(digest)), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.bytes.data(), master_size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
        OSSL_PARAM_construct_end()};
    return EVP_KDF_derive(context.get(), out.data(), out.size(), settings) == 1;
}

} // namespace

std::unique_ptr<Remains> Remains::of(ssl_st *ssl, bool is_client) {
    const SSL_CIPHER *const chosen = SSL_get_current_cipher(ssl);
    const int number = chosen ? SSL_CIPHER_get_cipher_nid(chosen) : NID_undef;
    const EVP_CIPHER *const cipher = EVP_get_cipherbynid(number);
    if (!cipher || !SSL_CIPHER_is_aead(chosen)) return nullptr;
    const size_t key = size_t(EVP_CIPHER_get_key_length(cipher));
    const size_t iv = has_short_iv(number) ? max_iv - explicit_nonce : max_iv;
    srtp::Secret<2 * (max_key + max_iv)> keys;
    if (key > max_key || !expand_keys(ssl, std::span(keys.bytes).first(2 * (key + iv))))
        return nullptr;
    std::unique_ptr<Remains> out(new Remains);
    out->cipher_ = number;
    // The client's come first; each side reads by the other's.
    const uint8_t *const from = keys.bytes.data();
    std::copy_n(from + (is_client ? key : 0), key, out->key_.bytes.begin());
    std::copy_n(from + 2 * key + (is_client ? iv : 0), iv, out->iv_.bytes.begin());
    return out;
}

/// RFC 5246, section 6.2.3.3; RFC 6347, section 4.1.2.1.
bool Remains::open(ByteView record, std::vector<uint8_t> &content) const {
    const size_t in_record = has_short_iv(cipher_) ? explicit_nonce : 0;
    const size_t least = record_head + in_record + tag_size;
    if (record.size() < least || record.size() - least > max_content) return false;
    const size_t size = record.size() - least;
    const ByteView number = record.subspan(3, number_size); // the epoch is a part of it
    std::array<uint8_t, max_iv> nonce = iv_.bytes;
    if (in_record > 0)
        std::copy_n(record.begin() + record_head, in_record, nonce.end() - explicit_nonce);
    else
        for (size_t i = 0; i < number.size(); ++i)
            nonce[max_iv - number_size + i] ^= number[i];
    std::array<uint8_t, record_head> head;
    std::copy(number.begin(), number.end(), head.begin());
    std::copy_n(record.begin(), 3, head.begin() + number_size); // type and version
    head[11] = uint8_t(size >> 8);
    head[12] = uint8_t(size);
    std::array<uint8_t, tag_size> tag;
    std::copy_n(record.end() - tag_size, tag_size, tag.begin());
    content.resize(size);
    const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    if (!context) throw std::bad_alloc();
    int written = 0;
    return EVP_DecryptInit_ex2(context.get(), EVP_get_cipherbynid(cipher_), key_.bytes.data(),
                               nonce.data(), nullptr) == 1 &&
           EVP_DecryptUpdate(context.get(), nullptr, &written, head.data(), int(head.size())) ==
               1 &&
           EVP_DecryptUpdate(context.get(), content.data(), &written,
                             record.data() + record_head + in_record, int(size)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, int(tag.size()), tag.data()) ==
               1 &&
           EVP_DecryptFinal_ex(context.get(), content.data(), &written) == 1;
}

Remains::Heard Remains::hear(ByteView records) const {
    std::vector<uint8_t> content;
    Reader reader(records);
    while (reader.remaining() >= record_head) {
        const size_t at = reader.position();
        const uint8_t type = reader.u8();
        reader.skip(2); // version
        const uint16_t epoch = reader.u16();
        reader.skip(6); // sequence number
        reader.skip(reader.u16());
        if (reader.failed()) break;
        // Records of the first epoch are not encrypted, so anybody may have sent them.
        if (epoch != 1 || (type != SSL3_RT_ALERT && type != SSL3_RT_HANDSHAKE)) continue;
        // A forger's records cost no more than one attempt.
        if (!open(records.subspan(at, reader.position() - at), content)) break;
        if (content.size() < 2) continue;
        if (type == SSL3_RT_HANDSHAKE) {
            if (content[0] == finished_message) return Heard::finished;
        } else if (content[1] == SSL_AD_CLOSE_NOTIFY) {
            return Heard::closes;
        } else if (content[0] == fatal_alert) {
            return Heard::fails;
        }
    }
    return Heard::nothing;
}

} // namespace penstock::dtls
