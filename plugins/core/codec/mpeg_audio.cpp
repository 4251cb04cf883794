// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads frame headers of MPEG audio.
#include "core/codec/mpeg_audio.h"

#include <array>

namespace penstock::codec {
namespace {

// kbit/s by bitrate_index, from 1 to 14.
using Bitrates = std::array<uint16_t, 14>;
constexpr Bitrates v1_layer1{32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448};
constexpr Bitrates v1_layer2{32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384};
constexpr Bitrates v1_layer3{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
constexpr Bitrates v2_layer1{32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256};
constexpr Bitrates v2_layer23{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};

const Bitrates &bitrates(unsigned version, unsigned layer) {
    if (version == 1) return layer == 1 ? v1_layer1 : layer == 2 ? v1_layer2 : v1_layer3;
    return layer == 1 ? v2_layer1 : v2_layer23;
}

} // namespace

Result parse_mpeg_audio(ByteView bytes, MpegAudioHeader &header) {
    if (bytes.size() < 4) return Result::need_more();
    if (bytes[0] != 0xFF || bytes[1] >> 5 != 7) return Result::error("no MPEG audio sync word");
    const unsigned version = bytes[1] >> 3 & 3; // 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1
    const unsigned layer = bytes[1] >> 1 & 3;   // 3: layer 1, 1: layer 3
    const unsigned bitrate = bytes[2] >> 4, rate = bytes[2] >> 2 & 3;
    if (version == 1 || layer == 0 || bitrate == 15 || rate == 3)
        return Result::error("an MPEG audio header with reserved values");
    constexpr unsigned rates[] = {44'100, 48'000, 32'000};
    header.version = version == 3 ? 1 : 2;
    header.layer = 4 - layer;
    header.rate = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    header.channels = bytes[3] >> 6 == 3 ? 1 : 2;
    header.bitrate = bitrate == 0 ? 0 : bitrates(header.version, header.layer)[bitrate - 1] * 1000u;
    const unsigned padding = bytes[2] >> 1 & 1;
    if (header.layer == 1) {
        header.frame_samples = 384;
        header.frame_size = (12 * header.bitrate / header.rate + padding) * 4;
    } else {
        header.frame_samples = header.layer == 3 && header.version == 2 ? 576 : 1152;
        header.frame_size = header.frame_samples / 8 * header.bitrate / header.rate + padding;
    }
    if (header.bitrate == 0) header.frame_size = 0;
    return Result::ok();
}

} // namespace penstock::codec
