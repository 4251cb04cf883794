// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV and codec data shared by several tests.
#pragma once

#include "core/bytes/writer.h"
#include "core/codec/avc.h"
#include "core/flv/tag.h"

#include <string_view>
#include <vector>

namespace samples {

using penstock::Bytes;
using penstock::ByteView;
namespace flv = penstock::flv;

inline std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> bytes;
    int high = -1;
    for (char c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) continue;
        if (high < 0) {
            high = digit;
        } else {
            bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
            high = -1;
        }
    }
    return bytes;
}

/// From x264 for 320x180, 25 fps, High profile, level 1.2.
inline const std::vector<uint8_t> sps =
    from_hex("6764000c acd94141 9f9f0110 00000300 10000003 0320f142 9960");
/// For 1280x720.
inline const std::vector<uint8_t> other_sps =
    from_hex("6764001f acb200a0 0b742000 00030020 00000781 e3064901");
inline const std::vector<uint8_t> pps = from_hex("68ebe3cb22c0");

inline std::vector<uint8_t> avc_config(const std::vector<uint8_t> &set = sps) {
    penstock::codec::AvcConfig config;
    (void)penstock::codec::make_avc_config({set}, {pps}, config);
    return penstock::codec::build_avc_config(config);
}

inline std::vector<uint8_t> joined(std::initializer_list<ByteView> parts) {
    std::vector<uint8_t> all;
    for (ByteView part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

inline flv::Tag video_config(uint32_t ms = 0, const std::vector<uint8_t> &set = sps) {
    const uint8_t head[] = {0x17, 0, 0, 0, 0};
    return flv::make_tag(flv::TagType::video, ms, joined({head, avc_config(set)}));
}

/// A single slice of two bytes; `mark` distinguishes frames.
inline flv::Tag video_frame(uint32_t ms, bool key, uint8_t mark = 0, int composition = 0) {
    const uint8_t body[] = {uint8_t(key ? 0x17 : 0x27),
                            1,
                            uint8_t(composition >> 16),
                            uint8_t(composition >> 8),
                            uint8_t(composition),
                            0,
                            0,
                            0,
                            2,
                            uint8_t(key ? 0x65 : 0x41),
                            mark};
    return flv::make_tag(flv::TagType::video, ms, body);
}

/// AAC-LC, 44.1 kHz, stereo by default.
inline flv::Tag audio_config(uint32_t ms = 0, uint16_t asc = 0x1210) {
    const uint8_t body[] = {0xAF, 0, uint8_t(asc >> 8), uint8_t(asc)};
    return flv::make_tag(flv::TagType::audio, ms, body);
}

inline flv::Tag audio_frame(uint32_t ms, uint8_t mark = 0) {
    const uint8_t body[] = {0xAF, 1, 0x21, mark};
    return flv::make_tag(flv::TagType::audio, ms, body);
}

/// onMetaData with one number.
inline flv::Tag metadata(double width = 320) {
    penstock::Writer w;
    w.u8(2).u16(10).text("onMetaData").u8(8).u32(1).u16(5).text("width").u8(0).f64(width);
    w.u16(0).u8(9);
    return flv::make_tag(flv::TagType::script, 0, w.view());
}

} // namespace samples
