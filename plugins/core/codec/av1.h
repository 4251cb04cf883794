// SPDX-License-Identifier: LGPL-2.1-or-later
// AV1's configuration record. AV1 Codec ISO Media File Format Binding 2.3.3, AV1 specification 5.5.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <vector>

namespace penstock::codec {

struct Av1Config {
    unsigned profile = 0, level = 0, tier = 0;
    bool high_bitdepth = false, twelve_bit = false, monochrome = false;
    bool subsampling_x = true, subsampling_y = true;
    unsigned sample_position = 0;
    unsigned width = 0, height = 0; ///< pixels; 0 unless parsed from a sequence header
};

/// Parses a sequence header OBU's payload. Errors: truncated, a reserved profile.
Result parse_av1_sequence_header(ByteView payload, Av1Config &config);

/// Builds a record from the sequence header of a temporal unit in the low-overhead format. Errors:
/// there is none, or it is broken.
Result make_av1_config(ByteView unit, std::vector<uint8_t> &record);

/// Parses a record, with the size of its sequence header if it has one. Errors: truncated, another
/// version.
Result parse_av1_config(ByteView record, Av1Config &config);

/// The unit without the temporal delimiters at its beginning.
ByteView without_temporal_delimiters(ByteView unit);

} // namespace penstock::codec
