// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace penstock::net {

std::shared_ptr<TlsClient> TlsClient::make(const TlsTrust &trust, std::string *error) {
    const auto fail = [error](const std::string &text) {
        const unsigned long code = ERR_peek_last_error();
        const char *reason = code ? ERR_reason_error_string(code) : nullptr;
        if (error) *error = text + ": " + (reason ? reason : "unknown error");
        return nullptr;
    };
    ERR_clear_error();
    std::shared_ptr<SSL_CTX> out(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!out) return fail("TLS can't be used here");
    SSL_CTX *context = out.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // A read goes on after session tickets, which servers send behind the handshake: the socket is
    // told of only once.
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    if (!trust.verify) return std::make_shared<TlsClient>(std::move(out), false);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (trust.ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            return fail("the system's certificate authorities can't be read");
    } else if (SSL_CTX_load_verify_file(context, trust.ca_file.c_str()) != 1) {
        return fail("tls-ca: '" + trust.ca_file +
                    "' has no certificate that can be used (a PEM file)");
    }
    return std::make_shared<TlsClient>(std::move(out), true);
}

std::unique_ptr<TlsSession> TlsClient::connect(int socket, const std::string &host) const {
    auto session = std::make_unique<TlsSession>(context_.get(), socket);
    session->become_client(host, verify_);
    return session;
}

} // namespace penstock::net
