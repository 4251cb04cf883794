// SPDX-License-Identifier: LGPL-2.1-or-later
// Opus packets. RFC 6716 3.1 and 3.2.
#pragma once

#include "core/bytes/bytes.h"

namespace penstock::codec {

/// Samples of a packet at 48 kHz, at most 5760 (120 ms); 0 if it is empty or broken.
unsigned opus_samples(ByteView packet);
/// 1 or 2, by the packet's first byte; 0 if it is empty. More channels have several packets in one.
unsigned opus_channels(ByteView packet);

} // namespace penstock::codec
