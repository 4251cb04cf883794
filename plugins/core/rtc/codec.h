// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs that are received over RTP, by WebRTC and by RTSP: how each is depacketized, and its
// configuration as FLV has it.
#pragma once

#include "core/rtp/payload/payload.h"
#include "core/sdp/offer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::rtc {

enum class Codec : uint8_t { avc, hevc, av1, vp9, vp8, opus, aac, alaw, ulaw, jpeg, g726 };

constexpr bool is_video(Codec codec) {
    return codec <= Codec::vp8 || codec == Codec::jpeg;
}
/// Whether frames need a configuration record in front.
constexpr bool has_config(Codec codec) {
    return codec <= Codec::aac;
}
/// Whether FLV has the codec.
constexpr bool is_in_flv(Codec codec) {
    return codec <= Codec::ulaw;
}
/// By its name in the SDP of WebRTC; empty: it is not received there.
std::optional<Codec> codec_of(const sdp::Codec &codec);

/// Makes the depacketizer of a codec that needs no more than its parameters. Parameter sets that
/// the description has (sprop-parameter-sets and those of H.265) are known to it; malformed ones
/// are ignored.
std::unique_ptr<rtp::payload::Depacketizer> make_depacketizer(Codec codec,
                                                              const sdp::Parameters &parameters);

/// The configuration record of an FLV sequence header, and what it says.
struct CodecConfig {
    std::vector<uint8_t> record;    ///< empty: not known
    unsigned width = 0, height = 0; ///< pixels; 0: not known (H.265, and audio)
};
/// That of a video track, by the depacketizer's record (H.264, H.265, AV1), or by a keyframe (VP8,
/// VP9: VPCodecConfigurationRecord with version and flags).
CodecConfig video_config(Codec codec, const rtp::payload::Depacketizer &depacketizer,
                         ByteView keyframe);

/// An identification header of Opus (RFC 7845, section 5.1), without pre-skip. `channels`: 1 or 2.
std::vector<uint8_t> opus_head(unsigned channels);
/// Whether the description announces stereo (RFC 7587, section 6.1).
bool announces_stereo(const sdp::Parameters &parameters);

} // namespace penstock::rtc
