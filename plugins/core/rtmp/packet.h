// SPDX-License-Identifier: LGPL-2.1-or-later
// One media message as an RTMP server sends it to every player: serialized once, shared by all.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

namespace penstock::rtmp {

/// Serializes a tag with the given chunk size (bytes) and the timestamp it shall have on the
/// wire (milliseconds; extended timestamps from 0xFFFFFF on, repeated in every chunk).
/// Metadata goes out as an AMF0 data message, audio and video on chunk streams of their own.
/// Chunk format 0 only, message stream 1, so that the same bytes serve every player.
std::shared_ptr<fanout::Packet> make_packet(const flv::Tag &tag, uint32_t timestamp,
                                            uint32_t chunk_size);

} // namespace penstock::rtmp
