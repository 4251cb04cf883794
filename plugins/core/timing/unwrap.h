// SPDX-License-Identifier: LGPL-2.1-or-later
// Recognises timestamps that have wrapped.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock::timing {

/// The clocks whose wraps are recognised: milliseconds of 32, 31 and 24 bits (FLV; encoders that
/// mask the top byte with 0x7F; those without extended timestamps), 90 kHz of 33 and 32 bits
/// (MPEG-TS, RTP). `step`, in ns, is that between two timestamps of a track. If it is a wrap's, in
/// either direction, returns the ns to add to the later one; else nothing. The mended step is then
/// at least -`backward` and at most `forward`.
std::optional<int64_t> wrap_in(int64_t step, int64_t backward, int64_t forward);

} // namespace penstock::timing
