// SPDX-License-Identifier: LGPL-2.1-or-later
// The one table of codecs that the FLV elements know, each with its way between caps and FLV.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/tag.h"
#include "gst/ptr.h"

#include <string>
#include <vector>

namespace penstock::flv {

/// The description of a stream that its codec configuration gives.
struct StreamInfo {
    GstPtr<GstCaps> caps;
    unsigned frame_samples = 0, rate = 0; ///< audio: samples in a frame, Hz; 0 if not known
    std::string warning;                  ///< a fault that does not prevent decoding; may be empty
};

struct Codec {
    uint32_t fourcc;
    TagType type;
    const char *caps;      ///< what pads carry
    uint8_t legacy_id;     ///< CodecID or SoundFormat
    const char *tag_value; ///< for the codec tags

    /// Reads a configuration tag's payload. An error: nothing can be made of it. Null for codecs
    /// without configuration.
    Result (*describe)(ByteView config, StreamInfo &info);
    /// The configuration payload that goes with the caps; an error says what they lack. Null for
    /// codecs that are read and not written.
    Result (*configure)(const GstCaps *caps, std::vector<uint8_t> &config);
    /// For codecs without configuration: one number for all that `describe_format` needs, from a
    /// frame's tag body and the payload in it. Else null.
    Result (*frame_format)(ByteView body, ByteView payload, uint64_t &format);
    void (*describe_format)(uint64_t format, StreamInfo &info);
};

/// nullptr if it is not in the table.
const Codec *find_codec(TagType type, uint32_t fourcc);
/// Of those that can be written.
const Codec *find_codec(const GstCaps *caps);
/// The caps of all codecs of that type that can be read, or written.
GstPtr<GstCaps> readable_caps(TagType type);
GstPtr<GstCaps> writable_caps(TagType type);

/// Bytes in front of the payload in a tag's body.
size_t codec_header_size(const Codec &codec);
/// Writes them. `composition_time` in milliseconds, cut to 24 bits.
void write_codec_header(uint8_t *out, const Codec &codec, bool config, bool keyframe,
                        int32_t composition_time);

} // namespace penstock::flv
