// SPDX-License-Identifier: LGPL-2.1-or-later
// The beginning of an audio frame, whatever its codec.
#pragma once

#include "core/bytes/result.h"
#include "core/mpegts/unit.h"

namespace penstock::mpegts {

struct AudioHeader {
    size_t head = 0; ///< bytes in front of the frame that only a transport stream has
    size_t size = 0; ///< bytes, `head` included
    unsigned samples = 0;
    bool is_dependent = false; ///< it belongs to the frame before it
    AudioFormat format;        ///< but of LATM
};

/// No frame is longer, whatever its header says; bytes.
inline constexpr size_t max_audio_frame = 16 << 10;

/// The identification header (RFC 7845 5.1) of Opus with the usual layout of its channels, 1 to 8.
std::vector<uint8_t> opus_head(unsigned channels);

/// Parses the header at the beginning of `bytes`. Needs more for one that may be cut short. Errors:
/// there is none, or a form that can't be split.
Result parse_audio(const ElementaryStream &stream, ByteView bytes, AudioHeader &header);

} // namespace penstock::mpegts
