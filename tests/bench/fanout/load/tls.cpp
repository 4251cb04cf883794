// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tls.h"

#include "socket.h"

#include <cerrno>

#ifdef HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

namespace load {

#ifdef HAVE_OPENSSL

namespace {

SSL_CTX *context() {
    static SSL_CTX *const shared = [] {
        SSL_CTX *out = SSL_CTX_new(TLS_client_method());
        if (!out) throw Failure("OpenSSL cannot make a context");
        SSL_CTX_set_verify(out, SSL_VERIFY_NONE, nullptr);
        SSL_CTX_set_mode(out, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return out;
    }();
    return shared;
}

} // namespace

struct Tls::Impl {
    Impl(int fd, const std::string &protocol) : ssl(SSL_new(context())) {
        if (!ssl || !SSL_set_fd(ssl, fd)) throw Failure("OpenSSL cannot make a connection");
        const std::string offer = char(protocol.size()) + protocol;
        if (!protocol.empty())
            SSL_set_alpn_protos(ssl, reinterpret_cast<const uint8_t *>(offer.data()),
                                unsigned(offer.size()));
        SSL_set_connect_state(ssl);
    }
    ~Impl() { SSL_free(ssl); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;

    /// The meaning of a failed call, in terms of recv().
    ssize_t translate(int result) {
        switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            errno = EAGAIN;
            return -1;
        case SSL_ERROR_ZERO_RETURN:
            return 0;
        case SSL_ERROR_SYSCALL:
            if (errno == 0) return 0;
            return -1;
        default:
            errno = EPROTO;
            return -1;
        }
    }

    SSL *ssl;
};

bool Tls::available() {
    return true;
}

ssize_t Tls::receive(uint8_t *data, size_t size) {
    ERR_clear_error();
    errno = 0;
    size_t total = 0;
    while (total < size) { // a record at a time
        const int n = SSL_read(impl_->ssl, data + total, int(size - total));
        if (n <= 0) return total ? ssize_t(total) : impl_->translate(n);
        total += size_t(n);
    }
    return ssize_t(total);
}

ssize_t Tls::send(const char *data, size_t size) {
    ERR_clear_error();
    errno = 0;
    const int n = SSL_write(impl_->ssl, data, int(size));
    return n > 0 ? n : impl_->translate(n);
}

#else

struct Tls::Impl {
    Impl(int, const std::string &) { throw Failure("this was built without OpenSSL"); }
};

bool Tls::available() {
    return false;
}

ssize_t Tls::receive(uint8_t *, size_t) {
    return -1;
}

ssize_t Tls::send(const char *, size_t) {
    return -1;
}

#endif

Tls::Tls(int fd, const std::string &protocol) : impl_(std::make_unique<Impl>(fd, protocol)) {
}
Tls::~Tls() = default;
Tls::Tls(Tls &&) noexcept = default;
Tls &Tls::operator=(Tls &&) noexcept = default;

} // namespace load
