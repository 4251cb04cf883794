// SPDX-License-Identifier: LGPL-2.1-or-later
// An FLV tag: the common unit of RTMP and FLV, and the content of `video/x-flv` buffers.
// Adobe Flash Video File Format Specification 10.1, annex E.4; Enhanced RTMP v2 for ExHeaders.
#pragma once

#include "core/bytes/bytes.h"

#include <optional>
#include <string>

namespace penstock::flv {

enum class TagType : uint8_t { audio = 8, video = 9, script = 18 };

/// The role of a tag for a cache, a muxer or a viewer that joins.
enum class TagKind {
    metadata, ///< onMetaData (with or without @setDataFrame)
    config,   ///< codec configuration (AVCDecoderConfigurationRecord, AudioSpecificConfig, …),
              ///< colour metadata, channel layout
    keyframe, ///< a video frame that depends on no other
    frame,    ///< any other video frame
    audio,    ///< an audio frame
    other,    ///< end of sequence, command frames, unknown script data: not needed to join
};

inline constexpr size_t header_size = 11;         ///< a tag's own header
inline constexpr size_t trailer_size = 4;         ///< PreviousTagSize after it
inline constexpr size_t file_header_size = 9 + 4; ///< "FLV" header and PreviousTagSize0
inline constexpr size_t max_body_size = 0xFFFFFF;

struct Tag {
    TagType type = TagType::script;
    TagKind kind = TagKind::other;
    uint32_t timestamp = 0; ///< DTS in milliseconds; wraps at 2^32
    Bytes bytes;            ///< contiguous header, body and PreviousTagSize

    /// The bytes between header and trailer; `bytes` must contain both.
    ByteView body_view() const {
        return bytes.view().subspan(header_size, bytes.size() - header_size - trailer_size);
    }
    /// The same with shared ownership.
    Bytes body() const { return bytes.sub(header_size, bytes.size() - header_size - trailer_size); }
};

/// Classifies a tag by its body. Unknown bodies are `other`.
TagKind classify(TagType type, ByteView body);

/// Whether a decoder can start here: at a video keyframe or, without video, at any audio frame.
inline bool starts_gop(const Tag &tag, bool stream_has_video) {
    return tag.kind == TagKind::keyframe || (tag.kind == TagKind::audio && !stream_has_video);
}

/// Codes a four-character codec name as in Enhanced RTMP.
constexpr uint32_t fourcc(const char (&name)[5]) {
    return uint32_t(uint8_t(name[0])) << 24 | uint32_t(uint8_t(name[1])) << 16 |
           uint32_t(uint8_t(name[2])) << 8 | uint32_t(uint8_t(name[3]));
}

/// The four characters; "?" for those that can't be printed.
std::string codec_name(uint32_t fourcc);

/// The content of a packet in an audio or video tag.
enum class PacketType {
    config,
    frame,
    end,
    metadata,     ///< of video: colour
    multichannel, ///< the layout of audio channels
    command,
    descriptor, ///< an MPEG-2 TS descriptor in place of the configuration (MPEG2TSSequenceStart)
    unknown
};

/// The codec header at the start of an audio or video body; legacy and extended forms combined.
struct BodyHeader {
    /// "avc1", "hvc1", "av01", "mp4a", ".mp3", "Opus", …; legacy ids are mapped; 0 if unknown.
    uint32_t codec = 0;
    PacketType packet = PacketType::unknown;
    bool keyframe = false;
    bool extended = false;        ///< the form of Enhanced RTMP
    bool multitrack = false;      ///< in any of its three forms
    bool mod_ex = false;          ///< has ModEx prefixes
    uint8_t track = 0;            ///< id of the (first) track
    int32_t composition_time = 0; ///< PTS minus DTS, milliseconds
    uint32_t nanoseconds = 0;     ///< to be added to the timestamp, below 1,000,000 (ModEx)
    size_t payload = 0;           ///< offset in the body of the (first track's) data
    size_t payload_size = 0;      ///< size of these data
};

/// Whether frames have a composition time in the extended form.
bool has_composition_time(uint32_t codec);

/// Parses the codec header of an audio or video body; nullopt if it is truncated.
std::optional<BodyHeader> parse_body(TagType type, ByteView body);

/// Classifies an audio or video tag from the result of parse_body().
TagKind kind_of(TagType type, const std::optional<BodyHeader> &header);

/// Writes the 11-byte tag header with stream id 0. `body_size` is at most max_body_size.
void write_header(uint8_t *out, TagType type, uint32_t body_size, uint32_t timestamp);
/// Writes PreviousTagSize for a tag with a body of `body_size`.
void write_trailer(uint8_t *out, uint32_t body_size);

/// Makes a tag with a copy of `body`.
Tag make_tag(TagType type, uint32_t timestamp, ByteView body);
/// Makes a tag in place: `framed` has room for header_size bytes, then the body, then trailer_size
/// bytes. Fills in header and trailer and takes ownership.
Tag frame_tag(TagType type, uint32_t timestamp, std::vector<uint8_t> &&framed);

/// The 13 bytes at the start of an FLV stream.
Bytes file_header(bool has_audio, bool has_video);

} // namespace penstock::flv
