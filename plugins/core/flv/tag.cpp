// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and writes FLV tags: their framing and the codec headers inside them.
#include "core/flv/tag.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace penstock::flv {
namespace {

constexpr uint32_t avc1 = fourcc("avc1"), hvc1 = fourcc("hvc1"), vvc1 = fourcc("vvc1"),
                   av01 = fourcc("av01"), mp4a = fourcc("mp4a");

// E.4.3.1, CodecID. Servers used 12 and 13 for HEVC and AV1 before Enhanced RTMP.
uint32_t legacy_video_codec(uint8_t id) {
    switch (id) {
    case 2:
        return fourcc("H263");
    case 3:
        return fourcc("FSV1");
    case 4:
        return fourcc("VP6F");
    case 5:
        return fourcc("VP6A");
    case 6:
        return fourcc("FSV2");
    case 7:
        return avc1;
    case 12:
        return hvc1;
    case 13:
        return av01;
    default:
        return 0;
    }
}

// E.4.2.1, table of SoundFormat.
uint32_t legacy_audio_codec(uint8_t id) {
    switch (id) {
    case 0:
    case 3:
        return fourcc("lpcm");
    case 1:
        return fourcc("adpc");
    case 2:
    case 14:
        return fourcc(".mp3");
    case 4:
    case 5:
    case 6:
        return fourcc("nmos");
    case 7:
        return fourcc("alaw");
    case 8:
        return fourcc("ulaw");
    case 10:
        return mp4a;
    case 11:
        return fourcc("spex");
    default:
        return 0;
    }
}

int32_t signed24(uint32_t value) {
    return static_cast<int32_t>(value << 8) >> 8;
}

// Codecs whose decoders need no configuration: their SequenceStart may be empty.
bool may_lack_config(uint32_t codec) {
    return codec == fourcc("Opus") || codec == fourcc("ac-3") || codec == fourcc("ec-3");
}

// Packet types of the extended headers (Enhanced RTMP v2, ExVideoTagHeader, ExAudioTagHeader).
enum : uint8_t {
    ex_sequence_start = 0,
    ex_coded_frames = 1,
    ex_sequence_end = 2,
    ex_coded_frames_x = 3,
    ex_video_metadata = 4,
    ex_multichannel_config = 4,
    ex_video_ts_sequence_start = 5,
    ex_audio_multitrack = 5,
    ex_video_multitrack = 6,
    ex_mod_ex = 7,
};

// Skips ModEx prefixes: size, data, next packet type. Type 0 is TimestampOffsetNano.
uint8_t skip_mod_ex(Reader &r, uint8_t packet, BodyHeader &header) {
    while (packet == ex_mod_ex && !r.failed()) {
        size_t size = size_t(r.u8()) + 1;
        if (size == 256) size = size_t(r.u16()) + 1;
        Reader data(r.take(size));
        const uint8_t next = r.u8();
        if (next >> 4 == 0 && size >= 3) header.nanoseconds = data.u24() % 1'000'000;
        packet = next & 0x0F;
        header.mod_ex = true;
    }
    return packet;
}

// Parses track type, codec, and the first track's id and extent. Returns the inner packet type.
uint8_t read_multitrack(Reader &r, BodyHeader &header, size_t &track_size) {
    constexpr uint8_t one_track = 0, many_tracks_many_codecs = 2;
    const uint8_t both = r.u8();
    const uint8_t type = both >> 4;
    header.multitrack = true;
    header.codec = r.u32(); // common codec, or that of the first track
    header.track = r.u8();
    track_size = type == one_track ? r.remaining() : r.u24();
    if (type > many_tracks_many_codecs || track_size > r.remaining()) r.skip(SIZE_MAX);
    return both & 0x0F;
}

void parse_extended(TagType type, Reader &r, uint8_t first, BodyHeader &header) {
    const bool video = type == TagType::video;
    const uint8_t frame_type = (first >> 4) & 0x07;
    header.extended = true;
    uint8_t packet = skip_mod_ex(r, first & 0x0F, header);
    header.keyframe = video && frame_type == 1;
    if (video && frame_type == 5 && packet != ex_video_metadata) {
        header.packet = PacketType::command;
        header.payload = r.position();
        header.payload_size = r.remaining();
        return;
    }
    size_t track_size = 0;
    if (packet == (video ? ex_video_multitrack : ex_audio_multitrack)) {
        packet = read_multitrack(r, header, track_size);
    } else {
        header.codec = r.u32();
        track_size = r.remaining();
    }
    const size_t begin = r.position();
    switch (packet) {
    case ex_sequence_start:
        header.packet = PacketType::config;
        break;
    case ex_coded_frames:
        header.packet = PacketType::frame;
        if (video && has_composition_time(header.codec))
            header.composition_time = signed24(r.u24());
        break;
    case ex_sequence_end:
        header.packet = PacketType::end;
        break;
    case ex_coded_frames_x:
        if (video) header.packet = PacketType::frame;
        break;
    case ex_video_metadata: // in audio this value means MultichannelConfig
        header.packet = video ? PacketType::metadata : PacketType::multichannel;
        break;
    case ex_video_ts_sequence_start:
        if (video) header.packet = PacketType::descriptor;
        break;
    default:
        break;
    }
    header.payload = r.position();
    const size_t used = r.position() - begin;
    header.payload_size = track_size > used ? track_size - used : 0;
}

void parse_legacy_video(Reader &r, uint8_t first, BodyHeader &header) {
    const uint8_t frame_type = first >> 4, id = first & 0x0F;
    header.codec = legacy_video_codec(id);
    header.keyframe = frame_type == 1;
    header.packet = PacketType::frame;
    if (frame_type == 5) {
        header.packet = PacketType::command;
    } else if (id == 7 || id == 12 || id == 13) {
        const uint8_t packet = r.u8();
        header.composition_time = signed24(r.u24());
        header.packet = packet == 0   ? PacketType::config
                        : packet == 1 ? PacketType::frame
                        : packet == 2 ? PacketType::end
                                      : PacketType::unknown;
    }
    header.payload = r.position();
    header.payload_size = r.remaining();
}

void parse_legacy_audio(Reader &r, uint8_t first, BodyHeader &header) {
    header.codec = legacy_audio_codec(first >> 4);
    header.packet = PacketType::frame;
    if (header.codec == mp4a) {
        const uint8_t packet = r.u8();
        header.packet = packet == 0   ? PacketType::config
                        : packet == 1 ? PacketType::frame
                                      : PacketType::unknown;
    }
    header.payload = r.position();
    header.payload_size = r.remaining();
}

// Checks for AMF0 strings at the front: "onMetaData", or "@setDataFrame" and "onMetaData".
bool is_metadata(ByteView body) {
    auto string = [](Reader &r) -> std::string_view {
        if (r.u8() != 2) return {};
        ByteView text = r.take(r.u16());
        return {reinterpret_cast<const char *>(text.data()), text.size()};
    };
    Reader r(body);
    std::string_view name = string(r);
    if (name == "@setDataFrame") name = string(r);
    return name == "onMetaData";
}

} // namespace

std::string codec_name(uint32_t fourcc) {
    std::string name;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const char c = static_cast<char>(fourcc >> shift);
        name += c >= ' ' && c <= '~' ? c : '?';
    }
    return name;
}

bool has_composition_time(uint32_t codec) {
    return codec == avc1 || codec == hvc1 || codec == vvc1;
}

std::optional<BodyHeader> parse_body(TagType type, ByteView body) {
    if (type == TagType::script) return std::nullopt;
    Reader r(body);
    BodyHeader header;
    const uint8_t first = r.u8();
    if (type == TagType::video ? (first & 0x80) != 0 : first >> 4 == 9)
        parse_extended(type, r, first, header);
    else if (type == TagType::video)
        parse_legacy_video(r, first, header);
    else
        parse_legacy_audio(r, first, header);
    if (r.failed()) return std::nullopt;
    return header;
}

TagKind classify(TagType type, ByteView body) {
    if (type == TagType::script) return is_metadata(body) ? TagKind::metadata : TagKind::other;
    return kind_of(type, parse_body(type, body));
}

TagKind kind_of(TagType type, const std::optional<BodyHeader> &header) {
    if (!header) return TagKind::other;
    // Another empty packet is neither configuration nor a frame.
    if (header->payload_size == 0)
        return header->packet == PacketType::config && may_lack_config(header->codec)
                   ? TagKind::config
                   : TagKind::other;
    switch (header->packet) {
    case PacketType::config:
    case PacketType::metadata:
    case PacketType::multichannel:
        return TagKind::config;
    case PacketType::frame:
        if (type == TagType::audio) return TagKind::audio;
        // Viewers join at a keyframe of track 0, the default track.
        return header->keyframe && header->track == 0 ? TagKind::keyframe : TagKind::frame;
    default:
        return TagKind::other;
    }
}

void write_header(uint8_t *out, TagType type, uint32_t body_size, uint32_t timestamp) {
    const uint8_t header[header_size] = {
        static_cast<uint8_t>(type),
        static_cast<uint8_t>(body_size >> 16),
        static_cast<uint8_t>(body_size >> 8),
        static_cast<uint8_t>(body_size),
        static_cast<uint8_t>(timestamp >> 16),
        static_cast<uint8_t>(timestamp >> 8),
        static_cast<uint8_t>(timestamp),
        static_cast<uint8_t>(timestamp >> 24), // TimestampExtended: the upper eight bits
        0,
        0,
        0,
    };
    std::copy(header, header + header_size, out);
}

void write_trailer(uint8_t *out, uint32_t body_size) {
    const uint32_t size = static_cast<uint32_t>(header_size) + body_size;
    for (int i = 0; i < 4; ++i)
        out[i] = static_cast<uint8_t>(size >> (24 - 8 * i));
}

Tag make_tag(TagType type, uint32_t timestamp, ByteView body) {
    std::vector<uint8_t> framed(header_size + body.size() + trailer_size);
    std::copy(body.begin(), body.end(), framed.begin() + header_size);
    return frame_tag(type, timestamp, std::move(framed));
}

Tag frame_tag(TagType type, uint32_t timestamp, std::vector<uint8_t> &&framed) {
    const size_t body_size = framed.size() - header_size - trailer_size;
    write_header(framed.data(), type, static_cast<uint32_t>(body_size), timestamp);
    write_trailer(framed.data() + framed.size() - trailer_size, static_cast<uint32_t>(body_size));
    Tag tag{type, TagKind::other, timestamp, Bytes::adopt(std::move(framed))};
    tag.kind = classify(type, tag.body());
    return tag;
}

Bytes file_header(bool has_audio, bool has_video) {
    Writer w;
    w.text("FLV").u8(1).u8((has_audio ? 4 : 0) | (has_video ? 1 : 0)).u32(9).u32(0);
    return Bytes::adopt(w.take());
}

} // namespace penstock::flv
