// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dtls/session.h"

#include "core/bytes/reader.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace penstock::dtls {
namespace {

/// Bytes of a record's content, and of a datagram with one.
constexpr size_t max_message = 16 << 10, max_datagram = max_message + 512;
/// Datagrams of a handshake whose every flight is sent again a few times stay far below this.
constexpr unsigned max_handshake_datagrams = 500;
/// OpenSSL keeps 16 kB for each encrypted record that comes before its keys, up to 100 of them. It
/// needs none: the flight that they are of is sent again.
constexpr unsigned max_early_records = 8;
/// How often the last flight is sent again. Peers ask ever more rarely, for a minute.
constexpr unsigned max_repeats = 20;
constexpr size_t min_mtu = 300, max_mtu = 1500;
/// RFC 5764, section 4.2.
constexpr std::string_view exporter_label = "EXTRACTOR-dtls_srtp";

/// The first of OpenSSL's errors; empty if there is none.
std::string openssl_reason() {
    const unsigned long code = ERR_peek_error();
    const char *text = code ? ERR_reason_error_string(code) : nullptr;
    return text ? text : "";
}

/// The profile of OpenSSL's number, if it is one of those offered.
std::optional<srtp::Profile> profile_of(unsigned long id) {
    switch (id) {
    case SRTP_AES128_CM_SHA1_80:
        return srtp::Profile::aes128_cm_sha1_80;
    case SRTP_AEAD_AES_128_GCM:
        return srtp::Profile::aead_aes_128_gcm;
    case SRTP_AEAD_AES_256_GCM:
        return srtp::Profile::aead_aes_256_gcm;
    default:
        return std::nullopt;
    }
}

/// The names of profiles as OpenSSL takes them.
std::string names_of(const std::vector<srtp::Profile> &profiles) {
    std::string out;
    for (const srtp::Profile one : profiles) {
        if (!out.empty()) out += ':';
        switch (one) {
        case srtp::Profile::aes128_cm_sha1_80:
            out += "SRTP_AES128_CM_SHA1_80";
            break;
        case srtp::Profile::aead_aes_128_gcm:
            out += "SRTP_AEAD_AES_128_GCM";
            break;
        case srtp::Profile::aead_aes_256_gcm:
            out += "SRTP_AEAD_AES_256_GCM";
            break;
        }
    }
    return out;
}

} // namespace

void Session::Free::operator()(ssl_st *ssl) const {
    SSL_free(ssl);
}

std::unique_ptr<Session> Session::make(std::shared_ptr<Context> context, Handler &handler,
                                       Options options, uint64_t now_ms) {
    if (!context->begin_handshake()) return nullptr;
    // From here on the session's end gives the place back.
    std::unique_ptr<Session> out(
        new Session(std::move(context), handler, std::move(options), now_ms));
    SSL *const ssl = SSL_new(out->context_->context_.get());
    out->ssl_.reset(ssl);
    if (!ssl) throw std::bad_alloc();
    if (const auto &profiles = out->options_.profiles;
        !profiles.empty() && SSL_set_tlsext_use_srtp(ssl, names_of(profiles).c_str()) != 0)
        return nullptr; // 0 is success
    SSL_set_app_data(ssl, out.get());
    BIO *const bio = out->make_bio();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mtu(ssl, long(std::clamp(out->options_.mtu, min_mtu, max_mtu)));
    DTLS_set_timer_cb(ssl, next_timeout_us);
    if (out->options_.role == Role::server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return out;
}

Session::Session(std::shared_ptr<Context> context, Handler &handler, Options options,
                 uint64_t now_ms)
    : context_(std::move(context)), handler_(handler), options_(std::move(options)),
      since_ms_(now_ms) {
}

Session::~Session() {
    end(State::closed, {});
}

/// In place of OpenSSL's verification: nobody has signed these certificates.
int Session::verify(x509_store_ctx_st *chain, void *) {
    const auto *ssl =
        static_cast<SSL *>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto *const self = static_cast<Session *>(SSL_get_app_data(ssl));
    const X509 *const certificate = X509_STORE_CTX_get0_cert(chain);
    const auto is_right = [&](const Fingerprint &expected) {
        return Fingerprint::of(certificate, expected.hash) == expected;
    };
    const auto &expected = self->options_.peer;
    try {
        self->is_verified_ = certificate && std::any_of(expected.begin(), expected.end(), is_right);
    } catch (const std::bad_alloc &) { // OpenSSL, which called, is no C++
        self->is_verified_ = false;
    }
    X509_STORE_CTX_set_error(chain, self->is_verified_ ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return self->is_verified_;
}

unsigned Session::next_timeout_us(ssl_st *ssl, unsigned last_us) {
    const Options &options = static_cast<Session *>(SSL_get_app_data(ssl))->options_;
    if (last_us == 0) return options.retransmit_ms * 1000;
    return std::min(last_us * 2, options.retransmit_max_ms * 1000);
}

/// False while encrypted records would have to wait for their keys.
bool Session::has_keys() const {
    if (state_ != State::handshaking) return true;
    const OSSL_HANDSHAKE_STATE at = SSL_get_state(ssl_.get());
    return at == TLS_ST_SR_CHANGE || at == TLS_ST_CR_CHANGE; // Finished is next
}

/// The first part of a datagram, of whole records (RFC 6347, section 4.1) that OpenSSL should see.
ByteView Session::whole_records(ByteView datagram) {
    Reader reader(datagram.first(std::min(datagram.size(), max_datagram)));
    const bool counts = !has_keys();
    size_t whole = 0;
    while (reader.remaining() > 0) {
        const uint8_t type = reader.u8();
        const uint8_t major = reader.u8();
        reader.skip(1); // minor version
        const uint16_t epoch = reader.u16();
        reader.skip(6); // sequence number
        reader.skip(reader.u16());
        if (reader.failed() || type < SSL3_RT_CHANGE_CIPHER_SPEC ||
            type > SSL3_RT_APPLICATION_DATA || major != DTLS1_VERSION_MAJOR)
            break;
        if (counts && epoch > 0 && early_++ >= max_early_records) break;
        whole = reader.position();
    }
    return datagram.first(whole);
}

Result Session::start(uint64_t now_ms) {
    if (options_.role == Role::server || !ssl_) return Result::ok();
    return advance(now_ms);
}

Result Session::receive(ByteView datagram, uint64_t now_ms) {
    if (state_ == State::failed) return Result::error(reason_);
    if (!ssl_ && !remains_) return Result::ok();
    const ByteView records = whole_records(datagram);
    if (records.empty()) return Result::ok();
    if (remains_) return hear(records);
    if (state_ == State::handshaking && ++datagrams_ > max_handshake_datagrams)
        return fail("too many datagrams in a DTLS handshake");
    input(records);
    const Result result = advance(now_ms);
    input({});
    return result;
}

/// Before each use of OpenSSL: forgets the errors of other connections and takes the buffers that
/// an idle session does not have.
void Session::prepare() {
    ERR_clear_error();
    if (SSL_alloc_buffers(ssl_.get()) != 1) throw std::bad_alloc();
}

Result Session::advance(uint64_t now_ms) {
    prepare();
    if (state_ == State::handshaking) {
        std::vector<std::vector<uint8_t>> flight;
        copies_ = &flight;
        Result result = handshake(now_ms);
        copies_ = nullptr;
        if (state_ != State::connected) return result;
        if (!options_.keep) return release(std::move(flight));
    }
    return read();
}

/// Frees OpenSSL's part, which writes the goodbye for the peer before.
Result Session::release(std::vector<std::vector<uint8_t>> flight) {
    auto remains = Remains::of(ssl_.get(), options_.role == Role::client);
    if (!remains) return fail("OpenSSL made no keys for DTLS");
    remains->flight = std::move(flight);
    copies_ = &remains->goodbye;
    is_mute_ = true;
    SSL_shutdown(ssl_.get());
    is_mute_ = false;
    copies_ = nullptr;
    remains_ = std::move(remains);
    ssl_.reset();
    options_.peer = {};
    options_.profiles = {};
    return Result::ok();
}

void Session::on_output(ByteView datagram) noexcept {
    if (!is_mute_) handler_.on_datagram(datagram);
    if (!copies_) return;
    try {
        copies_->emplace_back(datagram.begin(), datagram.end());
    } catch (const std::bad_alloc &) { // OpenSSL, which called, is no C++
        copies_->clear();
    }
}

void Session::say(const std::vector<std::vector<uint8_t>> &datagrams) {
    for (const auto &each : datagrams)
        handler_.on_datagram(each);
}

Result Session::hear(ByteView records) {
    switch (remains_->hear(records)) {
    case Remains::Heard::nothing:
        return Result::ok();
    case Remains::Heard::finished:
        if (repeats_++ < max_repeats) say(remains_->flight);
        return Result::ok();
    case Remains::Heard::closes:
        close();
        reason_ = "the DTLS peer has closed the session";
        return Result::ok();
    case Remains::Heard::fails:
        return fail("the DTLS session broke: the peer says that it can't go on");
    }
    return Result::ok();
}

Result Session::handshake(uint64_t now_ms) {
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        if (!is_verified_) return fail("the DTLS peer has shown no certificate");
        Result result = take_keys();
        if (!result.is_ok()) return result;
        state_ = State::connected;
        since_ms_ = now_ms;
        context_->end_handshake();
        return result;
    }
    const int why = SSL_get_error(ssl_.get(), done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Result::ok();
    if (SSL_get_verify_result(ssl_.get()) == X509_V_ERR_CERT_REJECTED)
        return fail("the certificate of the DTLS peer is not that of its SDP");
    const std::string text = openssl_reason();
    return fail("the DTLS handshake failed: " + (text.empty() ? "unknown error" : text));
}

Result Session::take_keys() {
    const SRTP_PROTECTION_PROFILE *const chosen = SSL_get_selected_srtp_profile(ssl_.get());
    const auto profile = chosen ? profile_of(chosen->id) : std::nullopt;
    if (!profile) {
        if (options_.keep) return Result::ok();
        SSL_shutdown(ssl_.get());
        return fail("the DTLS peer and this side have no SRTP profile in common");
    }
    const size_t key = srtp::key_size(*profile), salt = srtp::salt_size(*profile);
    srtp::Secret<2 * (srtp::max_key_size + srtp::max_salt_size)> material;
    if (SSL_export_keying_material(ssl_.get(), material.bytes.data(), 2 * (key + salt),
                                   exporter_label.data(), exporter_label.size(), nullptr, 0,
                                   0) != 1)
        return fail("OpenSSL made no keys for SRTP");
    Keys &keys = keys_.emplace();
    keys.profile = *profile;
    const bool is_client = options_.role == Role::client;
    srtp::MasterKey &client = is_client ? keys.ours : keys.theirs;
    srtp::MasterKey &server = is_client ? keys.theirs : keys.ours;
    const uint8_t *from = material.bytes.data();
    std::copy_n(from, key, client.key.bytes.begin());
    std::copy_n(from + key, key, server.key.bytes.begin());
    std::copy_n(from + 2 * key, salt, client.salt.bytes.begin());
    std::copy_n(from + 2 * key + salt, salt, server.salt.bytes.begin());
    return Result::ok();
}

/// Reads the records that follow the handshake, in the same datagram or later ones.
Result Session::read() {
    for (;;) {
        std::array<uint8_t, max_message> message;
        const int size = SSL_read(ssl_.get(), message.data(), int(message.size()));
        if (size > 0) {
            if (options_.keep) handler_.on_data(ByteView(message.data(), size_t(size)));
            continue;
        }
        const int why = SSL_get_error(ssl_.get(), size);
        if (why == SSL_ERROR_ZERO_RETURN) {
            close();
            reason_ = "the DTLS peer has closed the session";
        } else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
            const std::string text = openssl_reason();
            return fail("the DTLS session broke: " + (text.empty() ? "unknown error" : text));
        } else {
            SSL_free_buffers(ssl_.get());
        }
        return Result::ok();
    }
}

Result Session::check(uint64_t now_ms) {
    if (state_ == State::failed) return Result::error(reason_);
    const uint64_t age = now_ms - std::min(since_ms_, now_ms);
    if (remains_ && age >= options_.linger_ms) remains_->flight = remains_->goodbye = {};
    if (!ssl_ || state_ == State::connected) return Result::ok();
    if (age >= options_.handshake_ms) return fail("the DTLS handshake timed out");
    prepare();
    if (DTLSv1_handle_timeout(ssl_.get()) < 0) return fail("the DTLS peer has stopped to answer");
    return Result::ok();
}

std::optional<uint64_t> Session::next_check_ms(uint64_t now_ms) const {
    if (remains_ && !(remains_->flight.empty() && remains_->goodbye.empty()))
        return since_ms_ + options_.linger_ms;
    if (!ssl_ || state_ == State::connected) return std::nullopt;
    uint64_t out = since_ms_ + options_.handshake_ms;
    timeval left{};
    if (DTLSv1_get_timeout(ssl_.get(), &left) == 1)
        out = std::min(out, now_ms + uint64_t(left.tv_sec) * 1000 +
                                (uint64_t(left.tv_usec) + 999) / 1000);
    return out;
}

Result Session::send(ByteView message) {
    if (state_ != State::connected || !options_.keep || !ssl_)
        return Result::error("the DTLS session takes no messages");
    if (message.empty() || message.size() > max_data())
        return Result::error("the message does not fit into a datagram");
    prepare();
    if (SSL_write(ssl_.get(), message.data(), int(message.size())) != int(message.size()))
        return Result::error("OpenSSL has not sent the message: " + openssl_reason());
    SSL_free_buffers(ssl_.get());
    return Result::ok();
}

size_t Session::max_data() const {
    if (state_ != State::connected || !ssl_) return 0;
    return std::min(DTLS_get_data_mtu(ssl_.get()), max_message);
}

void Session::close() {
    if (state_ == State::connected && remains_) say(remains_->goodbye);
    if (state_ == State::connected && ssl_) {
        prepare();
        SSL_shutdown(ssl_.get());
    }
    if (state_ == State::handshaking || state_ == State::connected) end(State::closed, "closed");
}

Result Session::fail(std::string reason) {
    end(State::failed, std::move(reason));
    return Result::error(reason_);
}

void Session::end(State state, std::string reason) {
    if (state_ == State::handshaking) context_->end_handshake();
    state_ = state;
    reason_ = std::move(reason);
    ssl_.reset();
    remains_.reset();
}

} // namespace penstock::dtls
