// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264: configuration record, SPS, and conversion between the two NAL unit framings.
// ISO/IEC 14496-15 5.3.3 (record), ITU-T H.264 7.3.2.1 (SPS), annexes B (byte stream) and E (VUI).
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <string>
#include <vector>

namespace penstock::codec {

/// nal_unit_type values that matter outside a decoder.
enum AvcNal : uint8_t {
    avc_slice = 1,
    avc_idr = 5,
    avc_sei = 6,
    avc_sps = 7,
    avc_pps = 8,
    avc_aud = 9,
    avc_filler = 12,
};
inline uint8_t avc_nal_type(ByteView nal) {
    return nal.empty() ? uint8_t(0) : static_cast<uint8_t>(nal[0] & 0x1F);
}

/// AVCDecoderConfigurationRecord.
struct AvcConfig {
    uint8_t profile = 0;       ///< profile_idc: 66 baseline, 77 main, 100 high, …
    uint8_t compatibility = 0; ///< byte with the constraint flags
    uint8_t level = 0;         ///< level_idc: 31 is level 3.1
    uint8_t length_size = 4;   ///< bytes of a NAL unit length: 1, 2 or 4 (3 is tolerated)
    std::vector<std::vector<uint8_t>> sps, pps;
};

/// Parses a record. Errors: a version other than 1, truncated, no SPS.
Result parse_avc_config(ByteView record, AvcConfig &config);
/// Builds a record from at most 31 SPS and 255 PPS of at most 65535 bytes each.
std::vector<uint8_t> build_avc_config(const AvcConfig &config);
/// Makes a configuration from parameter sets found in a byte stream; each SPS needs at least 4
/// bytes.
Result make_avc_config(std::vector<std::vector<uint8_t>> sps, std::vector<std::vector<uint8_t>> pps,
                       AvcConfig &config);

/// The frame format that a sequence parameter set describes.
struct AvcSps {
    uint8_t profile = 0, compatibility = 0, level = 0;
    unsigned id = 0;
    unsigned width = 0, height = 0;             ///< after cropping, pixels
    unsigned coded_width = 0, coded_height = 0; ///< before it: what a decoder has memory for
    unsigned fps_num = 0, fps_den = 1; ///< frames per second; fps_num 0: unknown or implausible
    unsigned par_num = 1, par_den = 1; ///< pixel aspect ratio
    bool interlaced = false;           ///< fields may occur
    unsigned chroma_format = 1;        ///< 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4
    unsigned bit_depth = 8;            ///< of luma
    unsigned bit_depth_chroma = 8;
    /// The maximum number of frames that precede a frame in decoding order and follow it in display
    /// order, 0 to 16: from the VUI, else an upper bound from the reference frames. 0: displayed in
    /// decoding order.
    unsigned reorder_frames = 0;
};

/// Parses an SPS NAL unit, including its header byte and emulation prevention bytes. A truncated
/// VUI is ignored; everything else that is invalid is an error.
Result parse_avc_sps(ByteView nal, AvcSps &sps);

/// Iterates over the NAL units of an Annex B byte stream, without start codes and trailing zeros.
class AnnexBReader {
public:
    explicit AnnexBReader(ByteView stream);
    /// Returns false at the end. Skips empty NAL units.
    bool next(ByteView &nal);

private:
    ByteView stream_;
    size_t position_ = 0;
};

/// Iterates over length-prefixed NAL units (the `avc` stream format).
class AvccReader {
public:
    AvccReader(ByteView sample, unsigned length_size)
        : sample_(sample), length_size_(length_size) {}
    /// Returns false at the end, or at a length that exceeds it, which sets failed(). Skips empty
    /// NAL units.
    bool next(ByteView &nal);
    bool failed() const { return failed_; }

private:
    ByteView sample_;
    size_t position_ = 0;
    unsigned length_size_;
    bool failed_ = false;
};

/// Appends one access unit in Annex B format to `out`: an access unit delimiter, before a keyframe
/// the SPS and PPS (unless the sample contains an SPS), then the sample's NAL units except its
/// delimiters. Appends nothing on error.
Result append_annexb(const AvcConfig &config, ByteView sample, bool keyframe,
                     std::vector<uint8_t> &out);

/// Appends an Annex B access unit to `out` with four-byte lengths and without delimiters.
void append_avcc(ByteView annexb, std::vector<uint8_t> &out);

/// RFC 6381: "avc1.64001f".
std::string codec_string(const AvcConfig &config);

} // namespace penstock::codec
