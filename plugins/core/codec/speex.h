// SPDX-License-Identifier: LGPL-2.1-or-later
// Speex packets (The Speex Codec Manual, 9 and 10).
#pragma once

#include "core/bytes/bytes.h"

namespace penstock::codec {

/// How many frames a wideband or narrowband packet has; 0 if it is broken. At most 255.
unsigned count_speex_frames(ByteView packet);

} // namespace penstock::codec
