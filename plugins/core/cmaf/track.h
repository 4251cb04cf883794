// SPDX-License-Identifier: LGPL-2.1-or-later
// A track of a CMAF presentation: its codec and configuration, and the init segment made from it.
// ISO/IEC 23000-19, 7.3; ISO/IEC 14496-12, clause 8.
#pragma once

#include "core/bytes/result.h"
#include "core/bytes/writer.h"

#include <span>
#include <string>
#include <vector>

namespace penstock::cmaf {

enum class Codec : uint8_t { avc, hevc, av1, vp9, aac, opus, ac3, eac3, flac };

constexpr bool is_video(Codec codec) {
    return codec <= Codec::vp9;
}

struct Track {
    uint32_t id = 1; ///< not 0, and unique in its presentation
    Codec codec = Codec::avc;
    /// Units per second of all of the track's times. For audio the sampling rate.
    uint32_t timescale = 90'000;
    unsigned width = 0, height = 0;    ///< pixels, at most 65535
    unsigned par_num = 1, par_den = 1; ///< pixel aspect ratio
    unsigned rate = 0, channels = 0;   ///< audio: Hz, number of channels
    bool in_band = false;              ///< H.264: parameter sets may be in the samples (avc3)
    std::string language = "und";      ///< ISO 639-2/T, three lower-case letters
    /// The codec's configuration: the content of avcC, hvcC, av1C, dOps, dac3 or dec3; of vpcC
    /// without version and flags; the AudioSpecificConfig; FLAC's STREAMINFO block (34 bytes).
    std::vector<uint8_t> config;

    bool operator==(const Track &) const = default;
};

/// Checks what write_init_segment() relies on: the configuration is there and is not truncated, the
/// timescale is not 0, audio has a rate and channels, and video has a size.
Result check(const Track &track);

/// RFC 6381: "avc1.64001f", "hvc1.1.6.L93.B0", "av01.0.04M.08", "mp4a.40.2", … Empty if the
/// configuration is too short.
std::string codec_string(const Track &track);

/// The track's sample entry as in `stsd`, appended to `out`.
void write_sample_entry(const Track &track, Writer &out);

/// Returns ftyp and moov. Each track must have passed check().
std::vector<uint8_t> write_init_segment(std::span<const Track> tracks);

} // namespace penstock::cmaf
