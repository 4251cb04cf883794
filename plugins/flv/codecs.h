// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of codecs supported by the FLV elements, with conversions between caps and FLV.
#pragma once

#include "core/bytes/result.h"
#include "core/codec/keyframe.h"
#include "core/flv/tag.h"
#include "gst/ptr.h"

#include <array>
#include <string>
#include <vector>

namespace penstock::flv {

/// Stream properties from its codec configuration.
struct StreamInfo {
    GstPtr<GstCaps> caps;
    unsigned frame_samples = 0, rate = 0; ///< audio: samples per frame, Hz; 0: unknown
    std::string warning;                  ///< a fault that does not prevent decoding; may be empty
};

/// How a codec is written into the default track; others always have the extended form.
enum class Form : uint8_t {
    extended, ///< a codec of Enhanced RTMP
    avc,      ///< E.4.3.1 with an AVCPacketType
    aac,      ///< E.4.2.1 with an AACPacketType
    bare,     ///< E.4.2.1 without one, and without configuration
};

struct Codec {
    uint32_t fourcc;
    TagType type;
    const char *caps; ///< the caps of pads
    Form form;
    uint8_t legacy_id;     ///< CodecID or SoundFormat; of no meaning for Form::extended
    const char *tag_value; ///< value of the codec tags

    /// Parses a configuration tag's payload; an error if it is unusable. nullptr for codecs without
    /// configuration.
    Result (*describe)(ByteView config, StreamInfo &info) = nullptr;
    /// Builds the configuration payload for the caps; an error names what they lack. nullptr for
    /// codecs that are read but not written.
    Result (*configure)(const GstCaps *caps, std::vector<uint8_t> &config) = nullptr;
    /// For codecs that work without configuration: encodes everything that `describe_format` needs
    /// in a number, from a frame's tag body and its payload. Otherwise nullptr.
    Result (*frame_format)(ByteView body, ByteView payload, uint64_t &format) = nullptr;
    void (*describe_format)(uint64_t format, StreamInfo &info) = nullptr;
    /// The samples of an audio frame, for codecs whose frames differ; 0: unknown.
    unsigned (*frame_samples)(ByteView payload) = nullptr;
    /// Builds the configuration from a keyframe, for caps from which `configure` builds an empty
    /// one.
    Result (*configure_by_frame)(ByteView frame, std::vector<uint8_t> &config) = nullptr;
    /// The picture's size, for codecs whose configuration lacks it; nullopt if it is no keyframe.
    std::optional<codec::FrameSize> (*frame_size)(ByteView frame) = nullptr;
    /// Removes what an elementary stream has and FLV has not from the beginning of a frame.
    ByteView (*strip)(ByteView frame) = nullptr;

    /// The number of the codec in onMetaData.
    uint32_t metadata_id() const { return form == Form::extended ? fourcc : legacy_id; }
};

/// nullptr if the codec is not in the table.
const Codec *find_codec(TagType type, uint32_t fourcc);
/// Finds a codec that can be written.
const Codec *find_codec(const GstCaps *caps);
/// The caps of all codecs of this type that can be read, or written.
GstPtr<GstCaps> readable_caps(TagType type);
GstPtr<GstCaps> writable_caps(TagType type);

/// The header before the payload in a tag's body.
struct CodecHeader {
    std::array<uint8_t, 16> bytes{};
    size_t size = 0;
    ByteView view() const { return {bytes.data(), size}; }
};
/// `composition_time` is in ms and limited to 24 bits. `track` 0 is the default track.
CodecHeader codec_header(const Codec &codec, uint8_t track, bool config, bool keyframe,
                         int32_t composition_time);

} // namespace penstock::flv
