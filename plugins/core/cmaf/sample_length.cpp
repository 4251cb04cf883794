// SPDX-License-Identifier: LGPL-2.1-or-later
// The number of audio samples in a frame.
#include "core/cmaf/codec_config.h"
#include "core/codec/aac.h"
#include "core/codec/bits.h"

namespace penstock::cmaf {
namespace {

/// RFC 6716, 3.1 and 3.2.
unsigned opus_length(ByteView packet) {
    if (packet.empty()) return 0;
    const unsigned config = packet[0] >> 3;
    constexpr unsigned silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960};
    constexpr unsigned celt[] = {120, 240, 480, 960};
    const unsigned frame = config < 12   ? silk[config % 4]
                           : config < 16 ? hybrid[config % 2]
                                         : celt[config % 4];
    unsigned count = 1;
    switch (packet[0] & 3) {
    case 1:
    case 2:
        count = 2;
        break;
    case 3:
        if (packet.size() < 2) return 0;
        count = packet[1] & 0x3F;
        break;
    default:
        break;
    }
    return frame * count <= 5760 ? frame * count : 0; // at most 120 ms
}

/// The blocks of the independent substream 0; a sample has all substreams of six blocks.
unsigned eac3_length(ByteView sample) {
    unsigned blocks = 0;
    while (sample.size() >= 6) {
        codec::BitReader r(sample);
        if (r.u(16) != 0x0B77) break;
        const unsigned type = r.u(2), id = r.u(3);
        const size_t size = 2 * (size_t(r.u(11)) + 1);
        const unsigned code = r.u(2), count = r.u(2);
        constexpr unsigned counts[] = {1, 2, 3, 6};
        if (type != 1 && id == 0) blocks += code == 3 ? 6 : counts[count];
        if (size > sample.size()) break;
        sample = sample.subspan(size);
    }
    return blocks * 256;
}

/// RFC 9639, 9.1.
unsigned flac_length(ByteView frame) {
    if (frame.size() < 6 || frame[0] != 0xFF || (frame[1] & 0xFC) != 0xF8) return 0;
    const unsigned code = frame[2] >> 4;
    if (code == 0) return 0;
    if (code == 1) return 192;
    if (code <= 5) return 576u << (code - 2);
    if (code >= 8) return 256u << (code - 8);
    // The size follows the frame number, which is coded like UTF-8.
    size_t at = 5;
    for (uint8_t first = frame[4]; first & 0x80 && first & 0x40 && at < 11;
         first = static_cast<uint8_t>(first << 1))
        ++at;
    if (at + 2 > frame.size()) return 0;
    return code == 6 ? frame[at] + 1u : (unsigned(frame[at]) << 8 | frame[at + 1]) + 1u;
}

} // namespace

unsigned sample_length(const Track &track, ByteView frame) {
    switch (track.codec) {
    case Codec::aac: {
        codec::AacConfig config;
        return codec::parse_aac_config(track.config, config).is_ok() ? config.frame_length : 0;
    }
    case Codec::opus:
        return opus_length(frame);
    case Codec::ac3:
        return 1536;
    case Codec::eac3:
        return eac3_length(frame);
    case Codec::flac:
        return flac_length(frame);
    default:
        return 0;
    }
}

} // namespace penstock::cmaf
