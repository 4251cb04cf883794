// SPDX-License-Identifier: LGPL-2.1-or-later
// One media message as an RTMP server sends it to every player: serialized once, shared by all.
#pragma once

#include "core/flv/tag.h"

#include <array>
#include <memory>
#include <vector>

namespace penstock::rtmp {

/// A gather list over the tag's own memory: chunk headers live in `headers`, payload is never
/// copied. Chunk format 0 only, message stream 1, so that the same bytes serve every player.
struct Packet {
    flv::Tag tag;
    std::vector<uint8_t> headers;
    std::vector<ByteView> pieces; ///< in sending order; views into `headers` and `tag`
    size_t size = 0;              ///< sum of the pieces, in bytes
};

/// Serializes a tag with the given chunk size (bytes) and the timestamp it shall have on the
/// wire (milliseconds; extended timestamps from 0xFFFFFF on, repeated in every chunk).
/// Metadata goes out as an AMF0 data message, audio and video on chunk streams of their own.
std::shared_ptr<const Packet> make_packet(const flv::Tag &tag, uint32_t timestamp,
                                          uint32_t chunk_size);

} // namespace penstock::rtmp
