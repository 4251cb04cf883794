// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame headers of AC-3 and Enhanced AC-3. ETSI TS 102 366 4.4.1, 4.4.2 and E.1.3.1.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

namespace penstock::codec {

struct Ac3Header {
    bool enhanced = false;
    unsigned rate = 0;     ///< Hz
    unsigned channels = 0; ///< 1 to 6, the low frequency channel included
    unsigned frame_samples = 0;
    size_t frame_size = 0;  ///< bytes, including the header
    bool dependent = false; ///< E-AC-3: more channels of the frame before it
};
/// Parses the first syncframe's header; errors: no sync word, cut short, reserved values.
Result parse_ac3(ByteView bytes, Ac3Header &header);

} // namespace penstock::codec
