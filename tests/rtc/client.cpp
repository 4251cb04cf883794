// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/client.hpp"

#include "core/stun/classify.h"
#include "rtc/crypto.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace rtc_test {
namespace {

std::optional<stun::TransportAddress> address_of(const sdp::Candidate &candidate, bool tcp) {
    const auto wanted = tcp ? sdp::Candidate::Tcp::passive : sdp::Candidate::Tcp::no;
    if (candidate.tcp != wanted || candidate.component != 1) return std::nullopt;
    std::array<uint8_t, 4> v4;
    if (inet_pton(AF_INET, candidate.address.c_str(), v4.data()) == 1)
        return stun::TransportAddress::v4(v4, candidate.port);
    std::array<uint8_t, 16> v6;
    if (inet_pton(AF_INET6, candidate.address.c_str(), v6.data()) == 1)
        return stun::TransportAddress::v6(v6, candidate.port);
    return std::nullopt; // a name of mDNS
}

Sources random_sources() {
    Sources out;
    out.video = random_number<uint32_t>();
    out.video_rtx = out.video + 1;
    out.audio = out.video + 2;
    out.screen = out.video + 3;
    out.screen_rtx = out.video + 4;
    out.cname = "client" + std::to_string(random_number<uint32_t>());
    out.stream = "stream" + std::to_string(random_number<uint32_t>());
    return out;
}

} // namespace

RtcClient::RtcClient(std::shared_ptr<dtls::Context> context, Settings settings, Handler &handler,
                     Output &output)
    : context_(std::move(context)), settings_(std::move(settings)), handler_(handler),
      output_(output), ice_(stun::make_credentials(random_bytes)), sources_(random_sources()),
      offer_(write_offer(settings_.offer, ice_, context_->fingerprint().text(), sources_)) {
}

RtcClient::~RtcClient() = default;

Result RtcClient::accept(std::string_view answer, uint64_t now_ms) {
    if (state_ != State::offering) return Result::error("there is an answer already");
    Answered answered;
    if (Result result = read_answer(answer, answered); !result.is_ok()) return result;
    std::vector<stun::TransportAddress> addresses;
    for (const sdp::Candidate &candidate : answered.transport.candidates)
        if (const auto address = address_of(candidate, settings_.uses_tcp))
            addresses.push_back(*address);
    // A lite agent sends no checks, by which others could be learnt.
    if (addresses.empty() && answered.ice_lite)
        return Result::error(settings_.uses_tcp ? "the answer has no candidate of TCP"
                                                : "the answer has no candidate of UDP");
    answered_ = std::move(answered);
    addresses_ = std::move(addresses);
    checks_.emplace(settings_.checks, ice_, answered_.transport.ice, addresses_, now_ms);
    state_ = State::checking;
    advance(now_ms);
    return Result::ok();
}

void RtcClient::receive(const stun::TransportAddress &from, std::span<uint8_t> datagram,
                        uint64_t now_ms) {
    if (!checks_ || state_ == State::ended) return;
    switch (const stun::Protocol protocol = stun::classify(datagram)) {
    case stun::Protocol::stun:
        checks_->receive(datagram, from, now_ms);
        return look_at_checks(now_ms);
    case stun::Protocol::dtls:
        if (!dtls_) return; // it is sent again
        dtls_->receive(datagram, now_ms);
        look_at_handshake();
        for (const auto &packet : std::exchange(data_, {}))
            handler_.on_data(packet);
        return;
    case stun::Protocol::rtp:
    case stun::Protocol::rtcp:
        if (receiver_) receive_media(protocol == stun::Protocol::rtcp, datagram);
        return;
    case stun::Protocol::unknown:
        return;
    }
}

void RtcClient::receive_media(bool is_rtcp, std::span<uint8_t> datagram) {
    if (!decrypts_ && !is_rtcp) return handler_.on_rtp(datagram);
    const srtp::Outcome outcome =
        is_rtcp ? receiver_->unprotect_rtcp(datagram) : receiver_->unprotect(datagram);
    if (!outcome.ok()) {
        ++refused_;
        return;
    }
    const ByteView packet = datagram.first(outcome.size);
    if (is_rtcp)
        handler_.on_rtcp(packet);
    else
        handler_.on_rtp(packet);
}

void RtcClient::advance(uint64_t now_ms) {
    if (!checks_ || state_ == State::ended) return;
    checks_->advance(now_ms);
    look_at_checks(now_ms);
    if (!dtls_ || state_ == State::ended) return;
    dtls_->check(now_ms);
    look_at_handshake();
}

uint64_t RtcClient::next_ms(uint64_t now_ms) const {
    if (!checks_ || state_ == State::ended) return UINT64_MAX;
    const uint64_t handshake =
        dtls_ ? dtls_->next_check_ms(now_ms).value_or(UINT64_MAX) : UINT64_MAX;
    return std::min(checks_->next_ms(), handshake);
}

void RtcClient::flush_checks() {
    for (const Checks::Datagram &one : checks_->take())
        output_.send(one.to, one.bytes);
}

void RtcClient::look_at_checks(uint64_t now_ms) {
    flush_checks();
    if (checks_->state() == Checks::State::failed) return end("ICE: " + checks_->reason());
    if (checks_->state() == Checks::State::connected && state_ == State::checking)
        begin_handshake(now_ms);
}

void RtcClient::begin_handshake(uint64_t now_ms) {
    dtls::Options options;
    const bool is_server = answered_.transport.setup == sdp::Setup::active;
    options.role = is_server ? dtls::Role::server : dtls::Role::client;
    for (const sdp::Fingerprint &one : answered_.transport.fingerprints)
        if (auto fingerprint = dtls::Fingerprint::parse(one.hash, sdp::to_string(one)))
            options.peer.push_back(std::move(*fingerprint));
    options.profiles = settings_.profiles;
    options.handshake_ms = settings_.handshake_ms;
    options.keep = settings_.offer.data;
    state_ = State::handshaking;
    dtls_ = dtls::Session::make(context_, *this, std::move(options), now_ms);
    if (!dtls_) return end("DTLS: the context has too many handshakes");
    dtls_->start(now_ms);
    look_at_handshake();
}

void RtcClient::on_datagram(ByteView datagram) noexcept {
    output_.send(checks_->selected(), datagram);
}

void RtcClient::look_at_handshake() {
    using Session = dtls::Session;
    if (dtls_->state() == Session::State::failed || dtls_->state() == Session::State::closed)
        return end("DTLS: " + dtls_->reason());
    if (dtls_->state() != Session::State::connected || state_ != State::handshaking) return;
    const dtls::Keys &keys = *dtls_->keys();
    sender_.emplace(keys.profile, keys.ours, settings_.sent_sources);
    receiver_.emplace(keys.profile, keys.theirs);
    state_ = State::connected;
    handler_.on_connected();
}

bool RtcClient::send_rtp(ByteView header, std::span<const ByteView> payload) {
    if (!can_send()) return false;
    size_t size = header.size() + srtp::max_rtp_growth;
    for (const ByteView piece : payload)
        size += piece.size();
    if (scratch_.size() < size) scratch_.resize(size);
    const srtp::Outcome outcome = sender_->protect(header, payload, scratch_);
    if (outcome.ok()) output_.send(checks_->selected(), ByteView(scratch_).first(outcome.size));
    return outcome.ok();
}

bool RtcClient::send_rtp(ByteView packet) {
    const size_t header = srtp::rtp_header_size(packet);
    if (header == 0) return false;
    const ByteView payload = packet.subspan(header);
    return send_rtp(packet.first(header), {&payload, 1});
}

bool RtcClient::send_rtcp(ByteView packets) {
    if (!can_send()) return false;
    const size_t size = packets.size() + srtp::max_rtcp_growth;
    if (scratch_.size() < size) scratch_.resize(size);
    const srtp::Outcome outcome = sender_->protect_rtcp(packets, scratch_);
    if (outcome.ok()) output_.send(checks_->selected(), ByteView(scratch_).first(outcome.size));
    return outcome.ok();
}

void RtcClient::restart_ice(stun::Credentials own, stun::Credentials remote, uint64_t now_ms) {
    if (!checks_ || state_ == State::ended) return;
    ice_ = std::move(own);
    answered_.transport.ice = std::move(remote);
    checks_.emplace(settings_.checks, ice_, answered_.transport.ice, addresses_, now_ms);
    advance(now_ms);
}

void RtcClient::close() {
    if (state_ == State::ended) return;
    if (dtls_) dtls_->close();
    state_ = State::ended;
    reason_ = "closed";
}

std::optional<srtp::Profile> RtcClient::profile() const {
    if (!sender_) return std::nullopt;
    return sender_->profile();
}

void RtcClient::end(std::string reason) {
    if (state_ == State::ended) return;
    state_ = State::ended;
    reason_ = std::move(reason);
    handler_.on_ended(reason_);
}

} // namespace rtc_test
