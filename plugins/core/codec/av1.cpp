// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/codec/av1.h"

#include "core/bytes/reader.h"
#include "core/codec/bits.h"

namespace penstock::codec {
namespace {

constexpr uint8_t obu_sequence_header = 1, obu_temporal_delimiter = 2;
constexpr uint8_t record_version = 0x81; // with the marker bit

struct Obu {
    uint8_t type = 0;
    ByteView payload;
};

// 5.3.2. False at the end or if it is broken.
bool next_obu(Reader &r, Obu &obu) {
    if (r.remaining() == 0) return false;
    const uint8_t first = r.u8();
    obu.type = first >> 3 & 15;
    if (first & 4) r.skip(1); // extension
    size_t size = r.remaining();
    if (first & 2) {
        size = 0;
        for (unsigned i = 0; i < 8; ++i) {
            const uint8_t byte = r.u8();
            size |= size_t(byte & 0x7F) << 7 * i;
            if ((byte & 0x80) == 0) break;
        }
    }
    obu.payload = r.take(size);
    return (first & 0x80) == 0 && !r.failed();
}

// 5.5.3 and 5.5.4; returns the length of a decoder model's delays.
unsigned skip_timing(BitReader &r, bool &has_model) {
    r.skip(64);
    if (r.flag()) r.ue(); // uvlc, which has the form of an Exp-Golomb code
    has_model = r.flag();
    if (!has_model) return 0;
    const unsigned length = r.u(5) + 1;
    r.skip(32 + 5 + 5);
    return length;
}

// 5.5.1, between the profile and the operating points' end.
void read_operating_points(BitReader &r, Av1Config &config) {
    bool has_model = false;
    unsigned delay_bits = 0;
    if (r.flag()) delay_bits = skip_timing(r, has_model);
    const bool has_display_delay = r.flag();
    const unsigned count = r.u(5) + 1;
    for (unsigned i = 0; i < count && !r.failed(); ++i) {
        r.skip(12);
        const unsigned level = r.u(5);
        const unsigned tier = level > 7 ? r.u(1) : 0;
        if (i == 0) {
            config.level = level;
            config.tier = tier;
        }
        if (has_model && r.flag()) r.skip(2 * delay_bits + 1);
        if (has_display_delay && r.flag()) r.skip(4);
    }
}

// 5.5.1, the tools that stand between the size and the colours.
void skip_tools(BitReader &r, bool reduced) {
    r.skip(3);
    if (!reduced) {
        r.skip(4);
        const bool order_hint = r.flag();
        if (order_hint) r.skip(2);
        const unsigned screen_content = r.flag() ? 2 : r.u(1);
        if (screen_content > 0 && !r.flag()) r.skip(1);
        if (order_hint) r.skip(3);
    }
    r.skip(3);
}

// 5.5.2.
void read_colours(BitReader &r, Av1Config &config) {
    config.high_bitdepth = r.flag();
    config.twelve_bit = config.profile == 2 && config.high_bitdepth && r.flag();
    config.monochrome = config.profile != 1 && r.flag();
    unsigned primaries = 2, transfer = 2, matrix = 2;
    if (r.flag()) {
        primaries = r.u(8);
        transfer = r.u(8);
        matrix = r.u(8);
    }
    config.subsampling_x = config.subsampling_y = true;
    if (config.monochrome) return;
    if (primaries == 1 && transfer == 13 && matrix == 0) {
        config.subsampling_x = config.subsampling_y = false;
        return;
    }
    r.skip(1); // range
    if (config.profile == 1) {
        config.subsampling_x = config.subsampling_y = false;
    } else if (config.profile == 2) {
        config.subsampling_x = !config.twelve_bit || r.flag();
        config.subsampling_y = config.twelve_bit && config.subsampling_x && r.flag();
    }
    if (config.subsampling_x && config.subsampling_y) config.sample_position = r.u(2);
}

} // namespace

Result parse_av1_sequence_header(ByteView payload, Av1Config &config) {
    BitReader r(payload);
    config = {};
    config.profile = r.u(3);
    if (config.profile > 2) return Result::error("AV1 of a reserved profile");
    r.skip(1);
    const bool reduced = r.flag();
    if (reduced)
        config.level = r.u(5);
    else
        read_operating_points(r, config);
    const unsigned width_bits = r.u(4) + 1, height_bits = r.u(4) + 1;
    config.width = r.u(width_bits) + 1;
    config.height = r.u(height_bits) + 1;
    if (!reduced && r.flag()) r.skip(7); // frame ids
    skip_tools(r, reduced);
    read_colours(r, config);
    return r.failed() ? Result::error("AV1 sequence header that is cut short") : Result::ok();
}

Result make_av1_config(ByteView unit, std::vector<uint8_t> &record) {
    Reader r(unit);
    for (Obu obu; next_obu(r, obu);) {
        if (obu.type != obu_sequence_header) continue;
        Av1Config config;
        if (Result result = parse_av1_sequence_header(obu.payload, config); !result.is_ok())
            return result;
        record = BitWriter()
                     .u(8, record_version)
                     .u(3, config.profile)
                     .u(5, config.level)
                     .u(1, config.tier)
                     .u(1, config.high_bitdepth)
                     .u(1, config.twelve_bit)
                     .u(1, config.monochrome)
                     .u(1, config.subsampling_x)
                     .u(1, config.subsampling_y)
                     .u(2, config.sample_position)
                     .u(8, 0)
                     .take();
        // The header itself, always with its size.
        record.push_back(obu_sequence_header << 3 | 2);
        size_t size = obu.payload.size();
        for (; size > 0x7F; size >>= 7)
            record.push_back(static_cast<uint8_t>(0x80 | (size & 0x7F)));
        record.push_back(static_cast<uint8_t>(size));
        record.insert(record.end(), obu.payload.begin(), obu.payload.end());
        return Result::ok();
    }
    return Result::error("AV1 without a sequence header");
}

Result parse_av1_config(ByteView record, Av1Config &config) {
    if (record.size() < 4) return Result::error("AV1 configuration that is cut short");
    if (record[0] != record_version)
        return Result::error("AV1 configuration of version " + std::to_string(record[0] & 0x7F));
    Reader r(record.subspan(4));
    for (Obu obu; next_obu(r, obu);)
        if (obu.type == obu_sequence_header &&
            parse_av1_sequence_header(obu.payload, config).is_ok())
            return Result::ok();
    BitReader bits(record.subspan(1));
    config = {};
    config.profile = bits.u(3);
    config.level = bits.u(5);
    config.tier = bits.u(1);
    config.high_bitdepth = bits.flag();
    config.twelve_bit = bits.flag();
    config.monochrome = bits.flag();
    config.subsampling_x = bits.flag();
    config.subsampling_y = bits.flag();
    config.sample_position = bits.u(2);
    return Result::ok();
}

ByteView without_temporal_delimiters(ByteView unit) {
    Reader r(unit);
    for (Obu obu; next_obu(r, obu) && obu.type == obu_temporal_delimiter;)
        unit = unit.last(r.remaining());
    return unit;
}

} // namespace penstock::codec
