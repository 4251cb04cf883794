// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtp/payload/packetizers.h"

#include "core/flv/tag.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/av1_packetizer.h"
#include "core/rtp/payload/framed_audio.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"

namespace penstock::rtp::payload {

std::unique_ptr<Packetizer> make_video_packetizer(uint32_t codec) {
    switch (codec) {
    case flv::fourcc("avc1"):
        return std::make_unique<NalPacketizer>(codec::NalCodec::avc);
    case flv::fourcc("hvc1"):
        return std::make_unique<NalPacketizer>(codec::NalCodec::hevc);
    case flv::fourcc("av01"):
        return std::make_unique<Av1Packetizer>();
    case flv::fourcc("vp09"):
        return std::make_unique<Vp9Packetizer>();
    case flv::fourcc("vp08"):
        return std::make_unique<Vp8Packetizer>();
    default:
        return nullptr;
    }
}

std::unique_ptr<Packetizer> make_audio_packetizer(uint32_t codec, unsigned channels) {
    switch (codec) {
    case flv::fourcc("mp4a"):
        return std::make_unique<AacPacketizer>();
    case flv::fourcc("Opus"):
        return std::make_unique<OpusPacketizer>();
    case flv::fourcc("alaw"):
    case flv::fourcc("ulaw"):
        return std::make_unique<G711Packetizer>(channels);
    case flv::fourcc(".mp3"):
        return std::make_unique<MpegAudioPacketizer>();
    case flv::fourcc("ac-3"):
        return std::make_unique<Ac3Packetizer>(false);
    case flv::fourcc("ec-3"):
        return std::make_unique<Ac3Packetizer>(true);
    default:
        return nullptr;
    }
}

} // namespace penstock::rtp::payload
