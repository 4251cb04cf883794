// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebRTC peer that publishes or plays: its offer and answer, and its transport (ICE-lite, DTLS,
// SRTP) over the UDP port, or a TCP connection.
#pragma once

#include "core/dtls/session.h"
#include "core/net/loop/log.h"
#include "core/net/rtc/channels.h"
#include "core/net/rtc/peers.h"
#include "core/net/rtc/port.h"
#include "core/net/rtc/state.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/roster.h"
#include "core/rtp/rtcp.h"
#include "core/sdp/answer.h"
#include "core/sdp/fragment.h"
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"
#include "core/stun/ice_lite.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Belongs to its loop: all methods are called there, unless they say "any thread".
class RtcSession : public RtcPeer,
                   public RosterMember,
                   private RtcChannels::Owner,
                   public std::enable_shared_from_this<RtcSession> {
public:
    /// Its places among the sessions: while it lives, and until it is connected.
    struct Seats {
        std::unique_ptr<WaitingRoom::Seat> session, unfinished;
    };

    ~RtcSession() override;

    /// Any thread, once: asks for admission and answers the offer. `done` is called once.
    void open(sdp::Offer offer, RtcPeers::Created done);
    /// Any thread.
    void patch(std::string if_match, sdp::Fragment fragment, RtcPeers::Patched done);
    /// Any thread.
    void close(const std::string &reason) override;
    size_t loop() const override { return home_; }
    /// Any thread: of the endpoint, as it was asked for.
    const std::string &endpoint() const { return endpoint_; }

    void check(uint64_t now_ms) override;
    void on_datagram(ByteView bytes, const RtcWay &from) override;
    bool on_tick(uint64_t now) override;
    void on_writable() override {}

protected:
    RtcSession(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats);

    /// Begins to decide about the offer; ends in answer() or refuse(), now or later.
    virtual void admit() = 0;
    /// The keys of SRTP are there, unless there are data channels alone.
    virtual void on_connected() = 0;
    /// Decrypted; may be changed.
    virtual void on_rtp(std::span<uint8_t> packet, uint64_t now) = 0;
    virtual void on_rtcp(ByteView compound, uint64_t now) = 0;
    /// It has ended; called once.
    virtual void on_closed(const std::string &reason) = 0;
    /// Something may be sent again: the peer has shown that it is where it moved to.
    virtual void on_way() {}
    /// As on_tick(), beside the transport's own.
    virtual bool tick_media(uint64_t) { return false; }
    /// Authentic media shows that the peer is there: it publishes.
    virtual bool sends_media() const = 0;
    /// SSRCs that it may send.
    virtual size_t max_sent_streams() const { return 16; }

    // --- data channels, if the answer accepts their section (AnswerPolicy::max_message_size) --
    /// The peer has opened a channel; the bounds are those of core/sctp/data_channels.h.
    void on_channel_open(uint16_t, const std::string &) override {}
    /// A text of the peer; whether it is UTF-8 is not checked.
    void on_channel_text(uint16_t, std::string_view) override {}
    /// The peer has closed a channel, or all of them end before the session does.
    void on_channel_closed(uint16_t) override {}
    /// False, and nothing is sent, if the channel is not open, the peer takes no text that long, or
    /// as much waits as may.
    bool send_channel_text(uint16_t id, std::string_view text);
    /// Bytes; longer ones are never sent.
    size_t max_channel_text() const { return max_channel_text_; }

    // Until on_connected() has returned; then they are empty.
    const sdp::Offer &offer() const { return offer_; }
    const sdp::Answer &answer() const { return answer_; }
    /// Makes the answer with these tracks. False, and the offer is refused with 406, if it can't.
    bool prepare_answer(const sdp::AnswerPolicy &policy);
    /// Sends it: 201.
    void send_answer();
    static constexpr const char *wrong_key_text =
        "Wrong or missing key: send it as a bearer token, or as ?key=… in the URL.";
    /// Refuses the offer, and ends.
    void refuse(unsigned status, const std::string &reason, unsigned retry_after = 0);
    bool is_answered() const { return done_ == nullptr; }
    bool is_connected() const { return had_keys_; }
    void close_now(LogLevel level, const std::string &reason);
    void say(LogLevel level, const std::string &text) const;

    struct Known {
        stun::Path path;
        RtcWay way;
        bool is_proven = false; ///< something encrypted came by it, too
    };
    /// Where to send; nullptr: nothing may be sent yet, or not now. A peer that moves may be
    /// somebody who has its media sent to another's address: only for seconds, and rarely, it gets
    /// some before something encrypted came from its new one.
    const RtcWay *way() const {
        if (selected_ >= ways_.size()) return nullptr;
        const Known &selected = ways_[selected_];
        return selected.is_proven || is_on_trial_ || !had_keys_ ? &selected.way : nullptr;
    }
    UdpSocket &socket() { return state_->port->socket(home_); }
    /// Encrypts and sends a compound of RTCP.
    void send_rtcp(ByteView compound);
    template <class Self>
    std::shared_ptr<Self> self() {
        return std::static_pointer_cast<Self>(shared_from_this());
    }
    boost::asio::io_context &context() { return state_->loops()->at(home_); }

    const std::shared_ptr<RtcState> state_;
    const size_t home_;
    PeerInfo peer_;
    Admission admission_;
    std::optional<srtp::Sender> sender_;
    bool ended_ = false;
    uint64_t deadline_ms_ = 0; ///< before it is answered, or connected; 0: none
    /// Why there is no answer at the deadline, for people.
    const char *late_ = "The decision took too long.";

private:
    /// What DTLS has to send.
    class Output final : public dtls::Session::Handler {
    public:
        explicit Output(RtcSession &session) : session_(session) {}
        void on_datagram(ByteView datagram) noexcept override { session_.send(datagram); }
        void on_data(ByteView message) noexcept override {
            if (session_.channels_) session_.channels_->put(message);
        }

    private:
        RtcSession &session_;
    };

    void begin();
    Result negotiate(const sdp::AnswerPolicy &policy);
    void forget_details();
    sdp::LocalTransport local_transport(const stun::Credentials &ice) const;
    void patch_now(const std::string &if_match, const sdp::Fragment &fragment,
                   const RtcPeers::Patched &done);
    std::string etag() const;
    void learn(const stun::Path &path, const RtcWay &way);
    void forget(const Known &known);
    void forget_way(size_t index);
    void prove(const stun::Path &path, uint64_t now_ms);
    void on_check(ByteView bytes, const RtcWay &from, uint64_t now_ms);
    void on_handshake(ByteView bytes, const RtcWay &from, uint64_t now_ms);
    void on_media(ByteView bytes, const RtcWay &from, bool rtcp, uint64_t now);
    bool start_dtls(uint64_t now_ms);
    void connected(uint64_t now_ms);
    void expect_channels();
    void send_data(ByteView packet) noexcept override;
    void on_channels_ended(const std::string &reason) override;
    void take_dtls(const Result &result);
    void send(ByteView datagram);
    void say_created(RtcCreated created);

    const std::string endpoint_;
    Seats seats_;
    const std::string id_;
    sdp::Offer offer_;
    sdp::Answer answer_;
    sdp::RestartForm restart_;
    RtcPeers::Created done_;
    std::vector<dtls::Fingerprint> fingerprints_;
    std::optional<stun::IceLite> ice_;
    std::vector<std::string> ufrags_; ///< by which the port knows it
    std::vector<Known> ways_;         ///< of which a check was valid, the oldest first
    stun::Path handshake_path_;       ///< of the last datagram of DTLS
    size_t selected_ = SIZE_MAX;
    uint64_t session_id_ = 0; ///< of o=
    Output output_{*this};
    std::unique_ptr<dtls::Session> dtls_;
    std::optional<srtp::Receiver> receiver_;
    size_t max_channel_text_ = sctp::max_message;
    std::unique_ptr<RtcChannels> channels_; ///< nullptr: its section is not accepted
    /// Checks that were not valid in this second.
    unsigned false_checks_ = 0;
    uint64_t false_since_ms_ = 0;
    bool had_keys_ = false; ///< DTLS is connected
    bool is_on_trial_ = false;
    uint64_t trial_ends_ms_ = 0;
};

} // namespace penstock::net
