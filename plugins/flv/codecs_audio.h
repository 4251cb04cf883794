// SPDX-License-Identifier: LGPL-2.1-or-later
// Configuration records of audio codecs to caps, and back. See Codec for the functions.
#pragma once

#include "flv/codecs.h"

namespace penstock::flv {

Result describe_aac(ByteView config, StreamInfo &info);
Result configure_aac(const GstCaps *caps, std::vector<uint8_t> &config);

/// Layer 3 only. Its frames need no configuration.
Result configure_mpeg_audio(const GstCaps *caps, std::vector<uint8_t> &config);
Result mpeg_audio_format(ByteView body, ByteView payload, uint64_t &format);
void describe_mpeg_audio(uint64_t format, StreamInfo &info);

Result g711_format(ByteView body, ByteView payload, uint64_t &format);
/// FLV does not contain the rate; G.711 has only one.
template <bool alaw>
void describe_g711(uint64_t format, StreamInfo &info) {
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(alaw ? "audio/x-alaw" : "audio/x-mulaw",
                                                           "rate", G_TYPE_INT, 8000, "channels",
                                                           G_TYPE_INT, int(format), nullptr));
}

/// The number of frames per packet, which the decoder needs.
Result speex_format(ByteView body, ByteView payload, uint64_t &format);
void describe_speex(uint64_t format, StreamInfo &info);

/// OpusHead, RFC 7845 5.1.
Result describe_opus(ByteView config, StreamInfo &info);
Result configure_opus(const GstCaps *caps, std::vector<uint8_t> &config);
/// Without an OpusHead: mono or stereo, as the packets say.
Result opus_format(ByteView body, ByteView payload, uint64_t &format);
void describe_opus_format(uint64_t format, StreamInfo &info);

Result configure_ac3(const GstCaps *caps, std::vector<uint8_t> &config);
Result ac3_format(ByteView body, ByteView payload, uint64_t &format);
void describe_ac3_caps(const char *media, uint64_t format, StreamInfo &info);
template <bool enhanced>
void describe_ac3(uint64_t format, StreamInfo &info) {
    describe_ac3_caps(enhanced ? "audio/x-eac3" : "audio/x-ac3", format, info);
}

/// STREAMINFO, RFC 9639 8.2: written as "fLaC" and the block, read with or without either header.
Result describe_flac(ByteView config, StreamInfo &info);
Result configure_flac(const GstCaps *caps, std::vector<uint8_t> &config);

} // namespace penstock::flv
