// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264: its configuration record, what its SPS says, and the way between the two NAL framings.
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
    uint8_t compatibility = 0; ///< the constraint flags' byte
    uint8_t level = 0;         ///< level_idc: 31 is level 3.1
    uint8_t length_size = 4;   ///< bytes of a NAL length: 1, 2 or 4 (3 is tolerated)
    std::vector<std::vector<uint8_t>> sps, pps;
};

/// Reads a record. Errors: another version than 1, cut short, no SPS.
Result parse_avc_config(ByteView record, AvcConfig &config);
/// Writes a record; at most 31 SPS and 255 PPS of at most 65535 bytes each are written.
std::vector<uint8_t> build_avc_config(const AvcConfig &config);
/// Makes a configuration of parameter sets found in a byte stream; none of `sps` may be shorter
/// than 4 bytes.
Result make_avc_config(std::vector<std::vector<uint8_t>> sps, std::vector<std::vector<uint8_t>> pps,
                       AvcConfig &config);

/// The frame format that a sequence parameter set describes.
struct AvcSps {
    uint8_t profile = 0, compatibility = 0, level = 0;
    unsigned id = 0;
    unsigned width = 0, height = 0;    ///< after cropping, pixels
    unsigned fps_num = 0, fps_den = 1; ///< frames a second; fps_num 0: not told or absurd
    unsigned par_num = 1, par_den = 1; ///< pixel aspect ratio
    bool interlaced = false;           ///< fields may occur
    unsigned chroma_format = 1;        ///< 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4
    unsigned bit_depth = 8;            ///< of luma
    unsigned bit_depth_chroma = 8;
    /// The most frames that come before a frame in decoding order and are shown after it, 0 to 16:
    /// what the VUI says, else an upper bound from the reference frames. 0: shown as decoded.
    unsigned reorder_frames = 0;
};

/// Reads an SPS NAL unit (its header byte included, emulation prevention still in). A VUI that is
/// cut short is ignored; anything else that is wrong is an error.
Result parse_avc_sps(ByteView nal, AvcSps &sps);

/// Walks over the NAL units of an Annex B byte stream, without start codes and trailing zeros.
class AnnexBReader {
public:
    explicit AnnexBReader(ByteView stream);
    /// False at the end. Empty NAL units are left out.
    bool next(ByteView &nal);

private:
    ByteView stream_;
    size_t position_ = 0;
};

/// Walks over length-prefixed NAL units (the `avc` stream format).
class AvccReader {
public:
    AvccReader(ByteView sample, unsigned length_size)
        : sample_(sample), length_size_(length_size) {}
    /// False at the end or at a length that leads past it, which failed() then says. Empty NAL
    /// units are left out.
    bool next(ByteView &nal);
    bool failed() const { return failed_; }

private:
    ByteView sample_;
    size_t position_ = 0;
    unsigned length_size_;
    bool failed_ = false;
};

/// Appends one access unit in Annex B to `out`: an access unit delimiter, before a keyframe the
/// SPS and PPS (unless the sample brings an SPS itself), then the sample's NAL units without its
/// own delimiters. On an error nothing is appended.
Result append_annexb(const AvcConfig &config, ByteView sample, bool keyframe,
                     std::vector<uint8_t> &out);

/// Appends one Annex B access unit to `out` with four-byte lengths, without delimiters.
void append_avcc(ByteView annexb, std::vector<uint8_t> &out);

/// RFC 6381: "avc1.64001f".
std::string codec_string(const AvcConfig &config);

} // namespace penstock::codec
