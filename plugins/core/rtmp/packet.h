// SPDX-License-Identifier: LGPL-2.1-or-later
// A media message as an RTMP server sends it to players: serialized once, shared by all.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

namespace penstock::rtmp {

/// Serializes a tag with a chunk size in bytes and a timestamp in ms (extended timestamps from
/// 0xFFFFFF on, repeated in every chunk). Metadata is sent as an AMF0 data message, audio and video
/// on separate chunk streams. Uses only chunk format 0 and message stream 1, so that the same bytes
/// suit every player; a publisher's server may have chosen another message stream.
std::shared_ptr<fanout::Packet> make_packet(const flv::Tag &tag, uint32_t timestamp,
                                            uint32_t chunk_size, uint32_t stream_id = 1);
/// The same for a publisher's metadata, whose "@setDataFrame" stays.
std::shared_ptr<fanout::Packet> make_publisher_packet(const flv::Tag &tag, uint32_t timestamp,
                                                      uint32_t chunk_size, uint32_t stream_id);

} // namespace penstock::rtmp
