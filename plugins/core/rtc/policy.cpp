// SPDX-License-Identifier: LGPL-2.1-or-later
// The tracks of a publisher.
#include "core/rtc/policy.h"

#include "core/rtp/extensions.h"

namespace penstock::rtc {
namespace {

constexpr uint32_t g711_rate = 8'000, opus_rate = 48'000; // Hz

sdp::WantedCodec video_codec(std::string name) {
    sdp::WantedCodec out;
    out.name = std::move(name);
    return out;
}

sdp::WantedCodec audio_codec(std::string name, uint32_t rate, unsigned channels) {
    sdp::WantedCodec out;
    out.name = std::move(name);
    out.clock = rate;
    out.channels = channels;
    return out;
}

std::vector<std::string> uris_of(std::initializer_list<rtp::ExtensionKind> kinds) {
    std::vector<std::string> out;
    for (const rtp::ExtensionKind kind : kinds)
        out.emplace_back(rtp::uri_of(kind));
    return out;
}

} // namespace

sdp::AnswerPolicy publish_policy() {
    using enum rtp::ExtensionKind;
    sdp::Track video, audio;
    video.kind = sdp::Kind::video;
    for (const char *name : {"H264", "H265", "AV1", "VP9", "VP8"})
        video.codecs.push_back(video_codec(name));
    video.codecs[3].match = {{"profile-id", "0", "0"}};
    video.feedback = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};
    video.extensions = uris_of(
        {mid, rid, repaired_rid, transport_sequence, absolute_send_time, video_orientation});
    video.rtx = true;
    video.max_layers = max_layers;

    audio.kind = sdp::Kind::audio;
    audio.codecs = {audio_codec("opus", opus_rate, 2), audio_codec("PCMA", g711_rate, 1),
                    audio_codec("PCMU", g711_rate, 1)};
    audio.codecs[0].parameters.set("useinbandfec", "1");
    audio.feedback = {"nack", "transport-cc"};
    audio.extensions = uris_of({mid, transport_sequence, absolute_send_time, audio_level});
    audio.rtx = audio.red = true;

    sdp::AnswerPolicy policy;
    policy.tracks = {video, audio};
    return policy;
}

} // namespace penstock::rtc
