// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses H.264 sequence parameter sets. The data come from the network, so every count is bounded
// before it is used.
#include "core/codec/avc.h"
#include "core/codec/avc_transfer.h"
#include "core/codec/bits.h"
#include "core/codec/nal.h"

#include <numeric>

namespace penstock::codec {
namespace {

constexpr unsigned unspecified = 2; // of ITU-T H.273

constexpr size_t max_sps_size = 4096;   // bytes; typical ones have fewer than a hundred
constexpr unsigned max_side = 16384;    // pixels
constexpr unsigned max_fps = 480;       // a higher value is a time base, not a frame rate
constexpr unsigned max_ref_frames = 16; // A.3.1

bool has_chroma_fields(uint8_t profile) {
    switch (profile) {
    case 44:
    case 83:
    case 86:
    case 100:
    case 110:
    case 118:
    case 122:
    case 128:
    case 134:
    case 135:
    case 138:
    case 139:
    case 244:
        return true;
    default:
        return false;
    }
}

// 7.3.2.1.1.1
void skip_scaling_list(BitReader &r, unsigned size) {
    int last = 8, next = 8;
    for (unsigned i = 0; i < size && !r.failed(); ++i) {
        if (next != 0) next = static_cast<int>((int64_t(last) + r.se() + 256) & 255);
        last = next == 0 ? last : next;
    }
}

bool read_chroma_fields(BitReader &r, AvcSps &sps, bool &separate_planes) {
    sps.chroma_format = r.ue();
    if (sps.chroma_format > 3) return false;
    if (sps.chroma_format == 3) separate_planes = r.flag();
    const uint32_t luma = r.ue(), chroma = r.ue();
    if (luma > 6 || chroma > 6) return false;
    sps.bit_depth = 8 + luma;
    sps.bit_depth_chroma = 8 + chroma;
    r.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (r.flag()) {
        const unsigned lists = sps.chroma_format == 3 ? 12 : 8;
        for (unsigned i = 0; i < lists && !r.failed(); ++i)
            if (r.flag()) skip_scaling_list(r, i < 6 ? 16 : 64);
    }
    return true;
}

bool read_picture_order_count(BitReader &r, uint32_t &type) {
    type = r.ue();
    if (type > 2) return false;
    if (type == 0) return r.ue() <= 12;
    if (type == 1) {
        r.skip(1);
        r.se();
        r.se();
        const uint32_t cycle = r.ue();
        if (cycle > 255) return false;
        for (uint32_t i = 0; i < cycle; ++i)
            r.se();
    }
    return true;
}

// E.1.1
void read_timing(BitReader &r, AvcSps &sps) {
    const uint32_t units = r.u(32), scale = r.u(32);
    r.skip(1); // fixed_frame_rate_flag
    if (r.failed() || units == 0 || scale == 0) return;
    // A tick is a field, and two fields make a frame.
    const uint64_t num = scale, den = uint64_t(units) * 2;
    if (num > den * max_fps) return;
    const uint64_t divisor = std::gcd(num, den);
    if (den / divisor > INT32_MAX || num / divisor > INT32_MAX) return;
    sps.fps_num = static_cast<unsigned>(num / divisor);
    sps.fps_den = static_cast<unsigned>(den / divisor);
}

// E.1.2. Returns false if a count exceeds the specification.
bool skip_hrd(BitReader &r) {
    const uint32_t count = r.ue();
    if (count > 31) return false;
    r.skip(8);
    for (uint32_t i = 0; i <= count && !r.failed(); ++i) {
        r.ue();
        r.ue();
        r.skip(1);
    }
    r.skip(20);
    return !r.failed();
}

// E.1.1, from the HRD parameters on; only the number of reordered frames is used.
void read_restriction(BitReader &r, AvcSps &sps) {
    const bool nal_hrd = r.flag();
    if (nal_hrd && !skip_hrd(r)) return;
    const bool vcl_hrd = r.flag();
    if (vcl_hrd && !skip_hrd(r)) return;
    if (nal_hrd || vcl_hrd) r.skip(1); // low_delay_hrd_flag
    r.skip(1);                         // pic_struct_present_flag
    if (!r.flag()) return;
    r.skip(1); // motion_vectors_over_pic_boundaries_flag
    for (int i = 0; i < 4; ++i)
        r.ue();
    const uint32_t reorder = r.ue();
    if (!r.failed() && reorder <= max_ref_frames) sps.reorder_frames = reorder;
}

// E.1.1
void read_vui(BitReader &r, AvcSps &sps, unsigned &transfer) {
    static constexpr unsigned char ratios[][2] = {
        {1, 1},   {1, 1},   {12, 11}, {10, 11}, {16, 11},  {40, 33}, {24, 11}, {20, 11}, {32, 11},
        {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};
    unsigned par_num = 1, par_den = 1;
    if (r.flag()) {
        const uint32_t idc = r.u(8);
        if (idc == 255) {
            par_num = r.u(16);
            par_den = r.u(16);
        } else if (idc < std::size(ratios)) {
            par_num = ratios[idc][0];
            par_den = ratios[idc][1];
        }
    }
    if (!r.failed() && par_num && par_den) {
        sps.par_num = par_num;
        sps.par_den = par_den;
    }
    if (r.flag()) r.skip(1); // overscan
    if (r.flag()) {          // video signal type
        r.skip(4);
        if (r.flag()) {
            r.skip(8); // colour_primaries
            const unsigned stated = r.u(8);
            r.skip(8); // matrix_coefficients
            if (!r.failed()) transfer = stated;
        }
    }
    if (r.flag()) { // chroma location
        r.ue();
        r.ue();
    }
    if (r.flag()) read_timing(r, sps);
    read_restriction(r, sps);
}

bool read_size(BitReader &r, AvcSps &sps, bool separate_planes) {
    const uint64_t width = (uint64_t(r.ue()) + 1) * 16;
    const uint64_t map_height = (uint64_t(r.ue()) + 1) * 16;
    const bool frames_only = r.flag();
    sps.interlaced = !frames_only;
    if (!frames_only) r.skip(1);
    r.skip(1); // direct_8x8_inference_flag
    const uint64_t height = map_height * (frames_only ? 1 : 2);
    if (r.failed() || width > max_side || height > max_side) return false;
    uint64_t crop_x = 0, crop_y = 0;
    if (r.flag()) {
        const unsigned chroma = separate_planes ? 0 : sps.chroma_format;
        const unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
        const unsigned unit_y = (chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
        crop_x = (uint64_t(r.ue()) + r.ue()) * unit_x;
        crop_y = (uint64_t(r.ue()) + r.ue()) * unit_y;
    }
    if (r.failed() || crop_x >= width || crop_y >= height) return false;
    sps.coded_width = static_cast<unsigned>(width);
    sps.coded_height = static_cast<unsigned>(height);
    sps.width = static_cast<unsigned>(width - crop_x);
    sps.height = static_cast<unsigned>(height - crop_y);
    return true;
}

Result parse_sps(ByteView nal, AvcSps &result, unsigned &transfer) {
    if (avc_nal_type(nal) != avc_sps) return Result::error("not an SPS");
    if (nal.size() > max_sps_size)
        return Result::error("SPS of " + std::to_string(nal.size()) + " bytes");
    const std::vector<uint8_t> raw = unescape(nal.subspan(1));
    BitReader r(raw);
    AvcSps sps;
    sps.profile = static_cast<uint8_t>(r.u(8));
    sps.compatibility = static_cast<uint8_t>(r.u(8));
    sps.level = static_cast<uint8_t>(r.u(8));
    sps.id = r.ue();
    if (r.failed() || sps.id > 31) return Result::error("broken SPS: id");
    bool separate_planes = false;
    if (has_chroma_fields(sps.profile) && !read_chroma_fields(r, sps, separate_planes))
        return Result::error("broken SPS: chroma format or bit depth");
    uint32_t order_type = 0;
    if (r.ue() > 12 || !read_picture_order_count(r, order_type) || r.failed())
        return Result::error("broken SPS: frame numbering");
    const uint32_t references = r.ue();
    if (references > max_ref_frames) return Result::error("broken SPS: reference frames");
    // Baseline has no B slices, and frames of type 2 are displayed in decoding order (8.2.1.3).
    constexpr uint8_t baseline = 66;
    sps.reorder_frames = order_type == 2 || sps.profile == baseline ? 0 : references;
    r.skip(1); // gaps_in_frame_num_value_allowed_flag
    if (!read_size(r, sps, separate_planes)) return Result::error("broken SPS: picture size");
    if (r.flag()) read_vui(r, sps, transfer);
    result = sps;
    return Result::ok();
}

} // namespace

Result parse_avc_sps(ByteView nal, AvcSps &result) {
    unsigned transfer = unspecified;
    return parse_sps(nal, result, transfer);
}

unsigned avc_transfer(ByteView sps) {
    AvcSps parsed;
    unsigned transfer = unspecified;
    parse_sps(sps, parsed, transfer);
    return transfer;
}

} // namespace penstock::codec
