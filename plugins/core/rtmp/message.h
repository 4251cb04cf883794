// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP messages and their constants. Adobe RTMP specification 1.0, sections 5.4, 6.2 and 7.1.
#pragma once

#include "core/bytes/bytes.h"
#include "core/flv/tag.h"

#include <vector>

namespace penstock::rtmp {

namespace message_type {
inline constexpr uint8_t set_chunk_size = 1, abort = 2, acknowledgement = 3, user_control = 4,
                         window_ack_size = 5, set_peer_bandwidth = 6, audio = 8, video = 9,
                         data_amf3 = 15, command_amf3 = 17, data_amf0 = 18, command_amf0 = 20,
                         aggregate = 22;
} // namespace message_type

namespace user_control {
inline constexpr uint16_t stream_begin = 0, stream_eof = 1, ping_request = 6, ping_response = 7;
} // namespace user_control

/// The chunk streams on which a server sends.
namespace chunk_stream {
inline constexpr uint8_t control = 2, command = 3, audio = 4, data = 5, video = 6;
} // namespace chunk_stream

/// A complete message with space for the header and trailer of an FLV tag around its body, so that
/// media becomes a tag without copying.
struct Message {
    uint8_t type = 0;
    uint32_t timestamp = 0; ///< milliseconds, absolute, wraps at 2^32
    uint32_t stream_id = 0;
    std::vector<uint8_t> framed; ///< flv::header_size bytes, the body, flv::trailer_size bytes

    ByteView body() const {
        return ByteView(framed).subspan(flv::header_size,
                                        framed.size() - flv::header_size - flv::trailer_size);
    }
};

/// The size in bytes of a leading AMF0 string "@setDataFrame": 16, or 0 if absent. It tells a
/// server to store the metadata and must not be sent to players.
size_t set_data_frame_size(ByteView body);

} // namespace penstock::rtmp
