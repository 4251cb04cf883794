// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame headers of MPEG-1 and MPEG-2 audio (MP3 and its older layers): ISO/IEC 11172-3 2.4.1.3,
// ISO/IEC 13818-3 2.4.2.3.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

namespace penstock::codec {

struct MpegAudioHeader {
    unsigned version = 1;       ///< 1 or 2; 2 also for MPEG-2.5 (rates below 16 kHz)
    unsigned layer = 3;         ///< 1 to 3
    unsigned rate = 0;          ///< Hz
    unsigned channels = 0;      ///< 1 or 2
    unsigned bitrate = 0;       ///< bit/s; 0 for the free format, whose header has no size
    size_t frame_size = 0;      ///< bytes, including the header; 0 for the free format
    unsigned frame_samples = 0; ///< samples per channel and frame
};
/// Parses the header at the beginning of `bytes`; need_more below 4 bytes. Errors: no sync word, or
/// reserved values.
Result parse_mpeg_audio(ByteView bytes, MpegAudioHeader &header);

} // namespace penstock::codec
