// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the codec headers in front of configurations and frames.
#include "core/flv/media_tags.h"

#include "core/bytes/writer.h"

#include <utility>

namespace penstock::flv {
namespace {

// Enhanced RTMP v2, ExVideoTagHeader and ExAudioTagHeader.
constexpr uint8_t sequence_start = 0, coded_frames = 1;
constexpr uint8_t video_multitrack = 6, audio_multitrack = 5, one_track = 0;
constexpr uint8_t key_type = 1, inter_type = 2;
constexpr size_t longest_head = 16; // bytes

/// FLV 10.1, E.4.2 and E.4.3. False if it has no such codec.
bool write_legacy(const MediaHead &head, Writer &w) {
    constexpr uint8_t avc_id = 7;
    constexpr uint8_t mp3_id = 2, alaw_id = 7, ulaw_id = 8, aac_id = 10;
    // 44 kHz, 16 bits, stereo: what AAC always says, and MP3 for others; the frames know better.
    constexpr uint8_t usual = 0x0F, sixteen_bits = 2;
    switch (head.codec) {
    case fourcc("avc1"):
        w.u8(unsigned(head.keyframe ? key_type : inter_type) << 4 | avc_id)
            .u8(head.config ? 0 : 1)
            .u24(head.config ? 0 : head.composition_time);
        return true;
    case fourcc("mp4a"):
        w.u8(aac_id << 4 | usual).u8(head.config ? 0 : 1);
        return true;
    case fourcc(".mp3"):
        w.u8(mp3_id << 4 | usual);
        return true;
    case fourcc("alaw"):
    case fourcc("ulaw"):
        w.u8(unsigned(head.codec == fourcc("alaw") ? alaw_id : ulaw_id) << 4 |
             sixteen_bits); // mono
        return true;
    default:
        return false;
    }
}

void write_extended(const MediaHead &head, Writer &w) {
    const bool video = head.type == TagType::video;
    const uint8_t packet = head.config ? sequence_start : coded_frames;
    const uint8_t multitrack = video ? video_multitrack : audio_multitrack;
    const unsigned upper =
        video ? 0x80 | unsigned(head.keyframe ? key_type : inter_type) << 4 : 0x90;
    w.u8(upper | (head.track == 0 ? packet : multitrack));
    if (head.track != 0) w.u8(one_track << 4 | packet);
    w.u32(head.codec);
    if (head.track != 0) w.u8(head.track);
    if (video && !head.config && has_composition_time(head.codec)) w.u24(head.composition_time);
}

} // namespace

std::vector<uint8_t> begin_media_tag(const MediaHead &head, size_t size) {
    Writer w;
    w.vector().reserve(header_size + longest_head + size + trailer_size);
    w.vector().resize(header_size);
    if (head.track != 0 || !write_legacy(head, w)) write_extended(head, w);
    return w.take();
}

Tag end_media_tag(TagType type, uint32_t timestamp, std::vector<uint8_t> &&begun) {
    begun.resize(begun.size() + trailer_size);
    return frame_tag(type, timestamp, std::move(begun));
}

Tag make_media_tag(const MediaHead &head, uint32_t timestamp, ByteView data) {
    std::vector<uint8_t> bytes = begin_media_tag(head, data.size());
    bytes.insert(bytes.end(), data.begin(), data.end());
    return end_media_tag(head.type, timestamp, std::move(bytes));
}

} // namespace penstock::flv
