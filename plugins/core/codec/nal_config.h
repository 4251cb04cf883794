// SPDX-License-Identifier: LGPL-2.1-or-later
// The configuration records of codecs with NAL units, reduced to a length size and parameter sets.
// ISO/IEC 14496-15 5.3.3 (avcC), 8.3.3 (hvcC), 11.2.4 (vvcC).
#pragma once

#include "core/bytes/result.h"
#include "core/codec/nal.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::codec {

struct NalConfig {
    using Sets = std::vector<std::vector<uint8_t>>;
    unsigned length_size = 4; ///< bytes of a unit's length prefix, 1 to 4
    Sets vps, sps, pps;       ///< vps is empty for H.264, all are empty for H.266

    /// Whether these parameter sets suffice for a decoder to start.
    bool complete(NalCodec codec) const;
};

/// Limits on a stream's stored parameter sets; further ones are ignored.
inline constexpr size_t max_parameter_set = 4096; ///< bytes
inline constexpr size_t max_parameter_sets = 31;  ///< of each kind

/// Parses a record. Errors: a version other than 1, truncated, no SPS. Of an H.266 record only the
/// length size is read.
Result parse_nal_config(NalCodec codec, ByteView record, NalConfig &config);

/// Builds a record. Errors: incomplete, an SPS that can't be parsed (H.265), or H.266.
Result build_nal_config(NalCodec codec, const NalConfig &config, std::vector<uint8_t> &record);

/// The number of frames that precede a frame in decoding order and follow it in display order, at
/// most, by the first SPS; an upper bound where the SPS does not say it. Nothing if it can't be
/// read, and for H.266.
std::optional<unsigned> reorder_depth(NalCodec codec, const NalConfig &config);

/// Merges the parameter sets among `units` into the configuration. Returns true if that changed it:
/// by an unknown SPS (or VPS), which replaces all of its kind, or by a PPS with a new id. A PPS
/// with a known id is ignored, because the frames carry it themselves.
bool merge_parameter_sets(NalCodec codec, const std::vector<ByteView> &units, NalConfig &config);

} // namespace penstock::codec
