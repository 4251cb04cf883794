// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts the frames of a Speex packet by their modes.
#include "core/codec/speex.h"

#include <array>

namespace penstock::codec {
namespace {

// Bits per frame for each mode, including the mode bits; 0: reserved.
constexpr std::array<uint16_t, 16> narrowband{5,  43, 119, 160, 220, 300, 364, 492,
                                              79, 0,  0,   0,   0,   0,   0,   0};
constexpr std::array<uint16_t, 8> wideband{4, 36, 112, 192, 352, 0, 0, 0};
constexpr unsigned terminator = 15;

} // namespace

unsigned count_speex_frames(ByteView packet) {
    const size_t size = packet.size() * 8;
    size_t at = 0;
    const auto peek = [&](size_t count) {
        unsigned value = 0;
        for (size_t i = at; i < at + count; ++i)
            value = value << 1 | (i < size ? packet[i / 8] >> (7 - i % 8) & 1 : 1);
        return value;
    };
    unsigned frames = 0;
    while (frames < 255 && size - at >= 5) {
        const unsigned mode = peek(5); // the first bit of a narrowband layer is 0
        if (mode == terminator) break;
        if (mode > 15 || narrowband[mode] == 0 || narrowband[mode] > size - at) return 0;
        at += narrowband[mode];
        if (size - at >= 4 && peek(1) == 1) {
            // Padding with ones up to the end is not a layer.
            const uint16_t bits = wideband[peek(4) & 7];
            if (bits == 0 || bits > size - at) {
                if (size - at < 8) return frames + 1;
                return 0;
            }
            at += bits;
        }
        ++frames;
    }
    return frames;
}

} // namespace penstock::codec
