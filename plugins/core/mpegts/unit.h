// SPDX-License-Identifier: LGPL-2.1-or-later
// What a demuxer puts out: access units, with their times and formats.
#pragma once

#include "core/mpegts/program.h"

#include <optional>
#include <span>

namespace penstock::mpegts {

/// The format of audio frames, read from the frames themselves.
struct AudioFormat {
    unsigned rate = 0;               ///< Hz
    unsigned channels = 0;           ///< 1 to 8
    unsigned version = 0, layer = 0; ///< of MPEG audio
    std::vector<uint8_t> config;     ///< AudioSpecificConfig of AAC, OpusHead of Opus; else empty
    bool operator==(const AudioFormat &) const = default;
};

/// A whole frame of video, one of audio, one section, or the payload of a data packet.
struct Unit {
    size_t stream = 0; ///< index in Program::streams
    Bytes data;
    /// 90 kHz, unwrapped: they go on over the wrap of 33 bits. Empty: the sender did not say.
    std::optional<int64_t> pts, dts;
    /// Something is missing in front of it, or the sender's clock is another one.
    bool discontinuity = false;
    unsigned samples = 0;                ///< of audio, per channel
    const AudioFormat *format = nullptr; ///< of audio; valid during the call
    std::span<const uint32_t> nals;      ///< of video: offsets behind the start codes; likewise
};

} // namespace penstock::mpegts
