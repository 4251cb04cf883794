// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of codecs supported by the FLV elements, with conversions between caps and FLV.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/tag.h"
#include "gst/ptr.h"

#include <string>
#include <vector>

namespace penstock::flv {

/// Stream properties from its codec configuration.
struct StreamInfo {
    GstPtr<GstCaps> caps;
    unsigned frame_samples = 0, rate = 0; ///< audio: samples per frame, Hz; 0: unknown
    std::string warning;                  ///< a fault that does not prevent decoding; may be empty
};

struct Codec {
    uint32_t fourcc;
    TagType type;
    const char *caps;      ///< the caps of pads
    uint8_t legacy_id;     ///< CodecID or SoundFormat
    const char *tag_value; ///< value of the codec tags

    /// Parses a configuration tag's payload; an error if it is unusable. nullptr for codecs without
    /// configuration.
    Result (*describe)(ByteView config, StreamInfo &info);
    /// Builds the configuration payload for the caps; an error names what they lack. nullptr for
    /// codecs that are read but not written.
    Result (*configure)(const GstCaps *caps, std::vector<uint8_t> &config);
    /// For codecs without configuration: encodes everything that `describe_format` needs in a
    /// number, from a frame's tag body and its payload. Otherwise nullptr.
    Result (*frame_format)(ByteView body, ByteView payload, uint64_t &format);
    void (*describe_format)(uint64_t format, StreamInfo &info);
};

/// nullptr if the codec is not in the table.
const Codec *find_codec(TagType type, uint32_t fourcc);
/// Finds a codec that can be written.
const Codec *find_codec(const GstCaps *caps);
/// The caps of all codecs of this type that can be read, or written.
GstPtr<GstCaps> readable_caps(TagType type);
GstPtr<GstCaps> writable_caps(TagType type);

/// Size of the header before the payload in a tag's body; bytes.
size_t codec_header_size(const Codec &codec);
/// Writes that header. `composition_time` is in ms, truncated to 24 bits.
void write_codec_header(uint8_t *out, const Codec &codec, bool config, bool keyframe,
                        int32_t composition_time);

} // namespace penstock::flv
