// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/codec/ac3.h"

#include "core/codec/bits.h"

namespace penstock::codec {
namespace {

constexpr unsigned rates[] = {48'000, 44'100, 32'000};
constexpr unsigned channels_of_mode[] = {2, 1, 2, 3, 3, 4, 4, 5};
constexpr unsigned max_ac3_version = 10, block_samples = 256;

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
        r.skip(2 + 3 + 11);
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
        r.skip(6 + 5 + 3);
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
