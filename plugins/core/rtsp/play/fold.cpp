// SPDX-License-Identifier: LGPL-2.1-or-later
// Fast-forward of RTSP: gives the packets of a cached GOP other timestamps.
#include "core/fanout/flv_fold.h"
#include "core/rtsp/play/maker.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

constexpr uint32_t ticks_per_ms = 90;
constexpr size_t timestamp_at = frame_head_size + 4; ///< of an interleaved packet

std::shared_ptr<PlayPacket> stamped(const PlayPacket &from, uint32_t timestamp) {
    auto packet = std::allocate_shared<PlayPacket>(RecyclingAllocator<PlayPacket>());
    packet->track = from.track;
    packet->keyframe = from.keyframe;
    packet->sequence = from.sequence;
    packet->count = from.count;
    packet->timestamp = timestamp;
    packet->media_bytes = from.media_bytes;
    packet->awaited = from.awaited;
    packet->needs = from.needs;
    packet->time = from.time;
    std::vector<uint8_t> bytes(from.payload.begin(), from.payload.end());
    for (size_t at = 0; at + timestamp_at + 4 <= bytes.size();) {
        for (int i = 0; i < 4; ++i)
            bytes[at + timestamp_at + size_t(i)] = static_cast<uint8_t>(timestamp >> 8 * (3 - i));
        at += frame_head_size + (size_t(bytes[at + 2]) << 8 | bytes[at + 3]);
    }
    packet->payload = Bytes::adopt(std::move(bytes));
    packet->pieces.emplace_back(packet->payload.view());
    packet->seal(false);
    return packet;
}

} // namespace

std::vector<fanout::PacketPtr> fold(const std::vector<fanout::PacketPtr> &gop) {
    std::vector<const PlayPacket *> frames;
    for (const fanout::PacketPtr &packet : gop) {
        const PlayPacket &frame = play_packet(packet);
        // A GOP begins with the default track.
        if (frame.count > 0 && (frames.empty() || frame.track == frames.front()->track))
            frames.push_back(&frame);
    }
    if (frames.empty() || !frames.front()->keyframe || frames.size() > fanout::max_folded_frames)
        return {};
    // RTP has presentation times only. Those behind the newest frame's decoding time stay.
    const uint32_t edge = frames.back()->time * ticks_per_ms;
    std::vector<uint32_t> shown; // of the frames before the edge, in ticks before it
    for (const PlayPacket *frame : frames)
        if (const uint32_t before = edge - frame->timestamp; int32_t(before) >= 0)
            shown.push_back(before);
    std::sort(shown.begin(), shown.end());
    std::vector<fanout::PacketPtr> folded;
    folded.reserve(frames.size());
    for (const PlayPacket *frame : frames) {
        const uint32_t before = edge - frame->timestamp;
        uint32_t timestamp = frame->timestamp;
        if (int32_t(before) >= 0)
            timestamp = edge - ticks_per_ms *
                                   uint32_t(std::lower_bound(shown.begin(), shown.end(), before) -
                                            shown.begin());
        folded.push_back(stamped(*frame, timestamp));
    }
    return folded;
}

} // namespace penstock::rtsp
