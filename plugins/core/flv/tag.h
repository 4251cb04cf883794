// SPDX-License-Identifier: LGPL-2.1-or-later
// One FLV tag: the unit that RTMP and FLV share, and what `video/x-flv` buffers carry.
// Adobe Flash Video File Format Specification 10.1, annex E.4; Enhanced RTMP v2 for ExHeaders.
#pragma once

#include "core/bytes/bytes.h"

#include <optional>

namespace penstock::flv {

enum class TagType : uint8_t { audio = 8, video = 9, script = 18 };

/// What a tag means to a cache, a muxer or a viewer that joins.
enum class TagKind {
    metadata, ///< onMetaData (with or without @setDataFrame)
    config,   ///< codec configuration: AVCDecoderConfigurationRecord, AudioSpecificConfig, …
    keyframe, ///< a video frame that needs no other
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
    Bytes bytes;            ///< header, body and PreviousTagSize in one piece

    Bytes body() const { return bytes.sub(header_size, bytes.size() - header_size - trailer_size); }
};

/// Says what a tag with this body is. Never fails: what it does not know is `other`.
TagKind classify(TagType type, ByteView body);

/// Writes the 11-byte header of a tag. `body_size` at most max_body_size; stream id 0.
void write_header(uint8_t *out, TagType type, uint32_t body_size, uint32_t timestamp);
/// Writes PreviousTagSize for a tag with a body of `body_size`.
void write_trailer(uint8_t *out, uint32_t body_size);

/// Makes a tag around a copy of `body`.
Tag make_tag(TagType type, uint32_t timestamp, ByteView body);
/// Makes a tag of memory that already has room: `framed` is header_size bytes, the body, and
/// trailer_size bytes; header and trailer are filled in and the memory is taken over.
Tag frame_tag(TagType type, uint32_t timestamp, std::vector<uint8_t> &&framed);
/// The same tag (body copied) at another timestamp.
Tag retimed(const Tag &tag, uint32_t timestamp);

/// The 13 bytes that begin an FLV stream.
Bytes file_header(bool has_audio, bool has_video);

} // namespace penstock::flv
