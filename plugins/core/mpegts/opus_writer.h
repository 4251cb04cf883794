// SPDX-License-Identifier: LGPL-2.1-or-later
// What Opus needs in a transport stream: descriptors, and a control header in front of each packet.
// ETSI TS 103 491, annex; as ffmpeg and GStreamer write and read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::mpegts {

/// Registration "Opus", and the extension_descriptor with the number of the channels' layout: that
/// of 1 to 8 channels in their usual layout is how many they are.
inline std::vector<uint8_t> opus_descriptors(unsigned channels) {
    return {0x05, 4, 'O', 'p', 'u', 's', 0x7F, 2, 0x80, static_cast<uint8_t>(channels)};
}

/// Replaces `out` by the header of a packet of `size` bytes: the sync word without flags, and the
/// size in bytes of 255 and a rest.
inline void write_opus_header(size_t size, std::vector<uint8_t> &out) {
    out.assign({0x7F, 0xE0});
    out.insert(out.end(), size / 255, 255);
    out.push_back(static_cast<uint8_t>(size % 255));
}

} // namespace penstock::mpegts
