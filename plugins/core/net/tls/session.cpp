// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace penstock::net {
namespace {

constexpr size_t max_record = SSL3_RT_MAX_PLAIN_LENGTH; // 16 KiB
/// Records that one call of the kernel takes.
constexpr int most_records = 4;
/// Bytes. Limits the answers that a peer may cause without reading them.
constexpr size_t max_unsent = 80 << 10;

/// Buffer for joining small parts into a record; one per thread.
std::array<uint8_t, max_record> &scratch() {
    thread_local std::array<uint8_t, max_record> buffer;
    return buffer;
}

/// Encrypted records that go to the socket together; one per thread, empty between calls.
std::vector<uint8_t> &gathered() {
    thread_local std::vector<uint8_t> buffer;
    return buffer;
}

} // namespace

/// OpenSSL's access to the socket. OpenSSL's own BIO would raise SIGPIPE and keep unsent bytes.
struct TlsSession::SocketMethod {
    static TlsSession &session(BIO *bio) { return *static_cast<TlsSession *>(BIO_get_data(bio)); }
    static int write(BIO *bio, const char *data, int size) {
        BIO_clear_retry_flags(bio);
        return session(bio).send(data, size);
    }
    static int read(BIO *bio, char *data, int size) {
        BIO_clear_retry_flags(bio);
        const int got = session(bio).receive(data, size);
        if (got < 0 && session(bio).error_ == 0) BIO_set_retry_read(bio);
        return got;
    }
    static long control(BIO *bio, int command, long, void *) {
        if (command == BIO_CTRL_EOF) return session(bio).ended_;
        return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
    }
    static const BIO_METHOD *get() {
        static const BIO_METHOD *method = [] {
            BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
            if (!made) throw std::bad_alloc();
            BIO_meth_set_write(made, write);
            BIO_meth_set_read(made, read);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        return method;
    }
};

void TlsSession::Free::operator()(ssl_st *ssl) const {
    SSL_free(ssl);
}

TlsSession::TlsSession(ssl_ctx_st *context, int socket) : ssl_(SSL_new(context)), socket_(socket) {
    BIO *bio = ssl_ ? BIO_new(SocketMethod::get()) : nullptr;
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::become_client(const std::string &host, bool verify) {
    SSL_set_connect_state(ssl_.get());
    in6_addr address;
    const bool is_address = ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
                            ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
    if (!is_address) SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    if (!verify) return;
    const int set = is_address
                        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str())
                        : SSL_set1_host(ssl_.get(), host.c_str());
    if (set != 1) throw std::bad_alloc();
}

void TlsSession::read_to_end() {
    SSL_set_mode(ssl_.get(), SSL_MODE_AUTO_RETRY);
}

/// Accepts the whole record, so that OpenSSL never has to retry one.
int TlsSession::send(const char *data, int size) {
    if (gathers_) {
        gathered().insert(gathered().end(), data, data + size);
        return size;
    }
    ssize_t sent = 0;
    if (unsent_.empty()) {
        do
            sent = ::send(socket_, data, size_t(size), MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            error_ = errno;
            return -1;
        }
        sent = std::max<ssize_t>(sent, 0);
    }
    if (unsent_.size() + size_t(size - sent) > max_unsent) {
        error_ = ENOBUFS;
        return -1;
    }
    unsent_.insert(unsent_.end(), data + sent, data + size);
    return size;
}

int TlsSession::receive(char *data, int size) {
    ssize_t got;
    do
        got = ::recv(socket_, data, size_t(size), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
    if (got == 0) ended_ = true;
    return static_cast<int>(got);
}

TlsSession::Step TlsSession::handshake() {
    if (flush() < 0) return error_ ? Step::failed : Step::wants_write;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return has_unsent() ? Step::wants_write : Step::done;
    if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
        broken_ = true;
        return Step::failed;
    }
    // The peer responds only after it has received the unsent bytes.
    return has_unsent() ? Step::wants_write : Step::wants_read;
}

std::string_view TlsSession::protocol() const {
    const uint8_t *name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char *>(name), size};
}

ssize_t TlsSession::read(uint8_t *data, size_t size) {
    ERR_clear_error();
    size_t got = 0;
    if (SSL_read_ex(ssl_.get(), data, size, &got) == 1) return static_cast<ssize_t>(got);
    switch (SSL_get_error(ssl_.get(), 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        broken_ = true;
        errno = error_ ? error_ : EPROTO;
        return -1;
    }
}

bool TlsSession::has_pending() const {
    return SSL_pending(ssl_.get()) > 0;
}

ssize_t TlsSession::write_record(const uint8_t *data, size_t size) {
    ERR_clear_error();
    size_t written = 0;
    if (SSL_write_ex(ssl_.get(), data, size, &written) == 1) return static_cast<ssize_t>(written);
    broken_ = true;
    errno = error_ ? error_ : EPROTO;
    return -1;
}

/// Sends what was gathered. What the socket does not take waits in unsent_; then the next records
/// are gathered no more, so that slow readers keep one of them waiting and not several.
bool TlsSession::send_gathered() {
    gathers_ = false;
    auto &records = gathered();
    const int size = int(records.size());
    const bool is_taken =
        size == 0 || send(reinterpret_cast<const char *>(records.data()), size) == size;
    records.clear();
    takes_all_ = unsent_.empty();
    if (is_taken) return true;
    broken_ = true;
    errno = error_;
    return false;
}

ssize_t TlsSession::write(const iovec *parts, int count) {
    if (flush() < 0) return -1;
    auto &record = scratch();
    size_t total = 0, filled = 0, offset = 0; // `offset` into the first part
    int part = 0, records = 0;
    while (part < count && unsent_.empty()) {
        const uint8_t *data = static_cast<const uint8_t *>(parts[part].iov_base) + offset;
        const size_t left = parts[part].iov_len - offset;
        const uint8_t *next = data;
        size_t size = max_record;
        if (filled == 0 && left >= max_record) {
            offset += max_record; // sends a record without copying
        } else {
            const size_t taken = std::min(left, max_record - filled);
            if (taken > 0) std::memcpy(record.data() + filled, data, taken);
            filled += taken;
            offset += taken;
            next = nullptr;
        }
        if (offset == parts[part].iov_len) {
            ++part;
            offset = 0;
        }
        if (!next) {
            if (filled == 0 || (filled < max_record && part < count)) continue;
            next = record.data();
            size = std::exchange(filled, 0);
        }
        const bool is_last = part == count || ++records == (takes_all_ ? most_records : 1);
        if (is_last) records = 0;
        // OpenSSL keeps its buffer from one record to the next, and frees it behind the last.
        is_last ? SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS)
                : SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
        gathers_ = true;
        const ssize_t written = write_record(next, size);
        if (written >= 0) total += static_cast<size_t>(written);
        const int error = errno;
        if ((is_last || written < 0) && !send_gathered()) return -1;
        errno = error;
        if (written < 0) return total > 0 ? static_cast<ssize_t>(total) : -1;
    }
    if (gathers_ && !send_gathered()) return -1; // the last parts were empty
    return static_cast<ssize_t>(total);
}

ssize_t TlsSession::flush() {
    if (unsent_.empty()) return 0;
    ssize_t sent;
    do
        sent = ::send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
        return -1;
    }
    if (size_t(sent) == unsent_.size()) {
        std::vector<uint8_t>().swap(unsent_);
        return sent;
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
    errno = EAGAIN;
    return -1;
}

void TlsSession::shutdown() {
    ERR_clear_error();
    // A second SSL_shutdown() would read, and fail at data that the peer still sends.
    const bool is_sent = (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0;
    // close_notify can't be sent on a broken connection or during its handshake.
    if (!is_sent && !broken_ && error_ == 0 && SSL_is_init_finished(ssl_.get()))
        SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

std::string TlsSession::reason() const {
    if (error_ != 0) return std::strerror(error_);
    if (const long verified = SSL_get_verify_result(ssl_.get());
        verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE)
        return std::string("its certificate is not trusted: ") +
               X509_verify_cert_error_string(verified);
    const unsigned long code = ERR_peek_last_error();
    if (const char *text = code ? ERR_reason_error_string(code) : nullptr) return text;
    return ended_ ? "the connection was closed" : "unknown error";
}

} // namespace penstock::net
