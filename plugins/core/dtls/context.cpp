// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dtls/context.h"

#include "core/dtls/session.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace penstock::dtls {
namespace {

/// RFC 8827, section 6.5. Profiles are in the order of the server's choice: of what browsers offer,
/// that which costs least.
constexpr const char *ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char *srtp_profiles = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
/// Bytes of a peer's certificates, which are one of less than 1 kB as a rule.
constexpr long max_certificates = 16 << 10;
constexpr long max_record = 1500;
/// Peers look at the fingerprint only.
constexpr long valid_from_s = -24 * 3600, valid_to_s = 3650L * 24 * 3600;

struct Free {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(X509 *certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

/// Null if OpenSSL can't.
Certificate make_certificate(EVP_PKEY *key) {
    Certificate out(X509_new());
    uint64_t serial = 0;
    if (!out || RAND_bytes(reinterpret_cast<uint8_t *>(&serial), sizeof serial) != 1) return {};
    X509_NAME *const name = X509_get_subject_name(out.get());
    const auto *text = reinterpret_cast<const uint8_t *>("penstock");
    const bool made = X509_set_version(out.get(), X509_VERSION_3) == 1 &&
                      ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial >> 1) == 1 &&
                      X509_gmtime_adj(X509_getm_notBefore(out.get()), valid_from_s) &&
                      X509_gmtime_adj(X509_getm_notAfter(out.get()), valid_to_s) &&
                      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
                      X509_set_issuer_name(out.get(), name) == 1 &&
                      X509_set_pubkey(out.get(), key) == 1 &&
                      X509_sign(out.get(), key, EVP_sha256()) > 0;
    return made ? std::move(out) : Certificate();
}

} // namespace

void Context::Free::operator()(ssl_ctx_st *context) const {
    SSL_CTX_free(context);
}

std::shared_ptr<Context> Context::make(const Limits &limits, std::string *error) {
    ERR_clear_error();
    const auto fail = [error](const char *what) {
        const unsigned long code = ERR_peek_error();
        const char *reason = code ? ERR_reason_error_string(code) : nullptr;
        if (error) *error = std::string(what) + ": " + (reason ? reason : "unknown error");
        return nullptr;
    };
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = key ? make_certificate(key.get()) : Certificate();
    if (!certificate) return fail("no certificate for DTLS can be made");

    const std::shared_ptr<Context> out(new Context(limits));
    out->fingerprint_ = Fingerprint::of(certificate.get(), Hash::sha_256);
    out->context_.reset(SSL_CTX_new(DTLS_method()));
    SSL_CTX *const context = out->context_.get();
    if (!context || SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, ciphers) != 1 ||
        SSL_CTX_use_certificate(context, certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
        SSL_CTX_set_tlsext_use_srtp(context, srtp_profiles) != 0) // 0 is success
        return fail("DTLS can't be used here");
    // A resumed session would bring no certificate that could be compared.
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, max_certificates);
    // Records are as long as a datagram at most; OpenSSL has a buffer for the longest one.
    SSL_CTX_set_max_send_fragment(context, max_record);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, Session::verify, nullptr);
    return out;
}

bool Context::begin_handshake() {
    if (++handshakes_ <= limits_.handshakes) return true;
    --handshakes_;
    return false;
}

} // namespace penstock::dtls
