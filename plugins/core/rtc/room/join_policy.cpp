// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/join_policy.h"

#include "core/rtc/agreement.h"
#include "core/rtc/room/media_packet.h"

#include <algorithm>

namespace penstock::rtc::room {
namespace {

constexpr uint32_t opus_rate = 48'000; // Hz
constexpr unsigned one_byte_id = 14;   // the highest of header extensions in the short form

sdp::WantedCodec codec_named(const char *name) {
    sdp::WantedCodec out;
    out.name = name;
    return out;
}

sdp::WantedCodec video_codec(Codec codec) {
    sdp::WantedCodec out = codec_named(codec == Codec::avc ? "H264" : "VP8");
    // Constrained baseline is the profile that everybody has.
    if (codec == Codec::avc) out.profile = sdp::default_profile_level_id;
    return out;
}

sdp::WantedCodec opus() {
    sdp::WantedCodec out = codec_named("opus");
    out.clock = opus_rate;
    out.channels = 2;
    out.parameters.set("useinbandfec", "1");
    return out;
}

std::vector<std::string> uris_of(std::initializer_list<rtp::ExtensionKind> kinds) {
    std::vector<std::string> out;
    for (const rtp::ExtensionKind kind : kinds)
        out.emplace_back(rtp::uri_of(kind));
    return out;
}

/// Without the orientation: senders turn what they send.
sdp::Track received_video(const JoinPolicy &policy) {
    using enum rtp::ExtensionKind;
    sdp::Track out;
    out.kind = sdp::Kind::video;
    out.codecs = {video_codec(policy.video)};
    out.feedback = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};
    out.extensions = uris_of({mid, rid, repaired_rid, transport_sequence, absolute_send_time});
    out.rtx = true;
    out.max_layers = most_layers;
    return out;
}

sdp::Track received_audio() {
    using enum rtp::ExtensionKind;
    sdp::Track out;
    out.kind = sdp::Kind::audio;
    out.codecs = {opus()};
    out.feedback = {"transport-cc"};
    out.extensions = uris_of({mid, transport_sequence, absolute_send_time, audio_level});
    return out;
}

sdp::Track slot(const JoinPolicy &policy, bool is_video, size_t index) {
    sdp::Track out;
    out.kind = is_video ? sdp::Kind::video : sdp::Kind::audio;
    out.codecs = {is_video ? video_codec(policy.video) : opus()};
    out.feedback = {"transport-cc"};
    if (is_video) out.feedback = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};
    out.extensions = uris_of({rtp::ExtensionKind::transport_sequence});
    out.rtx = is_video;
    out.is_sent = true;
    out.ssrc = policy.make_ssrc();
    out.rtx_ssrc = is_video ? policy.make_ssrc() : 0;
    out.cname = policy.cname;
    const std::string name = (is_video ? "video" : "audio") + std::to_string(index);
    // A stream of its own: what is in a slot changes, and nothing of it is synchronous with
    // another.
    out.msid = name + " " + name;
    return out;
}

} // namespace

sdp::AnswerPolicy make_join_policy(const JoinPolicy &policy) {
    sdp::AnswerPolicy out;
    out.is_conference = true;
    out.max_message_size = max_channel_message;
    out.tracks = {received_video(policy), received_video(policy), received_audio()};
    for (size_t i = 0; i < std::min(policy.video_slots, most_video_slots); ++i)
        out.tracks.push_back(slot(policy, true, i));
    for (size_t i = 0; i < most_audio_slots; ++i)
        out.tracks.push_back(slot(policy, false, i));
    return out;
}

std::vector<SlotAgreement> slots_of(const sdp::AnswerPolicy &policy, const sdp::Answer &answer) {
    std::vector<SlotAgreement> out;
    for (const sdp::AnsweredSection &section : answer.sections) {
        if (!section.is_accepted || !section.track || !policy.tracks[*section.track].is_sent)
            continue;
        const sdp::Track &track = policy.tracks[*section.track];
        SlotAgreement slot;
        slot.mid = section.mid;
        slot.is_video = section.kind == sdp::Kind::video;
        slot.ssrc = track.ssrc;
        slot.rtx_ssrc = track.rtx_ssrc;
        slot.payload_type = section.codec.payload_type;
        slot.rtx = section.rtx.value_or(0);
        slot.rate = section.codec.clock;
        slot.has_feedback = has_text(section.codec.feedback, "transport-cc");
        for (const sdp::Extension &extension : section.extensions)
            if (rtp::extension_of(extension.uri) == rtp::ExtensionKind::transport_sequence &&
                extension.id <= one_byte_id)
                slot.transport_sequence = static_cast<uint8_t>(extension.id);
        out.push_back(std::move(slot));
    }
    return out;
}

} // namespace penstock::rtc::room
