// SPDX-License-Identifier: LGPL-2.1-or-later
// The least WHIP or WHEP server for one client, without a socket: it answers an offer as ICE-lite,
// waits for checks and DTLS, and carries SRTP both ways.
#pragma once

#include "core/dtls/session.h"
#include "core/sdp/answer.h"
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"
#include "core/stun/classify.h"
#include "core/stun/ice_lite.h"
#include "rtc/client.hpp"
#include "rtc/crypto.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rtc_test {

/// H.264 and Opus, of SSRCs 11, 12 (RTX) and 13.
inline sdp::AnswerPolicy peer_policy(bool sends) {
    sdp::Track video, audio;
    video.codecs.resize(1);
    video.codecs[0].name = "H264";
    video.feedback = {"nack", "nack pli", "goog-remb"};
    video.extensions = {std::string(rtp::uri_of(rtp::ExtensionKind::mid)),
                        std::string(rtp::uri_of(rtp::ExtensionKind::rid))};
    video.rtx = true;
    video.max_layers = 3;
    video.ssrc = 11;
    video.rtx_ssrc = 12;
    audio.kind = sdp::Kind::audio;
    audio.codecs.resize(1);
    audio.codecs[0].name = "opus";
    audio.codecs[0].clock = 48000;
    audio.codecs[0].channels = 2;
    audio.ssrc = 13;
    video.cname = audio.cname = "peer";
    sdp::AnswerPolicy out;
    out.sends = sends;
    out.tracks = {video, audio};
    return out;
}

/// Not thread-safe. Times are of a steady clock, in ms.
class RtcPeer final : private dtls::Session::Handler {
public:
    RtcPeer(std::shared_ptr<dtls::Context> context, RtcClient::Output &output)
        : context_(std::move(context)), output_(output) {}

    /// Answers an offer; `at` is where checks are awaited.
    Result answer(const std::string &text, bool sends, const stun::TransportAddress &at,
                  uint64_t now_ms) {
        sdp::Offer offer;
        if (Result result = sdp::read_offer(text, offer); !result.is_ok()) return result;
        sdp::LocalTransport local;
        local.ice = stun::make_credentials(random_bytes);
        local.fingerprint = {"sha-256", context_->fingerprint().digest};
        sdp::Candidate candidate;
        candidate.address = "127.0.0.1";
        candidate.port = at.port;
        candidate.priority = sdp::host_priority(candidate.tcp, 0);
        local.candidates = {candidate};
        Result result = sdp::make_answer(offer, peer_policy(sends), local, answer_);
        if (!result.is_ok()) return result;
        ice_.emplace(local.ice, answer_.remote.ice, hmac_sha1, now_ms);
        dtls::Options options;
        options.role = answer_.is_dtls_client ? dtls::Role::client : dtls::Role::server;
        for (const sdp::Fingerprint &one : answer_.remote.fingerprints)
            if (auto fingerprint = dtls::Fingerprint::parse(one.hash, sdp::to_string(one)))
                options.peer.push_back(std::move(*fingerprint));
        dtls_ = dtls::Session::make(context_, *this, std::move(options), now_ms);
        return dtls_ ? Result::ok() : Result::error("too many handshakes");
    }
    const sdp::Answer &answered() const { return answer_; }

    void receive(const stun::TransportAddress &from, std::span<uint8_t> datagram, uint64_t now_ms) {
        const stun::Protocol protocol = stun::classify(datagram);
        if (protocol == stun::Protocol::stun) return receive_check(from, datagram, now_ms);
        if (protocol == stun::Protocol::dtls) {
            dtls_->receive(datagram, now_ms);
            take_keys();
        } else if (receiver_ && protocol == stun::Protocol::rtp) {
            keep(receiver_->unprotect(datagram), datagram, rtp);
        } else if (receiver_ && protocol == stun::Protocol::rtcp) {
            keep(receiver_->unprotect_rtcp(datagram), datagram, rtcp);
        }
    }
    /// Sends again what got no answer in the handshake.
    void advance(uint64_t now_ms) {
        if (dtls_) dtls_->check(now_ms);
    }

    bool is_connected() const { return sender_.has_value(); }
    /// By which its checks are known.
    const std::string &ufrag() const { return ice_->own().ufrag; }
    bool has_selected() const { return ice_ && ice_->selected().has_value(); }
    dtls::Session &session() { return *dtls_; }
    srtp::Sender &sender() { return *sender_; }
    const stun::TransportAddress &remote() const { return ice_->selected()->remote; }

    bool send_rtp(ByteView header, ByteView payload) {
        scratch_.resize(header.size() + payload.size() + srtp::max_rtp_growth);
        return send(sender_->protect(header, payload, scratch_));
    }
    bool send_rtcp(ByteView packets) {
        scratch_.resize(packets.size() + srtp::max_rtcp_growth);
        return send(sender_->protect_rtcp(packets, scratch_));
    }

    std::vector<std::vector<uint8_t>> rtp, rtcp; ///< that came, decrypted
    unsigned checks = 0;                         ///< valid ones
    unsigned refused = 0;                        ///< packets and checks

private:
    void receive_check(const stun::TransportAddress &from, ByteView datagram, uint64_t now_ms) {
        stun::Message message;
        if (!ice_ || !stun::parse(datagram, message).is_ok()) return;
        const stun::CheckResult result = ice_->on_message(datagram, message, {0, from}, now_ms);
        if (!result.reply.empty()) output_.send(from, result.reply);
        ++(result.is_valid ? checks : refused);
        if (result.moved && answer_.is_dtls_client) dtls_->start(now_ms);
    }
    void on_datagram(ByteView datagram) noexcept override {
        if (has_selected()) output_.send(remote(), datagram);
    }
    void take_keys() {
        if (sender_ || dtls_->state() != dtls::Session::State::connected) return;
        const dtls::Keys &keys = *dtls_->keys();
        sender_.emplace(keys.profile, keys.ours);
        receiver_.emplace(keys.profile, keys.theirs);
    }
    void keep(const srtp::Outcome &outcome, ByteView datagram,
              std::vector<std::vector<uint8_t>> &out) {
        const ByteView packet = datagram.first(outcome.size);
        if (outcome.ok())
            out.emplace_back(packet.begin(), packet.end());
        else
            ++refused;
    }
    bool send(const srtp::Outcome &outcome) {
        if (outcome.ok()) output_.send(remote(), ByteView(scratch_).first(outcome.size));
        return outcome.ok();
    }

    const std::shared_ptr<dtls::Context> context_;
    RtcClient::Output &output_;
    sdp::Answer answer_;
    std::optional<stun::IceLite> ice_;
    std::unique_ptr<dtls::Session> dtls_;
    std::optional<srtp::Sender> sender_;
    std::optional<srtp::Receiver> receiver_;
    std::vector<uint8_t> scratch_;
};

} // namespace rtc_test
