// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/codec/opus.h"

namespace penstock::codec {

unsigned opus_samples(ByteView packet) {
    if (packet.empty()) return 0;
    const unsigned config = packet[0] >> 3;
    // SILK: 10, 20, 40, 60 ms; hybrid: 10, 20 ms; CELT: 2.5, 5, 10, 20 ms.
    constexpr unsigned silk[] = {480, 960, 1920, 2880};
    const unsigned frame = config < 12   ? silk[config & 3]
                           : config < 16 ? 480u << (config & 1)
                                         : 120u << (config & 3);
    unsigned frames = 2;
    switch (packet[0] & 3) {
    case 0:
        frames = 1;
        break;
    case 3:
        if (packet.size() < 2) return 0;
        frames = packet[1] & 0x3F;
        break;
    default:
        break;
    }
    constexpr unsigned longest = 5760;
    return frame * frames <= longest ? frame * frames : 0;
}

unsigned opus_channels(ByteView packet) {
    if (packet.empty()) return 0;
    return packet[0] & 4 ? 2 : 1;
}

} // namespace penstock::codec
