// SPDX-License-Identifier: LGPL-2.1-or-later
// The codec and configuration of a track, and the conversion of its samples for a transport stream.
// cmaf_format.h makes formats for CMAF.
#pragma once

#include "core/cmaf/track.h"
#include "core/codec/aac.h"
#include "core/codec/avc.h"
#include "core/mpegts/muxer.h"

#include <deque>
#include <memory>
#include <string>

namespace penstock::hls {

enum class Kind : uint8_t { video, audio };

/// A codec and its configuration; immutable.
struct Format {
    Kind kind = Kind::video;
    mpegts::StreamType type = mpegts::StreamType::h264;
    /// The configuration that a decoder needs. Formats with the same codec and identity are equal.
    std::vector<uint8_t> identity;
    /// Framing of the input, not part of the identity: bytes of a NAL unit length, 0 for a byte
    /// stream; for AAC, whether an ADTS header is added to each frame.
    uint8_t nal_length_size = 0;
    bool make_adts = false;
    std::vector<uint8_t> parameter_sets; ///< SPS and PPS with start codes; may be empty
    codec::AacConfig aac;                ///< for AAC; rate 0: taken from the frames (ADTS)
    /// Audio: Hz, samples per frame; 0: taken from the frames.
    unsigned rate = 0, frame_samples = 0;
    /// For CMAF, else null. Its `config` may be empty until a frame has it.
    std::shared_ptr<const cmaf::Track> track;
    std::string codec_string;       ///< RFC 6381; empty if unknown
    unsigned width = 0, height = 0; ///< 0 if unknown

    bool same(const Format &other) const {
        return type == other.type && identity == other.identity;
    }
};
using FormatPtr = std::shared_ptr<const Format>;

/// H.264 with length-prefixed NAL units, from its AVCDecoderConfigurationRecord.
Result make_avc_format(ByteView record, FormatPtr &out);
/// H.264 as a byte stream; parameter sets come with the keyframes.
FormatPtr make_annexb_format();
/// Raw AAC frames, from their AudioSpecificConfig. Errors: an invalid configuration, or one that
/// ADTS can't express.
Result make_aac_format(ByteView asc, FormatPtr &out);
/// AAC frames with ADTS headers.
FormatPtr make_adts_format();
/// MPEG-1 or MPEG-2 audio (MP3), one frame per sample; the version is taken from the frames.
FormatPtr make_mpeg_audio_format();

/// Returns the format after this sample: `format` itself, or a new one if the sample's parameter
/// sets (of a keyframe) or frame header differ. Error: an invalid sample.
Result learn(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out);

/// A sample as a gather list: inserted start codes, delimiters and headers, and views of the
/// sample's own bytes.
class Gather {
public:
    void clear();
    /// Returns false and appends nothing if the sample is invalid.
    bool append(const Format &format, ByteView sample, bool keyframe);
    std::span<const ByteView> pieces() const { return pieces_; }

private:
    bool append_avcc(const Format &format, ByteView sample, bool keyframe);
    void append_annexb(const Format &format, ByteView sample, bool keyframe);

    std::vector<ByteView> pieces_;
    std::deque<std::array<uint8_t, codec::adts_header_size>> headers_; // pieces point into it
};

} // namespace penstock::hls
