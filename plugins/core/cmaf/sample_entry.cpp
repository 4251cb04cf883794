// SPDX-License-Identifier: LGPL-2.1-or-later
// Sample entries and codec strings. ISO/IEC 14496-15 (avc, hvc), AV1 and VP in ISOBMFF, ISO/IEC
// 14496-14 (mp4a), Opus and FLAC in ISOBMFF, ETSI TS 102 366 annex F (AC-3).
#include "core/cmaf/box.h"
#include "core/cmaf/track.h"

#include <algorithm>
#include <cstdio>

namespace penstock::cmaf {
namespace {

constexpr size_t stream_info_size = 34;
constexpr size_t largest_config = 1 << 16;

const char *entry_type(const Track &track) {
    switch (track.codec) {
    case Codec::avc:
        return track.in_band ? "avc3" : "avc1";
    case Codec::hevc:
        return "hvc1";
    case Codec::av1:
        return "av01";
    case Codec::vp9:
        return "vp09";
    case Codec::aac:
        return "mp4a";
    case Codec::opus:
        return "Opus";
    case Codec::ac3:
        return "ac-3";
    case Codec::eac3:
        return "ec-3";
    case Codec::flac:
        break;
    }
    return "fLaC";
}

/// The fewest bytes of a configuration.
size_t smallest_config(Codec codec) {
    switch (codec) {
    case Codec::avc:
        return 7;
    case Codec::hevc:
        return 23;
    case Codec::av1:
        return 4;
    case Codec::vp9:
        return 8;
    case Codec::aac:
        return 2;
    case Codec::opus:
        return 11;
    case Codec::ac3:
        return 3;
    case Codec::eac3:
        return 5;
    case Codec::flac:
        break;
    }
    return stream_info_size;
}

/// A descriptor of ISO/IEC 14496-1, 8.3.3, whose size takes four bytes.
void write_descriptor_head(Writer &w, uint8_t tag, size_t size) {
    w.u8(tag).u8(0x80).u8(0x80).u8(0x80 | (size >> 7 & 0x7F)).u8(size & 0x7F);
}

void write_esds(Writer &w, const Track &track) {
    Box box(w, "esds", 0, 0);
    const size_t specific = track.config.size(), config = 13 + 5 + specific;
    write_descriptor_head(w, 3, 3 + 5 + config + 5 + 1);
    w.u16(track.id).u8(0);
    write_descriptor_head(w, 4, config);
    w.u8(0x40).u8(0x15); // MPEG-4 audio, an audio stream
    w.u24(0).u32(0).u32(0);
    write_descriptor_head(w, 5, specific);
    w.bytes(track.config);
    write_descriptor_head(w, 6, 1);
    w.u8(2); // reserved for use in MP4 files
}

void write_config(Writer &w, const Track &track) {
    if (track.codec == Codec::aac) return write_esds(w, track);
    if (track.codec == Codec::flac) {
        Box box(w, "dfLa", 0, 0);
        w.u8(0x80).u24(track.config.size()).bytes(track.config); // the last metadata block
        return;
    }
    if (track.codec == Codec::vp9) {
        Box box(w, "vpcC", 1, 0);
        w.bytes(track.config);
        return;
    }
    const char *type = "dec3";
    if (track.codec == Codec::avc) type = "avcC";
    if (track.codec == Codec::hevc) type = "hvcC";
    if (track.codec == Codec::av1) type = "av1C";
    if (track.codec == Codec::opus) type = "dOps";
    if (track.codec == Codec::ac3) type = "dac3";
    Box box(w, type);
    w.bytes(track.config);
}

void write_video_entry(Writer &w, const Track &track) {
    w.u32(0).u16(0).u16(1);        // reserved, data reference 1
    w.u32(0).u32(0).u32(0).u32(0); // predefined
    w.u16(track.width).u16(track.height);
    w.u32(0x480000).u32(0x480000).u32(0).u16(1); // 72 dpi, one frame a sample
    w.vector().insert(w.vector().end(), 32, 0);  // compressor name
    w.u16(0x18).u16(0xFFFF);
    write_config(w, track);
    if (track.par_num != track.par_den && track.par_num > 0 && track.par_den > 0) {
        Box box(w, "pasp");
        w.u32(track.par_num).u32(track.par_den);
    }
}

void write_audio_entry(Writer &w, const Track &track) {
    w.u32(0).u16(0).u16(1); // reserved, data reference 1
    w.u32(0).u32(0);
    w.u16(track.channels).u16(16).u32(0); // a sample of 16 bits, predefined
    // 16.16 fixed point: a larger rate is in the codec's configuration only.
    w.u32(track.rate <= 0xFFFF ? uint64_t(track.rate) << 16 : 0);
    write_config(w, track);
}

template <class... Values>
std::string format(const char *pattern, Values... values) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

/// ISO/IEC 14496-15, annex E.
std::string hevc_string(ByteView c) {
    static const char *const spaces[] = {"", "A", "B", "C"};
    uint32_t compatibility = 0; // its bits in reverse
    for (unsigned i = 0; i < 32; ++i)
        compatibility |= uint32_t(c[2 + i / 8] >> (7 - i % 8) & 1) << i;
    std::string text = format("hvc1.%s%u.%X.%c%u", spaces[c[1] >> 6], c[1] & 0x1Fu, compatibility,
                              c[1] & 0x20 ? 'H' : 'L', unsigned(c[12]));
    size_t end = 12;
    while (end > 6 && c[end - 1] == 0)
        --end;
    for (size_t i = 6; i < end; ++i)
        text += format(".%X", unsigned(c[i]));
    return text;
}

std::string aac_string(ByteView c) {
    unsigned type = c[0] >> 3;
    if (type == 31) type = 32 + ((c[0] & 7u) << 3 | c[1] >> 5);
    return format("mp4a.40.%u", type);
}

} // namespace

Result check(const Track &track) {
    const std::string name = entry_type(track);
    if (track.config.size() < smallest_config(track.codec) || track.config.size() > largest_config)
        return Result::error("the configuration of " + name + " has " +
                             std::to_string(track.config.size()) + " bytes");
    if (track.id == 0 || track.timescale == 0)
        return Result::error(name + " has no track id or no timescale");
    if (is_video(track.codec)) {
        if (track.width == 0 || track.height == 0 || track.width > 0xFFFF || track.height > 0xFFFF)
            return Result::error(name + " of " + std::to_string(track.width) + "x" +
                                 std::to_string(track.height) + " pixels");
        return Result::ok();
    }
    if (track.rate == 0 || track.channels == 0 || track.channels > 255)
        return Result::error(name + " of " + std::to_string(track.rate) + " Hz and " +
                             std::to_string(track.channels) + " channels");
    if (track.codec == Codec::aac && track.config.size() > 64)
        return Result::error("an AudioSpecificConfig of " + std::to_string(track.config.size()) +
                             " bytes");
    return Result::ok();
}

std::string codec_string(const Track &track) {
    const ByteView c = track.config;
    if (c.size() < smallest_config(track.codec)) return {};
    switch (track.codec) {
    case Codec::avc:
        return std::string(entry_type(track)) + format(".%02x%02x%02x", c[1], c[2], c[3]);
    case Codec::hevc:
        return hevc_string(c);
    case Codec::av1: {
        const unsigned depth = c[2] & 0x40 ? (c[2] & 0x20 ? 12 : 10) : 8;
        return format("av01.%u.%02u%c.%02u", c[1] >> 5u, c[1] & 0x1Fu, c[2] & 0x80 ? 'H' : 'M',
                      depth);
    }
    case Codec::vp9:
        return format("vp09.%02u.%02u.%02u", unsigned(c[0]), unsigned(c[1]), c[2] >> 4u);
    case Codec::aac:
        return aac_string(c);
    case Codec::opus:
        return "opus";
    case Codec::ac3:
        return "ac-3";
    case Codec::eac3:
        return "ec-3";
    case Codec::flac:
        break;
    }
    return "fLaC";
}

void write_sample_entry(const Track &track, Writer &out) {
    Box box(out, entry_type(track));
    if (is_video(track.codec))
        write_video_entry(out, track);
    else
        write_audio_entry(out, track);
}

} // namespace penstock::cmaf
