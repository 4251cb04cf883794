// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame of a stream as RTP payloads, made once for all viewers.
#pragma once

#include "core/fanout/packet.h"
#include "core/rtp/payload/payload.h"

#include <cstdint>
#include <memory>

namespace penstock::rtc {

/// Packet::payload is not used. Headers and frames that cannot be sent have no payloads and a size
/// of 0.
struct RtpFrame : fanout::Packet {
    bool is_video = false;
    bool keyframe = false;
    bool is_folded = false; ///< a copy made by fold()
    uint8_t rung = 0;       ///< of video: its track, 0 being the default one
    uint32_t codec = 0;     ///< flv::fourcc
    uint32_t timestamp = 0; ///< of RTP: 90 kHz for video, the codec's clock for audio
    /// The number of the first payload among those of its track, since the stream's beginning.
    uint64_t number = 0;
    std::shared_ptr<const rtp::payload::Payloads> payloads; ///< gathered

    /// Number of payloads.
    size_t count() const { return payloads ? payloads->size() : 0; }
    uint64_t end_number() const { return number + count(); }
};

/// In the ring of a stream for WebRTC there is nothing else.
inline const RtpFrame &frame_of(const fanout::PacketPtr &packet) {
    return static_cast<const RtpFrame &>(*packet);
}

} // namespace penstock::rtc
