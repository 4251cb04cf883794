// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/play_policy.h"

#include "core/rtp/extensions.h"

namespace penstock::rtc {
namespace {

sdp::WantedCodec video_codec(const StreamFacts &facts) {
    sdp::WantedCodec codec;
    switch (facts.video) {
    case flv::fourcc("avc1"):
        codec.name = "H264";
        codec.profile = facts.profile;
        break;
    case flv::fourcc("hvc1"):
        codec.name = "H265";
        break;
    case flv::fourcc("av01"):
        codec.name = "AV1";
        break;
    case flv::fourcc("vp09"):
        codec.name = "VP9";
        codec.match = {{"profile-id", "0", "0"}};
        break;
    default:
        codec.name = "VP8";
    }
    return codec;
}

sdp::WantedCodec audio_codec(const StreamFacts &facts) {
    sdp::WantedCodec codec;
    if (facts.audio == flv::fourcc("Opus")) {
        codec = {.name = "opus", .clock = 48'000, .channels = 2};
        if (facts.channels == 2) codec.parameters = {{"stereo", "1"}};
        return codec;
    }
    codec = {.name = facts.audio == flv::fourcc("alaw") ? "PCMA" : "PCMU",
             .clock = 8'000,
             .channels = 1};
    return codec;
}

} // namespace

Result play_policy(const StreamFacts &facts, const StreamIds &ids, sdp::AnswerPolicy &out) {
    if (facts.has_b_frames)
        return Result::error(
            "the stream's video has B-frames, which browsers can't play by WebRTC: "
            "have the encoder make none (bframes=0, tune=zerolatency, \"B-frames: "
            "0\")");
    if (facts.video != 0 && !facts.can_send_video())
        return Result::error("WebRTC has no form for the stream's video, " +
                             flv::codec_name(facts.video));
    if (facts.video == 0 && !facts.can_send_audio())
        return Result::error(facts.audio == 0 ? "the stream has no media yet"
                                              : "WebRTC has no form for the stream's audio, " +
                                                    flv::codec_name(facts.audio));
    out = {};
    out.sends = true;
    // A viewer's estimates come with reports then, several in a second.
    out.reduced_size = false;
    const std::string stream = "penstock";
    if (facts.video != 0) {
        sdp::Track track;
        track.kind = sdp::Kind::video;
        track.codecs = {video_codec(facts)};
        track.feedback = {"nack", "nack pli", "ccm fir", "goog-remb"};
        track.extensions = {std::string(rtp::uri_of(rtp::ExtensionKind::playout_delay)),
                            std::string(rtp::uri_of(rtp::ExtensionKind::absolute_send_time))};
        track.rtx = true;
        track.ssrc = ids.video;
        track.rtx_ssrc = ids.video_rtx;
        track.cname = ids.cname;
        track.msid = stream + " video";
        out.tracks.push_back(std::move(track));
    }
    if (facts.can_send_audio()) {
        sdp::Track track;
        track.kind = sdp::Kind::audio;
        track.codecs = {audio_codec(facts)};
        track.extensions = {std::string(rtp::uri_of(rtp::ExtensionKind::absolute_send_time))};
        track.red = facts.audio == flv::fourcc("Opus");
        track.ssrc = ids.audio;
        track.cname = ids.cname;
        track.msid = stream + " audio";
        out.tracks.push_back(std::move(track));
    }
    return Result::ok();
}

} // namespace penstock::rtc
