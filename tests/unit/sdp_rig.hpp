// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers of several clients, and what this side wants, for tests of SDP.
#pragma once

#include "core/sdp/answer.h"

#include <string>

namespace penstock::rig {

inline const std::string playout_delay =
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
inline const std::string transport_cc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
inline const std::string mid_uri = "urn:ietf:params:rtp-hdrext:sdes:mid";
inline const std::string rid_uri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

inline sdp::WantedCodec wanted_opus() {
    sdp::WantedCodec opus;
    opus.name = "opus";
    opus.clock = 48000;
    opus.channels = 2;
    return opus;
}

inline sdp::WantedCodec wanted_video(const std::string &name) {
    sdp::WantedCodec video;
    video.name = name;
    return video;
}

/// WHIP: one video track of H.264 or VP8, and one audio track.
inline sdp::AnswerPolicy publish_policy() {
    sdp::Track video, audio;
    video.codecs = {wanted_video("H264"), wanted_video("VP8")};
    video.feedback = {"nack", "nack pli", "transport-cc"};
    video.extensions = {transport_cc, mid_uri, rid_uri};
    video.rtx = true;
    video.max_layers = 3;
    audio.kind = sdp::Kind::audio;
    audio.codecs = {wanted_opus()};
    audio.feedback = {"transport-cc"};
    audio.extensions = {transport_cc, mid_uri};
    sdp::AnswerPolicy policy;
    policy.tracks = {video, audio};
    return policy;
}

/// WHEP: H.264 of a profile, and Opus.
inline sdp::AnswerPolicy play_policy(const sdp::ProfileLevelId &profile) {
    sdp::AnswerPolicy policy = publish_policy();
    policy.sends = true;
    sdp::Track &video = policy.tracks[0], &audio = policy.tracks[1];
    video.codecs = {wanted_video("H264")};
    video.codecs[0].profile = profile;
    video.feedback = {"nack", "nack pli", "goog-remb"};
    video.extensions = {playout_delay};
    video.ssrc = 11;
    video.rtx_ssrc = 12;
    video.cname = audio.cname = "penstock";
    video.msid = "live video";
    audio.codecs[0].parameters.set("stereo", "1");
    audio.feedback.clear();
    audio.extensions.clear();
    audio.ssrc = 13;
    audio.msid = "live audio";
    return policy;
}

inline sdp::LocalTransport local_transport() {
    sdp::LocalTransport local;
    local.ice = {"ownufrag", "an-own-password-of-enough"};
    local.fingerprint = {"sha-256", std::vector<uint8_t>(32, 0xAB)};
    sdp::Candidate udp, tcp;
    udp.address = "192.0.2.1";
    udp.port = tcp.port = 8189;
    udp.priority = sdp::host_priority(udp.tcp, 0);
    tcp.foundation = "2";
    tcp.address = "2001:db8::1";
    tcp.tcp = sdp::Candidate::Tcp::passive;
    tcp.priority = sdp::host_priority(tcp.tcp, 0);
    local.candidates = {udp, tcp};
    local.session_id = 4711;
    return local;
}

} // namespace penstock::rig
