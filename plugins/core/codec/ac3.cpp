// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/codec/ac3.h"

#include "core/codec/bits.h"

#include <iterator>

namespace penstock::codec {
namespace {

constexpr unsigned rates[] = {48'000, 44'100, 32'000};
constexpr unsigned channels_of_mode[] = {2, 1, 2, 3, 3, 4, 4, 5};
constexpr unsigned max_ac3_version = 10, block_samples = 256;
// Table 5.18: kbit/s by frmsizecod / 2.
constexpr unsigned bitrates[] = {32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                 192, 224, 256, 320, 384, 448, 512, 576, 640};

/// Bytes of an AC-3 frame; it has 1536 samples.
size_t ac3_size(unsigned rate_code, unsigned size_code) {
    const unsigned bitrate = bitrates[size_code / 2];
    switch (rate_code) {
    case 0:
        return bitrate * 4;
    case 1: // 44.1 kHz: a word more in some frames
        return 2 * (bitrate * 320 / 147 + size_code % 2);
    default:
        return bitrate * 6;
    }
}

} // namespace

Result parse_ac3(ByteView bytes, Ac3Header &header) {
    BitReader r(bytes);
    if (r.u(16) != 0x0B77) return Result::error("no AC-3 sync word");
    // Both forms have the version in the same place.
    BitReader ahead(bytes);
    ahead.skip(40);
    const unsigned version = ahead.u(5);
    header.enhanced = version > max_ac3_version;
    if (version > 16) return Result::error("an AC-3 frame of version " + std::to_string(version));
    if (header.enhanced) {
        header.dependent = r.u(2) == 1;
        r.skip(3);
        header.frame_size = (r.u(11) + 1) * size_t(2);
        const unsigned rate = r.u(2), half = r.u(2);
        if (rate == 3 && half == 3) return Result::error("an AC-3 frame with a reserved rate");
        constexpr unsigned blocks[] = {1, 2, 3, 6};
        header.rate = rate == 3 ? rates[half] / 2 : rates[rate];
        header.frame_samples = block_samples * (rate == 3 ? 6 : blocks[half]);
        const unsigned mode = r.u(3);
        header.channels = channels_of_mode[mode] + r.u(1);
    } else {
        r.skip(16); // CRC
        const unsigned rate = r.u(2);
        if (rate == 3) return Result::error("an AC-3 frame with a reserved rate");
        header.rate = version > 8 ? rates[rate] >> (version - 8) : rates[rate];
        header.frame_samples = 6 * block_samples;
        const unsigned size = r.u(6);
        if (size / 2 >= std::size(bitrates))
            return Result::error("an AC-3 frame with a reserved size");
        header.dependent = false;
        header.frame_size = ac3_size(rate, size);
        r.skip(5 + 3);
        const unsigned mode = r.u(3);
        if ((mode & 1) && mode != 1) r.skip(2); // centre mix level
        if (mode & 4) r.skip(2);                // surround mix level
        if (mode == 2) r.skip(2);               // Dolby Surround
        header.channels = channels_of_mode[mode] + r.u(1);
    }
    return r.failed() || ahead.failed() ? Result::error("an AC-3 frame that is cut short")
                                        : Result::ok();
}

} // namespace penstock::codec
