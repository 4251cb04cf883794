// SPDX-License-Identifier: LGPL-2.1-or-later
// What a track carries, and how its samples become the bytes of a transport stream.
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
    /// What a decoder was set up with: formats with the same codec and identity are one.
    std::vector<uint8_t> identity;
    /// The framing, which is not part of that: NAL lengths' size, 0 for a byte stream; for AAC
    /// whether a header must be made for each frame.
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
/// Raw AAC frames, from their AudioSpecificConfig. An error too for what ADTS can't carry.
Result make_aac_format(ByteView asc, FormatPtr &out);
/// AAC frames that have ADTS headers.
FormatPtr make_adts_format();
/// MPEG-1 or MPEG-2 audio (MP3), one frame in a sample; the frames tell which.
FormatPtr make_mpeg_audio_format();

/// The format after this sample: `format` itself, or a new one if the sample brings parameter
/// sets (a keyframe) or a frame header that say something else. Errors: a sample that is broken.
Result learn(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out);

/// A sample as a list of pieces of memory: what is inserted (start codes, delimiters, headers)
/// and the sample's own bytes, uncopied.
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
