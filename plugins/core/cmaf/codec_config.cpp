// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cmaf/codec_config.h"

#include "core/bytes/reader.h"
#include "core/codec/aac.h"
#include "core/codec/av1.h"
#include "core/codec/bits.h"

#include <algorithm>
#include <array>

namespace penstock::cmaf {
namespace {

using codec::BitReader;

constexpr std::array<unsigned, 3> ac3_rates{48'000, 44'100, 32'000};
constexpr std::array<unsigned, 8> ac3_channels{2, 1, 2, 3, 3, 4, 4, 5};
constexpr unsigned opus_rate = 48'000;
constexpr size_t stream_info_size = 34;

void set_audio(Track &track, Codec codec, unsigned rate, unsigned channels,
               std::vector<uint8_t> config) {
    track.codec = codec;
    track.rate = track.timescale = rate;
    track.channels = channels;
    track.width = track.height = 0;
    track.config = std::move(config);
}

bool starts_with(ByteView bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin());
}

/// The level of VP9 that has this picture size, at an ordinary frame rate.
unsigned vp9_level(uint64_t pixels) {
    constexpr std::pair<uint64_t, unsigned> levels[] = {
        {36'864, 10},  {73'728, 11},  {122'880, 20},   {245'760, 21},
        {552'960, 30}, {983'040, 31}, {2'228'224, 41}, {8'912'896, 51},
    };
    for (const auto &[largest, level] : levels)
        if (pixels <= largest) return level;
    return 61;
}

/// Colour primaries, transfer and matrix (ITU-T H.273) of VP9's color_space.
std::array<uint8_t, 3> vp9_colour(unsigned space) {
    switch (space) {
    case 1:
        return {5, 6, 5};
    case 2:
        return {1, 1, 1};
    case 3:
        return {6, 6, 6};
    case 4:
        return {7, 7, 7};
    case 5:
        return {9, 14, 9};
    case 7:
        return {1, 13, 0};
    default:
        return {2, 2, 2};
    }
}

} // namespace

Result configure_aac(ByteView specific_config, Track &track) {
    codec::AacConfig config;
    if (Result result = codec::parse_aac_config(specific_config, config); !result.is_ok())
        return result;
    if (specific_config.size() > 64)
        return Result::error("an AudioSpecificConfig that is too long");
    set_audio(track, Codec::aac, config.rate, config.channels,
              {specific_config.begin(), specific_config.end()});
    return Result::ok();
}

Result configure_opus(ByteView head, Track &track) {
    if (!starts_with(head, "OpusHead") || head.size() < 19)
        return Result::error("not an Opus header");
    const unsigned channels = head[9], family = head[18];
    const size_t mapping = family == 0 ? 0 : 2 + channels;
    if (head[8] >> 4 != 0 || channels == 0 || head.size() < 19 + mapping ||
        (family == 0 && channels > 2))
        return Result::error("an invalid Opus header");
    const auto little = [&](size_t at, unsigned size) {
        uint32_t value = 0;
        for (unsigned i = 0; i < size; ++i)
            value |= uint32_t(head[at + i]) << (8 * i);
        return value;
    };
    Writer w; // dOps is big-endian, the header little-endian
    w.u8(0).u8(channels).u16(little(10, 2)).u32(little(12, 4)).u16(little(16, 2)).u8(family);
    w.bytes(head.subspan(19, mapping));
    set_audio(track, Codec::opus, opus_rate, channels, w.take());
    return Result::ok();
}

Result configure_opus(unsigned channels, Track &track) {
    if (channels < 1 || channels > 2)
        return Result::error("Opus with " + std::to_string(channels) +
                             " channels and no header: put opusparse in front");
    Writer w;
    w.u8(0).u8(channels).u16(312).u32(opus_rate).u16(0).u8(0);
    set_audio(track, Codec::opus, opus_rate, channels, w.take());
    return Result::ok();
}

Result configure_flac(ByteView header, Track &track) {
    constexpr size_t block_head = 4;
    if (starts_with(header, "\x7f"
                            "FLAC"))
        header = header.subspan(std::min<size_t>(header.size(), 9));
    if (starts_with(header, "fLaC")) header = header.subspan(4);
    if (header.size() > stream_info_size && (header[0] & 0x7F) == 0)
        header = header.subspan(block_head);
    if (header.size() < stream_info_size) return Result::error("no STREAMINFO in FLAC's header");
    header = header.first(stream_info_size);
    BitReader r(header);
    r.skip(80); // block and frame sizes
    const unsigned rate = r.u(20), channels = r.u(3) + 1;
    if (rate == 0) return Result::error("FLAC of 0 Hz");
    set_audio(track, Codec::flac, rate, channels, {header.begin(), header.end()});
    return Result::ok();
}

Result configure_ac3(ByteView frame, Track &track) {
    BitReader r(frame);
    const bool sync = r.u(16) == 0x0B77;
    r.skip(16);
    const unsigned rate = r.u(2), size = r.u(6), bsid = r.u(5), bsmod = r.u(3), acmod = r.u(3);
    if (acmod & 1 && acmod != 1) r.skip(2);
    if (acmod & 4) r.skip(2);
    if (acmod == 2) r.skip(2);
    const unsigned lfe = r.u(1);
    if (!sync || r.failed() || rate > 2 || size > 37 || bsid > 8)
        return Result::error("not an AC-3 frame");
    codec::BitWriter w;
    w.u(2, rate).u(5, bsid).u(3, bsmod).u(3, acmod).u(1, lfe).u(5, size >> 1).u(5, 0);
    set_audio(track, Codec::ac3, ac3_rates[rate], ac3_channels[acmod] + lfe, w.take());
    return Result::ok();
}

Result configure_eac3(ByteView frame, Track &track) {
    BitReader r(frame);
    const bool sync = r.u(16) == 0x0B77;
    const unsigned type = r.u(2);
    r.skip(3);
    const unsigned words = r.u(11) + 1, code = r.u(2), blocks_or_rate = r.u(2);
    const unsigned acmod = r.u(3), lfe = r.u(1), bsid = r.u(5);
    if (!sync || r.failed() || type == 1 || bsid < 11 || bsid > 16 ||
        (code == 3 && blocks_or_rate == 3))
        return Result::error("not an E-AC-3 frame");
    const unsigned rate = code == 3 ? ac3_rates[blocks_or_rate] / 2 : ac3_rates[code];
    constexpr std::array<unsigned, 4> block_counts{1, 2, 3, 6};
    const unsigned blocks = code == 3 ? 6 : block_counts[blocks_or_rate];
    const uint64_t kbits = uint64_t(words) * 16 * rate / (uint64_t(blocks) * 256) / 1000;
    codec::BitWriter w;
    w.u(13, static_cast<uint32_t>(std::min<uint64_t>(kbits, 8191))).u(3, 0); // one substream
    w.u(2, code).u(5, bsid).u(1, 0).u(1, 0).u(3, 0).u(3, acmod).u(1, lfe).u(3, 0).u(4, 0).u(1, 0);
    set_audio(track, Codec::eac3, rate, ac3_channels[acmod] + lfe, w.take());
    return Result::ok();
}

Result configure_av1(ByteView unit, Track &track) {
    std::vector<uint8_t> record;
    if (Result result = codec::make_av1_config(unit, record); !result.is_ok()) return result;
    codec::Av1Config config;
    if (Result result = codec::parse_av1_config(record, config); !result.is_ok()) return result;
    if (config.width > 0xFFFF || config.height > 0xFFFF)
        return Result::error("AV1 of more than 65535 pixels a side");
    track.codec = Codec::av1;
    track.width = config.width;
    track.height = config.height;
    track.config = std::move(record);
    return Result::ok();
}

Result configure_vp9(ByteView frame, Track &track) {
    BitReader r(frame);
    const bool marker = r.u(2) == 2;
    unsigned profile = r.u(1);
    profile |= r.u(1) << 1;
    if (profile == 3) r.skip(1);
    const bool existing = r.flag(), inter = r.flag();
    r.skip(2);
    if (!marker || existing || inter || r.u(24) != 0x498342)
        return Result::error("not a VP9 keyframe");
    const unsigned depth = profile < 2 ? 8 : r.flag() ? 12 : 10;
    const unsigned space = r.u(3);
    bool full_range = true;
    unsigned x = 1, y = 1;
    const bool other = profile == 1 || profile == 3;
    if (space != 7) {
        full_range = r.flag();
        if (other) {
            x = r.u(1);
            y = r.u(1);
            r.skip(1);
        }
    } else {
        x = y = 0;
        if (other) r.skip(1);
    }
    const unsigned width = r.u(16) + 1, height = r.u(16) + 1;
    if (r.failed() || width > 0xFFFF || height > 0xFFFF)
        return Result::error("a broken VP9 keyframe");
    const unsigned subsampling = x && y ? 1 : x ? 2 : 3;
    const auto colour = vp9_colour(space);
    Writer w;
    w.u8(profile).u8(vp9_level(uint64_t(width) * height));
    w.u8(depth << 4 | subsampling << 1 | unsigned(full_range));
    w.bytes(colour).u16(0);
    track.codec = Codec::vp9;
    track.width = width;
    track.height = height;
    track.config = w.take();
    return Result::ok();
}

} // namespace penstock::cmaf
