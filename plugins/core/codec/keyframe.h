// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a decoder can start at a frame of a codec without NAL units, judged by its first bytes.
#pragma once

#include "core/bytes/bytes.h"

#include <optional>

namespace penstock::codec {

/// A temporal unit in the low-overhead format (AV1 specification 5.3 and 7.6.3): true if its first
/// frame is a shown key frame, or a key frame after a sequence header. nullopt without a frame.
std::optional<bool> is_av1_entry(ByteView unit);
/// A frame or superframe, VP9 bitstream specification 6.2. nullopt if it is invalid.
std::optional<bool> is_vp9_entry(ByteView frame);
/// RFC 6386 9.1. nullopt if it is invalid.
std::optional<bool> is_vp8_entry(ByteView frame);

struct FrameSize {
    unsigned width = 0, height = 0; ///< pixels
};
/// The size that a VP8 keyframe says, RFC 6386 9.1. nullopt if it is none, or invalid.
std::optional<FrameSize> vp8_size(ByteView frame);

} // namespace penstock::codec
