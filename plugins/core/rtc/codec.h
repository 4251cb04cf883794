// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs of WebRTC that are received: how each is depacketized, and its configuration as FLV
// has it.
#pragma once

#include "core/rtp/payload/payload.h"
#include "core/sdp/offer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::rtc {

enum class Codec : uint8_t { avc, hevc, av1, vp9, vp8, opus, alaw, ulaw };

constexpr bool is_video(Codec codec) {
    return codec <= Codec::vp8;
}
/// Whether frames need a configuration record in front.
constexpr bool has_config(Codec codec) {
    return codec <= Codec::opus;
}
/// By its name in SDP; empty: it is not received.
std::optional<Codec> codec_of(const sdp::Codec &codec);

/// Makes the depacketizer. Parameter sets that the description has (sprop-parameter-sets and those
/// of H.265) are known to it; malformed ones are ignored.
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
