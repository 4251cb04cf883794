// SPDX-License-Identifier: LGPL-2.1-or-later
// Speex packets (The Speex Codec Manual, 9 and 10).
#pragma once

#include "core/bytes/bytes.h"

namespace penstock::codec {

/// The number of frames in a wideband or narrowband packet, up to 255; 0 if it is invalid.
unsigned count_speex_frames(ByteView packet);

} // namespace penstock::codec
