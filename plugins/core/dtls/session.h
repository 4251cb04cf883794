// SPDX-License-Identifier: LGPL-2.1-or-later
// One side of DTLS 1.2 (RFC 6347) without a socket, for WebRTC: it compares the peer's certificate
// with what SDP says, makes the keys of SRTP (RFC 5764) and carries the messages of data channels.
// This header does not need OpenSSL.
#pragma once

#include "core/bytes/result.h"
#include "core/dtls/context.h"
#include "core/dtls/pipe.h"
#include "core/dtls/remains.h"
#include "core/srtp/keys.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct ssl_st;
struct x509_store_ctx_st;

namespace penstock::dtls {

/// `a=setup:passive` is the server's role.
enum class Role : uint8_t { server, client };

struct Options {
    Role role = Role::server;
    /// The peer's certificate has to have one of these; with none, none is accepted.
    std::vector<Fingerprint> peer{};
    /// SRTP profiles that a client offers, or a server accepts, the preferred first. Empty: AES-128
    /// as GCM and, if the peer has not that, as CM.
    std::vector<srtp::Profile> profiles{};
    /// For data channels: messages are passed to and fro, and SRTP is not required. Otherwise what
    /// OpenSSL has, about 65 kB, is freed with the end of the handshake.
    bool keep = false;
    size_t mtu = 1200;              ///< bytes that a datagram may have; at least 300
    uint64_t handshake_ms = 30'000; ///< for a handshake
    /// In which a peer may ask for the last flight again, and is told of the end, without `keep`.
    uint64_t linger_ms = 30'000;
    unsigned retransmit_ms = 100; ///< before the first flight is sent again; then twice that
    unsigned retransmit_max_ms = 3'000;
};

struct Keys {
    srtp::Profile profile = srtp::Profile::aead_aes_128_gcm;
    srtp::MasterKey ours;   ///< for what this side sends
    srtp::MasterKey theirs; ///< for what the peer sends
};

/// Not thread-safe. Times are of a steady clock, in ms; how long OpenSSL waits before it sends
/// again is real time.
class Session final : private Pipe {
public:
    /// Called by the methods below. Neither call throws, nor uses the session.
    class Handler {
    public:
        virtual ~Handler() = default;
        /// To be sent to the peer; valid during the call.
        virtual void on_datagram(ByteView datagram) noexcept = 0;
        /// A message of the peer, with `keep`; valid during the call.
        virtual void on_data(ByteView) noexcept {}
    };
    enum class State : uint8_t {
        handshaking,
        connected,
        closed, ///< by either side, after the handshake or by close()
        failed  ///< see reason()
    };

    /// nullptr if the context has as many handshakes as it may have, or OpenSSL has none of the
    /// profiles. Throws std::bad_alloc.
    static std::unique_ptr<Session> make(std::shared_ptr<Context> context, Handler &handler,
                                         Options options, uint64_t now_ms);
    ~Session() override;
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    /// Has a client send its first flight; a server waits.
    Result start(uint64_t now_ms);
    /// A datagram of the peer, whose first byte is 20 to 63 (RFC 7983). What is no DTLS is ignored.
    /// An error is the end of the session.
    Result receive(ByteView datagram, uint64_t now_ms);
    /// Sends again what got no answer, and frees what is no longer needed. Call it at
    /// next_check_ms() or a little later. An error is the end of the session.
    Result check(uint64_t now_ms);
    /// When check() has something to do; empty: not unless something is received.
    std::optional<uint64_t> next_check_ms(uint64_t now_ms) const;
    /// Sends a message of up to max_data() bytes, with `keep` while connected; an error otherwise.
    Result send(ByteView message);
    size_t max_data() const;
    /// Tells the peer, if that is possible.
    void close();

    State state() const { return state_; }
    /// While and after it is connected; empty only with `keep`, if the peer offers no SRTP.
    const std::optional<Keys> &keys() const { return keys_; }
    /// Why it failed, or how it was closed; for the log.
    const std::string &reason() const { return reason_; }
    /// Whether OpenSSL's part is still there.
    bool has_ssl() const { return ssl_ != nullptr; }

private:
    friend class Context;
    struct Free {
        void operator()(ssl_st *ssl) const;
    };

    Session(std::shared_ptr<Context> context, Handler &handler, Options options, uint64_t now_ms);
    static int verify(x509_store_ctx_st *chain, void *);
    static unsigned next_timeout_us(ssl_st *ssl, unsigned last_us);
    void on_output(ByteView datagram) noexcept override;
    bool has_keys() const;
    ByteView whole_records(ByteView datagram);
    void prepare();
    Result advance(uint64_t now_ms);
    Result handshake(uint64_t now_ms);
    Result read();
    Result take_keys();
    Result release(std::vector<std::vector<uint8_t>> flight);
    Result hear(ByteView records);
    void say(const std::vector<std::vector<uint8_t>> &datagrams);
    Result fail(std::string reason);
    void end(State state, std::string reason);

    std::shared_ptr<Context> context_;
    Handler &handler_;
    Options options_;
    std::unique_ptr<ssl_st, Free> ssl_;
    std::unique_ptr<Remains> remains_; ///< in its place, once it is connected, without `keep`
    std::optional<Keys> keys_;
    std::string reason_;
    uint64_t since_ms_; ///< when the state began
    /// Datagrams that are sent are copied to this list; nullptr: they are not.
    std::vector<std::vector<uint8_t>> *copies_ = nullptr;
    unsigned datagrams_ = 0;   ///< received in the handshake
    unsigned repeats_ = 0;     ///< of the last flight
    unsigned early_ = 0;       ///< encrypted records that came before their keys
    bool is_verified_ = false; ///< the peer's certificate is the right one
    bool is_mute_ = false;     ///< what OpenSSL writes is not sent
    State state_ = State::handshaking;
};

} // namespace penstock::dtls
