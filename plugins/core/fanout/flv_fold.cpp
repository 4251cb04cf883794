// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/flv_fold.h"

#include <algorithm>

namespace penstock::fanout {
namespace {

struct Frame {
    flv::Tag tag;
    int64_t shown = 0; ///< presentation time on the wire; ms
    int32_t composition = 0;
    size_t composition_at = 0; ///< offset of the composition time in the body; 0: none
};

/// Offset of the composition time in a body, directly before the payload; 0 if there is none.
size_t composition_offset(ByteView body, const flv::BodyHeader &header) {
    if (header.multitrack) return 0;
    const bool extended = (body[0] & 0x80) != 0;
    const bool has_time = extended ? (body[0] & 0x0f) == 1 && header.payload >= 8
                                   : (body[0] & 0x0f) == 7 && header.payload == 5;
    return has_time ? header.payload - 3 : 0;
}

std::vector<Frame> video_frames(const std::vector<PacketPtr> &gop) {
    std::vector<Frame> frames;
    for (const PacketPtr &packet : gop) {
        const Bytes &bytes = form_for(packet, 0)->payload;
        if (bytes.size() <= flv::header_size + flv::trailer_size ||
            bytes[0] != static_cast<uint8_t>(flv::TagType::video))
            continue;
        Frame frame;
        frame.tag = {flv::TagType::video, flv::TagKind::frame, packet->time, bytes};
        const ByteView body = frame.tag.body();
        const auto header = flv::parse_body(frame.tag.type, body);
        if (!header || header->packet != flv::PacketType::frame) continue;
        frame.composition = header->composition_time;
        frame.composition_at = composition_offset(body, *header);
        frame.shown = int64_t(packet->time) + frame.composition;
        frames.push_back(std::move(frame));
    }
    return frames;
}

/// Copies the body only if the composition time changes.
flv::Tag with_composition(const Frame &frame, int32_t composition) {
    if (composition == frame.composition) return frame.tag;
    std::vector<uint8_t> bytes(frame.tag.bytes.begin(), frame.tag.bytes.end());
    uint8_t *at = bytes.data() + flv::header_size + frame.composition_at;
    for (int i = 0; i < 3; ++i)
        at[i] = static_cast<uint8_t>(composition >> (16 - 8 * i));
    return {frame.tag.type, frame.tag.kind, frame.tag.timestamp, Bytes::adopt(std::move(bytes))};
}

} // namespace

std::vector<PacketPtr>
fold_flv(const std::vector<PacketPtr> &gop,
         const std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> &make_packet) {
    const std::vector<Frame> frames = video_frames(gop);
    if (frames.empty() || frames.size() > max_folded_frames) return {};
    const bool reordered = std::any_of(frames.begin(), frames.end(),
                                       [](const Frame &frame) { return frame.composition != 0; });
    if (reordered && std::any_of(frames.begin(), frames.end(),
                                 [](const Frame &frame) { return frame.composition_at == 0; }))
        return {};

    const int64_t edge = frames.back().tag.timestamp, count = int64_t(frames.size());
    // The frames that are already due, in display order; the others keep their times.
    std::vector<size_t> past;
    for (size_t i = 0; i < frames.size(); ++i)
        if (frames[i].shown <= edge) past.push_back(i);
    std::stable_sort(past.begin(), past.end(),
                     [&](size_t a, size_t b) { return frames[a].shown < frames[b].shown; });
    std::vector<int64_t> shown(frames.size());
    std::transform(frames.begin(), frames.end(), shown.begin(),
                   [](const Frame &frame) { return frame.shown; });
    for (size_t rank = 0; rank < past.size(); ++rank)
        shown[past[rank]] = edge - int64_t(past.size()) + 1 + int64_t(rank);
    // No frame may be displayed before it is decoded.
    int64_t earlier = 0;
    for (int64_t i = 0; i < count; ++i)
        earlier = std::max(earlier, edge - count + 1 + i - shown[size_t(i)]);
    const int64_t first = edge - count + 1 - earlier;
    if (first < 0) return {};

    std::vector<PacketPtr> folded;
    folded.reserve(frames.size());
    for (int64_t i = 0; i < count; ++i) {
        const Frame &frame = frames[size_t(i)];
        const auto composition =
            reordered ? static_cast<int32_t>(shown[size_t(i)] - (first + i)) : 0;
        folded.push_back(
            make_packet(with_composition(frame, composition), static_cast<uint32_t>(first + i)));
    }
    return folded;
}

std::vector<flv::Tag> fold_tags(const std::vector<flv::Tag> &gop) {
    std::vector<PacketPtr> packets;
    packets.reserve(gop.size());
    for (const flv::Tag &tag : gop) {
        auto packet = std::make_shared<Packet>();
        packet->payload = tag.bytes;
        packet->time = tag.timestamp;
        packets.push_back(std::move(packet));
    }
    std::vector<flv::Tag> folded;
    fold_flv(packets, [&folded](const flv::Tag &tag, uint32_t timestamp) {
        folded.push_back(flv::make_tag(tag.type, timestamp, tag.body_view()));
        return std::make_shared<Packet>();
    });
    return folded;
}

} // namespace penstock::fanout
