// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/flv/enhanced.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

#include <algorithm>

namespace penstock::flv {
namespace {

constexpr uint8_t mod_ex_packet = 7;
constexpr uint8_t video_multitrack = 6, audio_multitrack = 5;
constexpr uint8_t coded_frames = 1, coded_frames_x = 3, video_metadata = 4;
constexpr uint8_t one_track = 0, many_tracks_many_codecs = 2;
constexpr uint8_t command_frame = 5;
/// Longer ModEx prefixes, which no feature has, are not copied to each track.
constexpr size_t max_copied_prefix = 64;

/// The size of the first byte with the ModEx prefixes; the low four bits of the last of these bytes
/// are the packet type. 0 if the body is truncated.
size_t prefix_size(ByteView body) {
    Reader r(body);
    uint8_t last = r.u8();
    while ((last & 0x0F) == mod_ex_packet) {
        size_t size = size_t(r.u8()) + 1;
        if (size == 256) size = size_t(r.u16()) + 1;
        r.skip(size);
        last = r.u8();
        if (r.failed()) return 0;
    }
    return r.failed() ? 0 : r.position();
}

/// Makes a tag of `head`, with another packet type in its last byte, and `rest`.
Tag make_typed(const Tag &tag, ByteView head, uint8_t packet, ByteView header, ByteView rest) {
    std::vector<uint8_t> framed(header_size);
    framed.reserve(header_size + head.size() + header.size() + rest.size() + trailer_size);
    framed.insert(framed.end(), head.begin(), head.end());
    framed.back() = static_cast<uint8_t>((framed.back() & 0xF0) | packet);
    framed.insert(framed.end(), header.begin(), header.end());
    framed.insert(framed.end(), rest.begin(), rest.end());
    framed.resize(framed.size() + trailer_size);
    return frame_tag(tag.type, tag.timestamp, std::move(framed));
}

Tag with_header(const Tag &tag, const BodyHeader &header, ByteView codec_header) {
    const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
    std::vector<uint8_t> framed(header_size);
    framed.reserve(header_size + codec_header.size() + payload.size() + trailer_size);
    framed.insert(framed.end(), codec_header.begin(), codec_header.end());
    framed.insert(framed.end(), payload.begin(), payload.end());
    framed.resize(framed.size() + trailer_size);
    return frame_tag(tag.type, tag.timestamp, std::move(framed));
}

/// The codec header of H.264, AAC or MP3 in the legacy form; empty if there is none.
std::vector<uint8_t> legacy_header(ByteView body, const BodyHeader &header) {
    const bool config = header.packet == PacketType::config;
    if (!config && header.packet != PacketType::frame) return {};
    const uint8_t packet = config ? 0 : 1;
    Writer w;
    switch (header.codec) {
    case fourcc("avc1"):
        w.u8((body[0] & 0x70) | 7).u8(packet).u24(static_cast<uint32_t>(header.composition_time));
        break;
    case fourcc("mp4a"):
        w.u8(0xAF).u8(packet);
        break;
    case fourcc(".mp3"):
        if (!config) w.u8(0x2F);
        break;
    default:
        break;
    }
    return w.take();
}

/// The codec header of HEVC or AV1 in the extended form.
std::vector<uint8_t> extended_header(ByteView body, const BodyHeader &header) {
    if (header.codec != fourcc("hvc1") && header.codec != fourcc("av01")) return {};
    const bool config = header.packet == PacketType::config;
    if (!config && header.packet != PacketType::frame) return {};
    Writer w;
    w.u8(0x80 | (body[0] & 0x70) | (config ? 0 : coded_frames)).u32(header.codec);
    if (!config && has_composition_time(header.codec))
        w.u24(static_cast<uint32_t>(header.composition_time));
    return w.take();
}

} // namespace

uint8_t features_of(const BodyHeader &header) {
    uint8_t needed = feature::none;
    if (header.multitrack) needed |= feature::multitrack;
    if (header.mod_ex) needed |= feature::mod_ex;
    if (header.packet == PacketType::metadata || header.packet == PacketType::multichannel)
        needed |= feature::description;
    return needed;
}

bool split_tracks(const Tag &tag, std::vector<Tag> &out) {
    const ByteView body = tag.body_view();
    const size_t prefix = prefix_size(body);
    const uint8_t multitrack = tag.type == TagType::video ? video_multitrack : audio_multitrack;
    if (prefix == 0 || (body[prefix - 1] & 0x0F) != multitrack) return false;
    const ByteView head = body.first(prefix <= max_copied_prefix ? prefix : 1);
    Reader r(body.subspan(prefix));
    const uint8_t both = r.u8();
    const uint8_t form = both >> 4, inner = both & 0x0F;
    if (r.failed() || form > many_tracks_many_codecs || inner == multitrack) return false;
    uint32_t codec = form == many_tracks_many_codecs ? 0 : r.u32();
    for (size_t count = 0; r.remaining() > 0 && count < max_tracks_in_tag; ++count) {
        if (form == many_tracks_many_codecs) codec = r.u32();
        const uint8_t track = r.u8();
        const ByteView data = r.take(form == one_track ? r.remaining() : r.u24());
        if (r.failed()) break;
        Writer header;
        if (track != 0) header.u8(one_track << 4 | inner);
        header.u32(codec);
        if (track != 0) header.u8(track);
        out.push_back(make_typed(tag, head, track == 0 ? inner : multitrack, header.view(), data));
    }
    return true;
}

Tag without_mod_ex(const Tag &tag) {
    const ByteView body = tag.body_view();
    const size_t prefix = prefix_size(body);
    if (prefix <= 1) return tag;
    return make_typed(tag, body.first(1), body[prefix - 1] & 0x0F, {}, body.subspan(prefix));
}

bool simplify(Tag &tag, const BodyHeader &header) {
    if (header.multitrack || header.mod_ex) return false;
    const ByteView body = tag.body_view();
    const bool video = tag.type == TagType::video;
    if (!header.extended) {
        if (!video || (body[0] & 0x0F) < 12) return false;
        const auto extended = extended_header(body, header);
        if (extended.empty()) return false;
        tag = with_header(tag, header, extended);
        return true;
    }
    if (const auto legacy = legacy_header(body, header); !legacy.empty()) {
        tag = with_header(tag, header, legacy);
        return true;
    }
    const uint8_t packet = body[0] & 0x0F, frame = body[0] >> 4 & 7;
    uint8_t first = body[0];
    if (video && packet == video_metadata && frame != command_frame)
        first = 0x80 | command_frame << 4 | video_metadata;
    else if (video && packet == coded_frames_x && !has_composition_time(header.codec))
        first = static_cast<uint8_t>((body[0] & 0xF0) | coded_frames);
    if (first == body[0]) return false;
    std::vector<uint8_t> framed(tag.bytes.begin(), tag.bytes.end());
    framed[header_size] = first;
    tag = frame_tag(tag.type, tag.timestamp, std::move(framed));
    return true;
}

} // namespace penstock::flv
