// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/context.h"

#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace penstock::net {
namespace {

/// Minimum time between checks of the files.
constexpr uint64_t look_interval_ms = 1'000;

/// The files that were given in this process.
struct Known {
    std::mutex mutex;
    std::vector<TlsFiles> used; ///< the files of all contexts
    std::vector<TlsFiles> idle; ///< see TlsContext::is_first_idle_report()
};

Known &known() {
    static auto *all = new Known; // a listener may close after main()
    return *all;
}

bool contains(const std::vector<TlsFiles> &all, const TlsFiles &one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// OpenSSL's description of its last error.
std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : nullptr;
    return text ? text : "unknown error";
}

/// Rejects keys with a passphrase; otherwise OpenSSL would prompt on the terminal.
int no_passphrase(char *, int, int, void *) {
    return 0;
}

/// Whether HTTP/2 may be spoken with the cipher that was agreed on (RFC 9113, section 9.2.2):
/// browsers end connections with others.
bool suits_http2(const SSL *ssl) {
    if (SSL_version(ssl) >= TLS1_3_VERSION) return true;
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher && SSL_CIPHER_is_aead(cipher) && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe;
}

/// Selects HTTP/2 or, if `offer` or the cipher does not allow it, HTTP/1.1. For a client that
/// offers only other protocols, none is selected.
int choose_protocol(SSL *ssl, const uint8_t **out, uint8_t *size, const uint8_t *offered,
                    unsigned offered_size, void *offer) {
    static constexpr uint8_t ours[] = "\x02h2\x08http/1.1";
    constexpr unsigned only_1_1 = 3; // offset
    const bool http2 = offer && suits_http2(ssl);
    const unsigned from = http2 ? 0 : only_1_1;
    uint8_t *chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, ours + from, sizeof ours - 1 - from, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool readable(const char *property, const std::string &path, std::string *error) {
    FILE *file = std::fopen(path.c_str(), "re");
    const int reason = errno;
    if (file) std::fclose(file);
    if (!file && error)
        *error = std::string(property) + ": can't read '" + path + "': " + std::strerror(reason);
    return file != nullptr;
}

std::shared_ptr<SSL_CTX> make_context(const TlsFiles &files, TlsContext::Offer offer,
                                      std::string *error) {
    const auto fail = [&](const std::string &text) {
        if (error) *error = text;
        return nullptr;
    };
    if (!readable("tls-certificate", files.certificate, error) ||
        !readable("tls-key", files.key, error))
        return nullptr;
    ERR_clear_error();
    const std::shared_ptr<SSL_CTX> out(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!out) return fail("TLS can't be used here: " + openssl_reason());
    SSL_CTX *context = out.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // Idle buffers are freed, and SSL_read returns after a message without data.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    // Sessions are resumed by tickets only; the server stores none.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static char http2; // its address alone counts
    SSL_CTX_set_alpn_select_cb(context, choose_protocol,
                               offer == TlsContext::Offer::http_1_1 ? nullptr : &http2);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
        return fail("tls-certificate: '" + files.certificate +
                    "' has no certificate that can be used: " + openssl_reason() +
                    "; it has to be a PEM file (-----BEGIN CERTIFICATE-----)");
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 &&
        ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509)
        return fail("tls-key: '" + files.key +
                    "' has no key that can be used: " + openssl_reason() +
                    "; it has to be a PEM file (-----BEGIN PRIVATE KEY-----) without a passphrase");
    if (SSL_CTX_check_private_key(context) != 1)
        return fail("the key in '" + files.key + "' (tls-key) is not that of the certificate in '" +
                    files.certificate + "' (tls-certificate): give two that were made together");
    return out;
}

} // namespace

bool is_tls_only(const std::string &scheme) {
    return scheme == "https" || scheme == "rtmps" || scheme == "rtsps";
}

bool can_use_tls(const std::string &scheme) {
    return scheme == "rtmp" || scheme == "rtsp" || is_tls_only(scheme);
}

std::optional<TlsFiles> tls_for(const std::string &scheme, const TlsFiles &given,
                                std::string *error) {
    if (!can_use_tls(scheme)) return TlsFiles{};
    std::string wrong;
    if (given.empty() && is_tls_only(scheme))
        wrong = "an " + scheme +
                ":// location needs a certificate: set tls-certificate and tls-key to PEM files";
    else if (!given.empty() && given.key.empty())
        wrong = "tls-certificate needs tls-key: the PEM file with its private key";
    else if (!given.empty() && given.certificate.empty())
        wrong = "tls-key needs tls-certificate: the PEM file with its certificate";
    if (wrong.empty()) return given;
    if (error) *error = wrong;
    return std::nullopt;
}

TlsContext::TlsContext(TlsFiles files, Offer offer) : files_(std::move(files)), offer_(offer) {
    const std::lock_guard lock(known().mutex);
    known().used.push_back(files_);
}

TlsContext::~TlsContext() {
    const std::lock_guard lock(known().mutex);
    auto &used = known().used;
    used.erase(std::find(used.begin(), used.end(), files_));
}

bool TlsContext::is_first_idle_report(const TlsFiles &files) {
    const std::lock_guard lock(known().mutex);
    if (contains(known().used, files) || contains(known().idle, files)) return false;
    known().idle.push_back(files);
    return true;
}

std::shared_ptr<TlsContext> TlsContext::load(const TlsFiles &files, std::string *error,
                                             Offer offer) {
    auto out = std::make_shared<TlsContext>(files, offer);
    out->stamps_ = out->stamps(); // before reading, so that a later change is detected
    out->context_ = make_context(files, offer, error);
    out->looked_ms_ = steady_ms();
    return out->context_ ? out : nullptr;
}

TlsContext::Stamp TlsContext::stamp_of(const std::string &path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {found.st_ino, static_cast<uint64_t>(found.st_size), found.st_mtim.tv_sec,
            found.st_mtim.tv_nsec};
}

/// Renewed certificates keep their file names.
void TlsContext::reload_if_replaced() {
    const uint64_t now = steady_ms();
    if (now - looked_ms_ < look_interval_ms) return;
    looked_ms_ = now;
    const Stamps there = stamps();
    if (there == stamps_) return;
    std::string error;
    auto context = make_context(files_, offer_, &error);
    // While only one of the files has been replaced, they do not match; the other follows soon.
    if (!context)
        return log(LogLevel::warning, "tls",
                   "still using the certificate from before its files were replaced: " + error);
    context_ = std::move(context);
    stamps_ = there;
    log(LogLevel::info, "tls", "using the replaced certificate '" + files_.certificate + "'");
}

std::unique_ptr<TlsSession> TlsContext::accept(int socket) {
    std::shared_ptr<ssl_ctx_st> context;
    {
        std::lock_guard lock(mutex_);
        reload_if_replaced();
        context = context_;
    }
    // Holds its own reference to the context.
    return std::make_unique<TlsSession>(context.get(), socket);
}

} // namespace penstock::net
