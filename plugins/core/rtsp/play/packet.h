// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame of a stream as RTSP's viewers get it, made once for all of them: its RTP packets, each
// behind the four bytes with which it is interleaved.
#pragma once

#include "core/fanout/packet.h"
#include "core/rtp/packet.h"
#include "core/rtsp/message.h"

#include <cstdint>
#include <memory>

namespace penstock::rtsp {

/// Tracks of a stream; each has a bit of fanout::Packet::needs.
inline constexpr size_t max_tracks = 8;
/// The channels on which all viewers get a track.
constexpr uint8_t rtp_channel(size_t track) {
    return static_cast<uint8_t>(2 * track);
}
constexpr uint8_t rtcp_channel(size_t track) {
    return static_cast<uint8_t>(2 * track + 1);
}
constexpr uint8_t track_bit(size_t track) {
    return static_cast<uint8_t>(1u << track);
}

/// Headers, and frames that can't be sent, have no bytes.
struct PlayPacket : fanout::Packet {
    uint8_t track = 0;
    bool keyframe = false;
    uint16_t sequence = 0;    ///< of the first RTP packet
    uint32_t count = 0;       ///< of RTP packets
    uint32_t timestamp = 0;   ///< of RTP
    uint32_t media_bytes = 0; ///< of the payloads, as sender reports count them

    /// Calls `use(ByteView)` with each RTP packet.
    template <class Use>
    void each_rtp(Use &&use) const {
        for (ByteView left = payload.view(); left.size() > frame_head_size;) {
            const size_t size = size_t(left[2]) << 8 | left[3];
            use(left.subspan(frame_head_size, size));
            left = left.subspan(frame_head_size + size);
        }
    }
};

/// In the ring of a stream for RTSP there is nothing else.
inline const PlayPacket &play_packet(const fanout::PacketPtr &packet) {
    return static_cast<const PlayPacket &>(*packet);
}

} // namespace penstock::rtsp
