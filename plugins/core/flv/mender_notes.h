// SPDX-License-Identifier: LGPL-2.1-or-later
// The kinds of corrections, for Mender's own files.
#pragma once

#include "core/flv/mender.h"

namespace penstock::flv {

enum Mender::Note : uint32_t {
    key_flags = 1 << 0,
    start_codes = 1 << 1,
    trailing_bytes = 1 << 2,
    empty_units = 1 << 3,
    broken_frame = 1 << 4,
    length_size = 1 << 5,
    unit_per_tag = 1 << 6,
    config_made = 1 << 7,
    config_broken = 1 << 8,
    no_config = 1 << 9,
    adts_headers = 1 << 10,
    adts_config = 1 << 11,
    adts_broken = 1 << 12,
    aac_config_broken = 1 << 13,
    no_aac_config = 1 << 14,
    tracks_broken = 1 << 15,
};

/// Makes a configuration tag with the same form of header as the frame's body.
Tag make_config_tag(const Tag &frame, uint32_t codec, ByteView record);

} // namespace penstock::flv
