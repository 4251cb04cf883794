// SPDX-License-Identifier: LGPL-2.1-or-later
// The codec and configuration of a track, and its samples as the bytes of a transport stream.
#pragma once

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
    /// The framing, which is not part of the identity: bytes of a NAL length, 0 for a byte stream;
    /// for AAC, whether an ADTS header must be made for each frame.
    uint8_t nal_length_size = 0;
    bool make_adts = false;
    std::vector<uint8_t> parameter_sets;  ///< SPS and PPS with start codes; may be empty
    codec::AacConfig aac;                 ///< of AAC; rate 0: the frames tell (ADTS)
    unsigned rate = 0, frame_samples = 0; ///< audio: Hz, samples in a frame; 0: the frames tell
    std::string codec_string;             ///< RFC 6381; empty if unknown
    unsigned width = 0, height = 0;       ///< 0 if unknown

    bool same(const Format &other) const {
        return type == other.type && identity == other.identity;
    }
};
using FormatPtr = std::shared_ptr<const Format>;

/// H.264 with length-prefixed NAL units, from its AVCDecoderConfigurationRecord.
Result make_avc_format(ByteView record, FormatPtr &out);
/// H.264 as a byte stream; the parameter sets come with the keyframes.
FormatPtr make_annexb_format();
/// Raw AAC frames, from their AudioSpecificConfig. Errors: a broken configuration, or one that
/// ADTS cannot express.
Result make_aac_format(ByteView asc, FormatPtr &out);
/// AAC frames that have ADTS headers.
FormatPtr make_adts_format();
/// MPEG-1 or MPEG-2 audio (MP3), one frame in a sample; the frames tell which.
FormatPtr make_mpeg_audio_format();

/// Gives the format after this sample: `format` itself, or a new one if the sample has parameter
/// sets (a keyframe) or a frame header that differ. Errors: a sample that is broken.
Result learn(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out);

/// A sample as a list of pieces of memory: inserted start codes, delimiters and headers, and views
/// of the sample's own bytes.
class Gather {
public:
    void clear();
    /// False, with nothing appended, if the sample is broken.
    bool append(const Format &format, ByteView sample, bool keyframe);
    std::span<const ByteView> pieces() const { return pieces_; }

private:
    bool append_avcc(const Format &format, ByteView sample, bool keyframe);
    void append_annexb(const Format &format, ByteView sample, bool keyframe);

    std::vector<ByteView> pieces_;
    std::deque<std::array<uint8_t, codec::adts_header_size>> headers_; // pieces point into it
};

} // namespace penstock::hls
