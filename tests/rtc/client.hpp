// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebRTC client without a socket, for tests and load: it offers, takes the answer, connects by
// ICE and DTLS, and carries SRTP both ways.
#pragma once

#include "core/dtls/session.h"
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"
#include "rtc/checks.hpp"
#include "rtc/offer.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace rtc_test {

/// Not thread-safe. Times are of a steady clock, in ms. Calls of Handler and Output are made by the
/// methods below, which a handler may use, but for the destructor.
class RtcClient final : private dtls::Session::Handler {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// ICE and DTLS are done: packets may be sent.
        virtual void on_connected() {}
        /// A packet of RTP as it was before encryption, or as it came without `decrypts`.
        virtual void on_rtp(ByteView) {}
        virtual void on_rtcp(ByteView) {}
        /// A packet of SCTP, if data channels were offered.
        virtual void on_data(ByteView) {}
        /// It can't go on: failed or closed by the peer.
        virtual void on_ended(const std::string & /*reason*/) {}
    };
    class Output {
    public:
        virtual ~Output() = default;
        /// `bytes` are valid during the call.
        virtual void send(const stun::TransportAddress &to, ByteView bytes) = 0;
    };
    struct Settings {
        OfferSettings offer;
        Checks::Settings checks;
        /// What is offered; empty: GCM-128, then CM.
        std::vector<srtp::Profile> profiles;
        uint64_t handshake_ms = 15'000;
        size_t sent_sources = 16; ///< SSRCs that it may send
        /// The peer's candidates that are used: those for TCP, which are passive, or for UDP.
        bool uses_tcp = false;
    };
    enum class State : uint8_t { offering, checking, handshaking, connected, ended };

    /// The context may be shared with other clients.
    RtcClient(std::shared_ptr<dtls::Context> context, Settings settings, Handler &handler,
              Output &output);
    ~RtcClient() override;
    RtcClient(const RtcClient &) = delete;
    RtcClient &operator=(const RtcClient &) = delete;

    const std::string &offer() const { return offer_; }
    /// Takes the answer to the offer and begins to connect. Errors: those of read_answer(); no
    /// candidate with an address. Then it goes on to wait for an answer.
    Result accept(std::string_view answer, uint64_t now_ms);

    /// A datagram that came; SRTP is decrypted in its place.
    void receive(const stun::TransportAddress &from, std::span<uint8_t> datagram, uint64_t now_ms);
    /// Sends what is due; to be called at next_ms() or a little later.
    void advance(uint64_t now_ms);
    /// UINT64_MAX: never.
    uint64_t next_ms(uint64_t now_ms) const;

    /// Encrypts and sends a packet, whose header is in `header` and may have extensions. False
    /// unless it is connected, or if SRTP refuses it.
    bool send_rtp(ByteView header, std::span<const ByteView> payload);
    bool send_rtp(ByteView packet);
    /// The same for one or several packets of RTCP.
    bool send_rtcp(ByteView packets);
    /// Sends a packet of SCTP.
    bool send_data(ByteView packet) { return can_send() && dtls_->send(packet).is_ok(); }
    /// Tells the peer by DTLS, if it still can, and ends.
    void close();
    /// Begins to use other credentials for ICE, after a restart of it (RFC 8445, section 9): the
    /// addresses are checked again, and until one answers nothing is sent.
    void restart_ice(stun::Credentials own, stun::Credentials remote, uint64_t now_ms);

    /// Whether packets are decrypted; their headers can be read in either case.
    void set_decrypts(bool decrypts) { decrypts_ = decrypts; }

    State state() const { return state_; }
    bool is_connected() const { return state_ == State::connected; }
    /// Why it ended.
    const std::string &reason() const { return reason_; }
    /// What the answer said; empty tracks before.
    const Answered &answered() const { return answered_; }
    const Sources &sources() const { return sources_; }
    const stun::Credentials &ice() const { return ice_; }
    /// Of SRTP; once it is connected.
    std::optional<srtp::Profile> profile() const;
    const Checks *checks() const { return checks_ ? &*checks_ : nullptr; }
    /// Packets that SRTP refused.
    uint64_t refused() const { return refused_; }

private:
    void on_datagram(ByteView datagram) noexcept override;
    void on_data(ByteView packet) noexcept override {
        data_.emplace_back(packet.begin(), packet.end());
    }
    void begin_handshake(uint64_t now_ms);
    void flush_checks();
    void look_at_checks(uint64_t now_ms);
    void look_at_handshake();
    void receive_media(bool is_rtcp, std::span<uint8_t> datagram);
    bool can_send() const {
        return state_ == State::connected && checks_->state() == Checks::State::connected;
    }
    void end(std::string reason);

    const std::shared_ptr<dtls::Context> context_;
    const Settings settings_;
    Handler &handler_;
    Output &output_;
    stun::Credentials ice_;
    Sources sources_;
    std::string offer_, reason_;
    Answered answered_;
    std::vector<stun::TransportAddress> addresses_; ///< of the peer
    std::optional<Checks> checks_;
    std::unique_ptr<dtls::Session> dtls_;
    std::optional<srtp::Sender> sender_;
    std::optional<srtp::Receiver> receiver_;
    std::vector<uint8_t> scratch_;           ///< of packets that are sent
    std::vector<std::vector<uint8_t>> data_; ///< that came while DTLS is at work
    uint64_t refused_ = 0;
    State state_ = State::offering;
    bool decrypts_ = true;
};

} // namespace rtc_test
