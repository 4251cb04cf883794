// SPDX-License-Identifier: LGPL-2.1-or-later
// Two ends of DTLS over vectors of bytes, and a peer of other habits. Include it before check.hpp.
#pragma once

#include "core/dtls/session.h"

#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace dtls_test {

using namespace penstock;
using dtls::Role;
using dtls::Session;
using Datagram = std::vector<uint8_t>;
using Datagrams = std::deque<Datagram>;

/// Of a real clock, since OpenSSL's timers are.
inline uint64_t now_ms() {
    return uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::steady_clock::now().time_since_epoch())
                        .count());
}

/// A context for each side, made once.
inline std::shared_ptr<dtls::Context> context_of(Role role) {
    const auto make = [] { return dtls::Context::make({}, nullptr); };
    static const std::shared_ptr<dtls::Context> server = make(), client = make();
    return role == Role::server ? server : client;
}

/// What a side expects: the other's certificate.
inline dtls::Options options_of(Role role) {
    dtls::Options out;
    out.role = role;
    const Role other = role == Role::server ? Role::client : Role::server;
    out.peer = {context_of(other)->fingerprint()};
    return out;
}

/// A session with what it has sent and received.
struct End final : Session::Handler {
    explicit End(const dtls::Options &options, std::shared_ptr<dtls::Context> context = nullptr)
        : session(Session::make(context ? context : context_of(options.role), *this, options,
                                now_ms())) {
        if (!session) throw std::runtime_error("no session");
    }
    void on_datagram(ByteView datagram) noexcept override {
        sent.emplace_back(datagram.begin(), datagram.end());
    }
    void on_data(ByteView message) noexcept override {
        received.emplace_back(message.begin(), message.end());
    }
    bool is(Session::State state) const { return session->state() == state; }
    bool connected() const { return is(Session::State::connected); }
    Result receive(const Datagram &datagram) { return session->receive(datagram, now_ms()); }
    Datagrams take() { return std::exchange(sent, {}); }

    Datagrams sent;
    std::vector<Datagram> received;
    std::unique_ptr<Session> session;
};

struct Pair {
    explicit Pair(const dtls::Options &for_server = options_of(Role::server),
                  const dtls::Options &for_client = options_of(Role::client))
        : server(for_server), client(for_client) {}

    bool both(Session::State state) const { return server.is(state) && client.is(state); }
    bool connected() const { return both(Session::State::connected); }
    /// What each has sent reaches the other, until neither has anything to say.
    void exchange() {
        while (!server.sent.empty() || !client.sent.empty()) {
            for (const Datagram &each : client.take())
                server.receive(each);
            for (const Datagram &each : server.take())
                client.receive(each);
        }
    }
    void run() {
        client.session->start(now_ms());
        exchange();
    }

    End server, client;
};

/// One way of a network that loses, doubles and reorders; the same for the same seed.
class Network {
public:
    explicit Network(unsigned seed) : random_(seed) {}

    void carry(Datagrams from, End &to) {
        for (Datagram &each : from) {
            if (random_() % 4 == 0) continue;
            if (random_() % 6 == 0) late_.push_back(each);
            to.receive(each);
        }
        // What was late comes twice and out of order.
        if (random_() % 2 == 0)
            for (const Datagram &each : std::exchange(late_, {}))
                to.receive(each);
    }

private:
    std::mt19937 random_;
    Datagrams late_;
};

/// A record of DTLS 1.2.
inline Datagram record(uint8_t type, uint16_t epoch, const Datagram &content) {
    Datagram out{type, 0xFE, 0xFD, uint8_t(epoch >> 8), uint8_t(epoch)};
    out.resize(11);
    out.push_back(uint8_t(content.size() >> 8));
    out.push_back(uint8_t(content.size()));
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

/// The ClientHello of a flight that is one record, as two of which each has a part.
inline Datagrams in_two(const Datagram &hello, size_t first) {
    constexpr size_t record_head = 13, message_head = 12;
    Datagrams out;
    const size_t size = hello.size() - record_head - message_head;
    for (const auto &[from, to] : {std::pair(size_t(0), first), std::pair(first, size)}) {
        Datagram part(hello.begin() + record_head, hello.begin() + record_head + message_head);
        const size_t length = to - from;
        part[6] = uint8_t(from >> 16), part[7] = uint8_t(from >> 8), part[8] = uint8_t(from);
        part[9] = uint8_t(length >> 16), part[10] = uint8_t(length >> 8),
        part[11] = uint8_t(length);
        const auto body = hello.begin() + record_head + message_head;
        part.insert(part.end(), body + long(from), body + long(to));
        out.push_back(record(22, 0, part));
        out.back()[10] = uint8_t(out.size() + 10); // sequence number
    }
    return out;
}

/// A client made of OpenSSL alone, for what a Session never does. It trusts any server.
class Stranger final : dtls::Pipe {
public:
    struct Habits {
        const char *srtp = "SRTP_AES128_CM_SHA1_80"; ///< what it offers; nullptr: nothing
        bool rsa = false;
        bool has_certificate = true;
        int version = DTLS1_2_VERSION;
        const char *cipher = nullptr; ///< the only one that it offers; nullptr: all
    };
    explicit Stranger(const Habits &habits) : context_(SSL_CTX_new(DTLS_client_method())) {
        SSL_CTX *const context = context_.get();
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, habits.version);
        SSL_CTX_set_max_proto_version(context, habits.version);
        SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU);
        if (habits.srtp) SSL_CTX_set_tlsext_use_srtp(context, habits.srtp);
        if (habits.cipher) SSL_CTX_set_cipher_list(context, habits.cipher);
        if (habits.has_certificate) certify(habits.rsa);
        ssl_.reset(SSL_new(context));
        BIO *const bio = make_bio();
        SSL_set_bio(ssl_.get(), bio, bio);
        SSL_set_mtu(ssl_.get(), 1200);
        SSL_set_connect_state(ssl_.get());
    }

    const dtls::Fingerprint &fingerprint() const { return fingerprint_; }
    /// Until the server or it has nothing more to say.
    void shake_hands(End &server) {
        for (;;) {
            connected = SSL_do_handshake(ssl_.get()) == 1;
            ERR_clear_error();
            if (sent_.empty()) return;
            for (const Datagram &each : std::exchange(sent_, {}))
                server.receive(each);
            for (const Datagram &each : server.take()) {
                input(each);
                connected = SSL_do_handshake(ssl_.get()) == 1;
                input({});
            }
        }
    }
    void close(End &server) {
        SSL_shutdown(ssl_.get());
        for (const Datagram &each : std::exchange(sent_, {}))
            server.receive(each);
    }
    bool connected = false;

private:
    void on_output(ByteView datagram) noexcept override {
        sent_.emplace_back(datagram.begin(), datagram.end());
    }
    void certify(bool rsa) {
        EVP_PKEY *const key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
        X509 *const certificate = X509_new();
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        // It has expired, which is no matter.
        X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
        X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
        X509_set_pubkey(certificate, key);
        X509_sign(certificate, key, EVP_sha256());
        SSL_CTX_use_certificate(context_.get(), certificate);
        SSL_CTX_use_PrivateKey(context_.get(), key);
        fingerprint_ = dtls::Fingerprint::of(certificate, dtls::Hash::sha_384);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    struct Free {
        void operator()(SSL *one) const { SSL_free(one); }
        void operator()(SSL_CTX *one) const { SSL_CTX_free(one); }
    };
    std::unique_ptr<SSL_CTX, Free> context_;
    std::unique_ptr<SSL, Free> ssl_;
    dtls::Fingerprint fingerprint_;
    Datagrams sent_;
};

} // namespace dtls_test
