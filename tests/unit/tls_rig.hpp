// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS for tests: generated certificates, and a viewer that uses TLS. Include it before check.hpp.
#pragma once

#include "core/net/tls/files.h"
#include "unit/http_client.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace tls_test {

using namespace penstock;

/// A temporary folder with PEM files.
class Certificates {
public:
    Certificates() {
        std::string pattern = (std::filesystem::temp_directory_path() / "penstock-tls-XXXXXX");
        if (!mkdtemp(pattern.data())) throw std::runtime_error("no folder for certificates");
        folder_ = pattern;
    }
    ~Certificates() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Certificates(const Certificates &) = delete;
    Certificates &operator=(const Certificates &) = delete;

    std::string path(const std::string &name) const { return folder_ / name; }
    /// Generates NAME.pem and NAME.key for "localhost", self-signed; certificates are distinguished
    /// by the issuer's name.
    net::TlsFiles make(const std::string &name, bool rsa = false,
                       const char *passphrase = nullptr) {
        const net::TlsFiles files{path(name + ".pem"), path(name + ".key")};
        write(files, name, rsa, passphrase);
        return files;
    }
    static void write(const net::TlsFiles &files, const std::string &name, bool rsa = false,
                      const char *passphrase = nullptr) {
        EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
        X509 *certificate = X509_new();
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
        X509_NAME *subject = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const uint8_t *>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(certificate, subject);
        X509_set_pubkey(certificate, key);
        X509_EXTENSION *names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                    "DNS:localhost,IP:127.0.0.1");
        X509_add_ext(certificate, names, -1);
        X509_EXTENSION_free(names);
        X509_sign(certificate, key, EVP_sha256());
        FILE *file = std::fopen(files.certificate.c_str(), "we");
        PEM_write_X509(file, certificate);
        std::fclose(file);
        file = std::fopen(files.key.c_str(), "we");
        PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : nullptr,
                             reinterpret_cast<const uint8_t *>(passphrase),
                             passphrase ? int(std::string(passphrase).size()) : 0, nullptr,
                             nullptr);
        std::fclose(file);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }

private:
    std::filesystem::path folder_;
};

/// Like http_test::Viewer, over TLS. Trusts only the certificate `trusted`. `protocols`: what it
/// offers in ALPN. `ciphers`: of TLS 1.2; nullptr: OpenSSL's own.
class TlsViewer : public http_test::Viewer {
public:
    TlsViewer(uint16_t port, const std::string &trusted, int receive_buffer = 0, int version = 0,
              std::string_view protocols = "\x08http/1.1", const char *ciphers = nullptr)
        : Viewer(port, receive_buffer) {
        context_.reset(SSL_CTX_new(TLS_client_method()));
        SSL_CTX_load_verify_locations(context_.get(), trusted.c_str(), nullptr);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        // Allows the client to offer versions that the server must refuse.
        SSL_CTX_set_security_level(context_.get(), 0);
        if (version) {
            SSL_CTX_set_min_proto_version(context_.get(), version);
            SSL_CTX_set_max_proto_version(context_.get(), version);
        }
        if (ciphers) SSL_CTX_set_cipher_list(context_.get(), ciphers);
        ssl.reset(SSL_new(context_.get()));
        SSL_set1_host(ssl.get(), "localhost");
        SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const uint8_t *>(protocols.data()),
                            unsigned(protocols.size()));
        SSL_set_msg_callback(ssl.get(), count_records);
        SSL_set_msg_callback_arg(ssl.get(), this);
        SSL_set_fd(ssl.get(), socket_);
        connected = SSL_connect(ssl.get()) == 1;
        closed |= !connected;
        records = 0; // TLS 1.3 sends its handshake in such records
    }
    ~TlsViewer() override = default;

    void send(std::string_view bytes) override {
        SSL_write(ssl.get(), bytes.data(), int(bytes.size()));
    }
    /// Encrypts these bytes to a record without sending it.
    std::string record_of(std::string_view bytes) {
        BIO *network = SSL_get_wbio(ssl.get()), *memory = BIO_new(BIO_s_mem());
        BIO_up_ref(network);
        SSL_set0_wbio(ssl.get(), memory);
        SSL_write(ssl.get(), bytes.data(), int(bytes.size()));
        char *data = nullptr;
        const long size = BIO_get_mem_data(memory, &data);
        const std::string record(data, size_t(size));
        SSL_set0_wbio(ssl.get(), network);
        return record;
    }
    /// The protocol that was agreed on; empty: none.
    std::string protocol() const {
        const uint8_t *name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl.get(), &name, &size);
        return {reinterpret_cast<const char *>(name), size};
    }
    /// Name of the server's certificate.
    std::string shown() const {
        char name[256] = "";
        if (X509 *certificate = SSL_get1_peer_certificate(ssl.get())) {
            X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                      sizeof name);
            X509_free(certificate);
        }
        return name;
    }
    int raw() const { return socket_; }

    struct Free {
        void operator()(SSL *one) const { SSL_free(one); }
        void operator()(SSL_CTX *one) const { SSL_CTX_free(one); }
    };
    std::unique_ptr<SSL_CTX, Free> context_;
    std::unique_ptr<SSL, Free> ssl;
    bool connected = false;
    size_t records = 0; ///< data records received

private:
    static void count_records(int sent, int, int type, const void *data, size_t size, SSL *,
                              void *self) {
        // A record's header; TLS 1.3 marks all records as application data.
        if (!sent && type == SSL3_RT_HEADER && size >= 1 &&
            *static_cast<const uint8_t *>(data) == SSL3_RT_APPLICATION_DATA)
            ++static_cast<TlsViewer *>(self)->records;
    }
    ssize_t receive(char *buffer, size_t size) override {
        size_t filled = 0;
        ERR_clear_error(); // errors of other connections
        do {
            const int got = SSL_read(ssl.get(), buffer + filled, int(size - filled));
            if (got > 0) {
                filled += size_t(got);
                continue;
            }
            if (filled > 0) break;
            clean_end = SSL_get_error(ssl.get(), got) == SSL_ERROR_ZERO_RETURN;
            return 0;
        } while (SSL_pending(ssl.get()) > 0 && filled < size);
        return ssize_t(filled);
    }

public:
    bool clean_end = false; ///< the server sent close_notify
};

} // namespace tls_test
