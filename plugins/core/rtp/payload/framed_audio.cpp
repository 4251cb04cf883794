// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtp/payload/framed_audio.h"

namespace penstock::rtp::payload {
namespace {

constexpr size_t mpeg_header = 4, ac3_header = 2;
constexpr size_t most_fragments = 255;

} // namespace

Result MpegAudioPacketizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (frame.empty()) return Result::error("an empty MPEG audio frame");
    if (frame.size() > 0xFFFF) return Result::error("an MPEG audio frame that is too long for RTP");
    const EqualParts parts = equal_parts(frame.size(), budget_ - mpeg_header);
    for (size_t at = 0; at < frame.size(); at += parts.size) {
        out.start();
        out.own({0, 0, static_cast<uint8_t>(at >> 8), static_cast<uint8_t>(at)});
        out.refer(frame.subspan(at, std::min(parts.size, frame.size() - at)));
    }
    return Result::ok();
}

Result Ac3Packetizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (frame.empty()) return Result::error("an empty AC-3 frame");
    const EqualParts parts = equal_parts(frame.size(), budget_ - ac3_header);
    if (parts.count > most_fragments)
        return Result::error("an AC-3 frame that is too long for RTP");
    for (size_t at = 0; at < frame.size(); at += parts.size) {
        // Whole frames; of fragments AC-3 tells whether the first has 5/8 of the frame.
        uint8_t type = 0;
        if (parts.count > 1 && enhanced_)
            type = 1;
        else if (parts.count > 1)
            type = at > 0 ? 3 : parts.size * 8 >= frame.size() * 5 ? 1 : 2;
        out.start();
        out.own({type, static_cast<uint8_t>(parts.count)});
        out.refer(frame.subspan(at, std::min(parts.size, frame.size() - at)));
    }
    out.mark();
    return Result::ok();
}

} // namespace penstock::rtp::payload
