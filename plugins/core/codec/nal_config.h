// SPDX-License-Identifier: LGPL-2.1-or-later
// The configuration records of codecs with NAL units in one form: a length size and parameter sets.
// ISO/IEC 14496-15 5.3.3 (avcC), 8.3.3 (hvcC), 11.2.4 (vvcC).
#pragma once

#include "core/bytes/result.h"
#include "core/codec/nal.h"

#include <string>
#include <vector>

namespace penstock::codec {

struct NalConfig {
    using Sets = std::vector<std::vector<uint8_t>>;
    unsigned length_size = 4; ///< bytes of a unit's length, 1 to 4
    Sets vps, sps, pps;       ///< vps stays empty for H.264, all of them for H.266

    /// Whether these units are enough for a decoder to begin.
    bool complete(NalCodec codec) const;
};

/// Bounds on what is remembered of a stream's parameter sets, beyond which they are ignored.
inline constexpr size_t max_parameter_set = 4096; ///< bytes
inline constexpr size_t max_parameter_sets = 31;  ///< of each kind

/// Reads a record. Errors: another version than 1, cut short, no SPS. Of an H.266 record only the
/// length size is read.
Result parse_nal_config(NalCodec codec, ByteView record, NalConfig &config);

/// Writes a record. Errors: incomplete, or an SPS that cannot be read (H.265), or H.266.
Result build_nal_config(NalCodec codec, const NalConfig &config, std::vector<uint8_t> &record);

/// Puts what parameter sets there are among `units` into the configuration. True if that changed
/// it: an SPS (or VPS) that it did not have, which replaces all of its kind, or a PPS with a new
/// number. A PPS that comes again under its number is the frames' own affair.
bool merge_parameter_sets(NalCodec codec, const std::vector<ByteView> &units, NalConfig &config);

} // namespace penstock::codec
