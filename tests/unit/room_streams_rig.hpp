// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers to join a room, their answers, and packets, without a network. Include it last: it
// includes check.hpp.
#pragma once

#include "core/rtc/room/downstream.h"
#include "core/rtc/room/upstream.h"
#include "core/rtp/packet.h"

#include "check.hpp"

namespace room_test {

using namespace penstock;
using namespace penstock::rtc::room;

constexpr int64_t ms = 1'000'000, second = 1'000 * ms;

inline std::string section(const char *mid, const char *kind, const char *direction,
                           const char *more) {
    const bool video = std::string_view(kind) == "video";
    std::string out = "m=" + std::string(kind) + " 9 UDP/TLS/RTP/SAVPF " +
                      (video ? "96 97" : "111") + "\r\na=mid:" + mid + "\r\na=" + direction +
                      "\r\na=rtcp-mux\r\na=rtcp-rsize\r\n";
    out += video ? "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
                   "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n"
                   "a=extmap:2 http://www.ietf.org/id/"
                   "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
                 : "a=rtpmap:111 opus/48000/2\r\n"
                   "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    return out + more;
}

inline sdp::Offer offer_of(const std::string &sections, const std::string &mids) {
    const std::string text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE" +
                             mids +
                             "\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
                             "a=fingerprint:sha-256 " +
                             [] {
                                 std::string print = "00";
                                 for (int i = 1; i < 32; ++i)
                                     print += ":00";
                                 return print;
                             }() +
                             "\r\na=setup:actpass\r\n" + sections;
    sdp::Offer offer;
    const Result result = sdp::read_offer(text, offer);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return offer;
}

struct Joined {
    Joined(const std::string &sections, const std::string &mids) : offer(offer_of(sections, mids)) {
        JoinPolicy wishes;
        wishes.make_ssrc = [next = 1'000u]() mutable { return next++; };
        policy = make_join_policy(wishes);
        sdp::LocalTransport local;
        local.ice = {"efgh", "abcdefghijklmnopqrstuv"};
        local.fingerprint = {"sha-256", std::vector<uint8_t>(32)};
        const Result result = sdp::make_answer(offer, policy, local, answer);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
    }
    sdp::Offer offer;
    sdp::AnswerPolicy policy;
    sdp::Answer answer;
};

struct Sender : Upstream::Handler {
    void on_packet(SourceKind kind, const MediaPacketPtr &packet) override {
        packets.emplace_back(kind, packet);
    }
    void on_level(uint8_t level) override { levels.push_back(level); }
    void on_rtcp(ByteView compound) override {
        rtp::rtcp::Compound parsed;
        fail_unless(rtp::rtcp::parse(compound, parsed).is_ok());
        for (const auto &packet : parsed.packets) {
            losses += std::holds_alternative<rtp::rtcp::PictureLoss>(packet);
            if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&packet))
                nack->for_each([&](uint16_t sequence) { nacked.push_back(sequence); });
        }
    }
    std::vector<std::pair<SourceKind, MediaPacketPtr>> packets;
    std::vector<uint8_t> levels;
    std::vector<uint16_t> nacked;
    unsigned losses = 0;
};

inline std::vector<uint8_t> rtp_of(uint32_t ssrc, uint8_t type, uint16_t sequence,
                                   uint32_t timestamp, bool key, size_t size = 200) {
    std::vector<uint8_t> payload{0x90, 0x80, 0x80, uint8_t(sequence), uint8_t(key ? 0x10 : 0x11)};
    payload.resize(size);
    rtp::Packet packet;
    packet.payload_type = type;
    packet.sequence = sequence;
    packet.timestamp = timestamp;
    packet.ssrc = ssrc;
    packet.payload = payload;
    Writer out;
    rtp::write(packet, out);
    return out.take();
}

} // namespace room_test
