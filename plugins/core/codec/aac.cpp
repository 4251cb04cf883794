// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and writes AAC's configuration and its ADTS headers.
#include "core/codec/aac.h"

#include "core/codec/bits.h"

namespace penstock::codec {
namespace {

// ISO/IEC 14496-3 table 1.18.
constexpr unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                              22050, 16000, 12000, 11025, 8000,  7350};
constexpr unsigned rate_escape = 15;
constexpr unsigned max_rate = 384000;
constexpr uint8_t channels_of_config[] = {0, 1, 2, 3, 4, 5, 6, 8};

enum : uint8_t { aot_sbr = 5, aot_er_bsac = 22, aot_er_ld = 23, aot_ps = 29, aot_escape = 31 };

uint8_t read_object_type(BitReader &r) {
    const uint32_t type = r.u(5);
    return static_cast<uint8_t>(type == aot_escape ? 32 + r.u(6) : type);
}

unsigned read_rate(BitReader &r) {
    const uint32_t index = r.u(4);
    if (index == rate_escape) return r.u(24);
    return index < std::size(rates) ? rates[index] : 0;
}

// Table 4.82: the table entry that applies to a non-standard rate.
unsigned rate_index(unsigned rate) {
    constexpr unsigned lower[] = {92017, 75132, 55426, 46009, 37566, 27713,
                                  23004, 18783, 13856, 11502, 9391};
    unsigned index = 0;
    while (index < std::size(lower) && rate < lower[index])
        ++index;
    return rate == 7350 ? 12 : index;
}

// 4.4.1.1 program_config_element: counts the channels and finds the equivalent standard layout.
bool read_program_config(BitReader &r, AacConfig &config) {
    r.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
    const unsigned front = r.u(4), side = r.u(4), back = r.u(4), lfe = r.u(2);
    const unsigned assoc = r.u(3), coupling = r.u(4);
    for (unsigned bits : {4u, 4u, 3u}) // mono, stereo and matrix mixdown
        if (r.flag()) r.skip(bits);
    // One letter per element: s single, p pair.
    std::string layout;
    auto elements = [&](unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            const bool pair = r.flag();
            r.skip(4);
            layout += pair ? 'p' : 's';
            config.channels += pair ? 2 : 1;
        }
        layout += '/';
    };
    elements(front);
    elements(side);
    elements(back);
    layout += static_cast<char>('0' + lfe);
    config.channels += lfe;
    r.skip(4 * lfe + 4 * assoc + 5 * coupling);
    r.align();
    const uint32_t comment = r.u(8);
    r.skip(comment * size_t(8));
    static constexpr const char *standard[] = {"",        "s///0",   "p///0",   "sp///0",
                                               "sp//s/0", "sp//p/0", "sp//p/1", "spp//p/1"};
    for (uint8_t i = 1; i < std::size(standard); ++i)
        if (layout == standard[i]) config.channel_config = i;
    return !r.failed();
}

// 4.4.1 GASpecificConfig.
bool read_general_audio(BitReader &r, AacConfig &config) {
    const bool short_frames = r.flag();
    config.frame_length =
        config.object_type == aot_er_ld ? (short_frames ? 480 : 512) : (short_frames ? 960 : 1024);
    if (r.flag()) r.skip(14); // coreCoderDelay
    const bool extension = r.flag();
    if (config.channel_config == 0 && !read_program_config(r, config)) return false;
    if (config.object_type == 6 || config.object_type == 20) r.skip(3); // layerNr
    if (extension && config.object_type >= 17) {
        if (config.object_type == aot_er_bsac) r.skip(5 + 11);
        if (config.object_type == 17 || config.object_type == 19 || config.object_type == 20 ||
            config.object_type == aot_er_ld)
            r.skip(3);
        r.skip(1);
    }
    return !r.failed();
}

bool is_general_audio(uint8_t type) {
    return (type >= 1 && type <= 7 && type != aot_sbr) || type == 17 ||
           (type >= 19 && type <= aot_er_ld);
}

// 1.6.6.2: HE-AAC signalled after a configuration that old decoders read as plain AAC.
void read_sync_extension(BitReader &r, AacConfig &config) {
    if (config.sbr || r.remaining() < 16 || r.u(11) != 0x2B7) return;
    if (read_object_type(r) != aot_sbr || !r.flag()) return;
    const unsigned rate = read_rate(r);
    if (r.failed() || rate == 0 || rate > max_rate) return;
    config.sbr = true;
    config.output_rate = rate;
    if (r.remaining() >= 12 && r.u(11) == 0x548) config.ps = r.flag();
}

} // namespace

Result parse_aac_config(ByteView asc, AacConfig &result) {
    BitReader r(asc);
    AacConfig config;
    config.object_type = read_object_type(r);
    config.rate = read_rate(r);
    config.output_rate = config.rate;
    config.channel_config = static_cast<uint8_t>(r.u(4));
    if (config.object_type == aot_sbr || config.object_type == aot_ps) {
        config.sbr = true;
        config.ps = config.object_type == aot_ps;
        config.output_rate = read_rate(r);
        config.object_type = read_object_type(r);
        if (config.object_type == aot_er_bsac) r.skip(4);
    }
    if (r.failed())
        return Result::error("AAC configuration of only " + std::to_string(asc.size()) + " bytes");
    if (!is_general_audio(config.object_type))
        return Result::error("MPEG-4 audio object type " + std::to_string(config.object_type) +
                             " is not AAC");
    if (config.rate == 0 || config.rate > max_rate || config.output_rate == 0 ||
        config.output_rate > max_rate)
        return Result::error("AAC configuration with a reserved sample rate");
    if (config.channel_config >= std::size(channels_of_config))
        return Result::error("AAC configuration with a reserved channel layout");
    config.channels = channels_of_config[config.channel_config];
    // Some encoders omit everything after the channel layout; defaults apply, unless the layout
    // itself is still to come.
    const bool layout_follows = config.channel_config == 0;
    if (!read_general_audio(r, config) && layout_follows)
        return Result::error("AAC configuration ends inside its channel layout");
    if (config.channels == 0) return Result::error("AAC configuration without channels");
    read_sync_extension(r, config);
    config.output_channels = config.ps && config.channels == 1 ? 2 : config.channels;
    result = config;
    return Result::ok();
}

std::vector<uint8_t> build_aac_config(uint8_t object_type, unsigned rate, uint8_t channel_config) {
    BitWriter w;
    w.u(5, object_type);
    const unsigned index = rate_index(rate);
    if (rates[index] == rate)
        w.u(4, index);
    else
        w.u(4, rate_escape).u(24, rate);
    w.u(4, channel_config).u(3, 0);
    return w.take();
}

bool write_adts_header(const AacConfig &config, size_t payload_size,
                       std::array<uint8_t, adts_header_size> &out) {
    const size_t size = payload_size + adts_header_size;
    if (size > 0x1FFF || config.object_type < 1 || config.object_type > 4) return false;
    uint64_t bits = 0; // 56 of them
    const auto put = [&bits](unsigned count, uint64_t value) { bits = bits << count | value; };
    put(16, 0xFFF1); // sync word, MPEG-4, layer, no CRC
    put(2, config.object_type - 1u);
    put(4, rate_index(config.rate));
    put(4, config.channel_config); // and a private bit
    put(4, 0);
    put(13, size);
    put(11, 0x7FF); // fullness: variable
    put(2, 0);      // one block
    for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<uint8_t>(bits >> 8 * (out.size() - 1 - i));
    return true;
}

bool append_adts(const AacConfig &config, ByteView payload, std::vector<uint8_t> &out) {
    std::array<uint8_t, adts_header_size> header;
    if (!write_adts_header(config, payload.size(), header)) return false;
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), payload.begin(), payload.end());
    return true;
}

Result parse_adts(ByteView bytes, AdtsHeader &result) {
    if (bytes.size() < adts_header_size) return Result::need_more();
    BitReader r(bytes);
    AdtsHeader header;
    if (r.u(12) != 0xFFF) return Result::error("no ADTS sync word");
    r.skip(1);
    const bool layer_ok = r.u(2) == 0;
    header.header_size = r.flag() ? 7 : 9;
    header.config.object_type = static_cast<uint8_t>(r.u(2) + 1);
    const unsigned index = r.u(4);
    r.skip(1);
    header.config.channel_config = static_cast<uint8_t>(r.u(3));
    r.skip(4);
    header.frame_size = r.u(13);
    r.skip(11);
    header.raw_blocks = r.u(2) + 1;
    if (!layer_ok || index >= std::size(rates)) return Result::error("broken ADTS header");
    if (header.frame_size < header.header_size)
        return Result::error("ADTS frame shorter than its header");
    header.config.rate = header.config.output_rate = rates[index];
    header.config.channels = channels_of_config[header.config.channel_config];
    header.config.output_channels = header.config.channels;
    result = header;
    return Result::ok();
}

std::string codec_string(const AacConfig &config) {
    const unsigned type = config.ps    ? unsigned(aot_ps)
                          : config.sbr ? unsigned(aot_sbr)
                                       : config.object_type;
    return "mp4a.40." + std::to_string(type);
}

} // namespace penstock::codec
