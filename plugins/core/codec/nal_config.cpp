// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses and builds configuration records. Counts and lengths are bounded by the record's size.
#include "core/codec/nal_config.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/codec/avc.h"
#include "core/codec/bits.h"

#include <algorithm>

namespace penstock::codec {
namespace {

constexpr size_t hvcc_fixed = 22; // bytes before the number of arrays
enum : uint8_t { hevc_vps = 32, hevc_sps = 33, hevc_pps = 34 };

Result parse_hvcc(ByteView record, NalConfig &config) {
    Reader r(record);
    const uint8_t version = r.u8();
    r.skip(hvcc_fixed - 2);
    NalConfig parsed;
    parsed.length_size = (r.u8() & 3) + 1;
    const unsigned arrays = r.u8();
    if (r.failed())
        return Result::error("HEVC configuration of only " + std::to_string(record.size()) +
                             " bytes");
    // Drafts of the format had version 0, and some encoders still write it.
    if (version > 1)
        return Result::error("HEVC configuration of version " + std::to_string(version));
    for (unsigned i = 0; i < arrays; ++i) {
        r.skip(1); // the type, which the units contain as well
        const unsigned count = r.u16();
        for (unsigned j = 0; j < count && !r.failed(); ++j) {
            const ByteView unit = r.take(r.u16());
            if (unit.empty()) continue;
            const NalKind kind = nal_kind(NalCodec::hevc, unit);
            auto *list = kind == NalKind::vps   ? &parsed.vps
                         : kind == NalKind::sps ? &parsed.sps
                         : kind == NalKind::pps ? &parsed.pps
                                                : nullptr;
            if (list) list->emplace_back(unit.begin(), unit.end());
        }
        if (r.failed()) return Result::error("HEVC configuration ends inside its parameter sets");
    }
    if (parsed.sps.empty()) return Result::error("HEVC configuration without an SPS");
    config = std::move(parsed);
    return Result::ok();
}

// The fields of an SPS that the record repeats. H.265 7.3.2.2.1 and 7.3.3.
struct HevcSps {
    std::vector<uint8_t> profile; // general_profile_space to general_level_idc, 12 bytes
    unsigned sub_layers = 1, nested = 0, chroma_format = 1, depth_luma = 0, depth_chroma = 0;
    unsigned reorder = 0; ///< sps_max_num_reorder_pics of all sub-layers
};

Result parse_hevc_sps(ByteView unit, HevcSps &sps) {
    constexpr size_t profile_at = 3, profile_size = 12;
    const std::vector<uint8_t> raw = unescape(unit);
    if (raw.size() < profile_at + profile_size) return Result::error("HEVC SPS cut short");
    BitReader r(raw);
    r.skip(16 + 4);
    const unsigned more_layers = r.u(3);
    sps.sub_layers = more_layers + 1;
    sps.nested = r.u(1);
    sps.profile.assign(raw.begin() + profile_at, raw.begin() + profile_at + profile_size);
    r.skip(profile_size * 8);
    unsigned layer_bits = 0;
    for (unsigned i = 0; i < more_layers; ++i) {
        layer_bits += r.flag() ? 88 : 0;
        layer_bits += r.flag() ? 8 : 0;
    }
    if (more_layers > 0) r.skip(2 * (8 - more_layers) + layer_bits);
    r.ue(); // sps_seq_parameter_set_id
    sps.chroma_format = r.ue();
    if (sps.chroma_format == 3) r.skip(1);
    r.ue(); // width
    r.ue(); // height
    if (r.flag())
        for (int i = 0; i < 4; ++i)
            r.ue();
    sps.depth_luma = r.ue();
    sps.depth_chroma = r.ue();
    if (r.failed() || sps.chroma_format > 3 || sps.depth_luma > 7 || sps.depth_chroma > 7)
        return Result::error("broken HEVC SPS");
    r.ue(); // log2_max_pic_order_cnt_lsb_minus4
    for (unsigned i = r.flag() ? 0 : more_layers; i <= more_layers; ++i) {
        r.ue();
        sps.reorder = r.ue();
        r.ue();
    }
    if (r.failed() || sps.reorder > 16) sps.reorder = 16;
    return Result::ok();
}

Result build_hvcc(const NalConfig &config, std::vector<uint8_t> &record) {
    HevcSps sps;
    if (Result result = parse_hevc_sps(config.sps.front(), sps); !result.is_ok()) return result;
    Writer w;
    w.u8(1).bytes(sps.profile);
    w.u16(0xF000).u8(0xFC); // no information on spatial segmentation and parallelism
    w.u8(0xFC | sps.chroma_format).u8(0xF8 | sps.depth_luma).u8(0xF8 | sps.depth_chroma);
    w.u16(0); // average frame rate unknown
    w.u8(sps.sub_layers << 3 | sps.nested << 2 | (config.length_size - 1)).u8(3);
    const std::pair<uint8_t, const NalConfig::Sets *> arrays[] = {
        {hevc_vps, &config.vps}, {hevc_sps, &config.sps}, {hevc_pps, &config.pps}};
    for (const auto &[type, sets] : arrays) {
        w.u8(type).u16(sets->size()); // array_completeness 0: frames may contain further sets
        for (const auto &set : *sets)
            w.u16(set.size()).bytes(set);
    }
    record = w.take();
    return Result::ok();
}

bool known(const NalConfig::Sets &sets, ByteView unit) {
    return std::any_of(sets.begin(), sets.end(), [&](const auto &set) {
        return std::equal(set.begin(), set.end(), unit.begin(), unit.end());
    });
}

} // namespace

bool NalConfig::complete(NalCodec codec) const {
    return !sps.empty() && !pps.empty() && (codec == NalCodec::avc || !vps.empty());
}

Result parse_nal_config(NalCodec codec, ByteView record, NalConfig &config) {
    if (codec == NalCodec::hevc) return parse_hvcc(record, config);
    if (codec == NalCodec::vvc) {
        if (record.empty()) return Result::error("empty VVC configuration");
        config = {};
        config.length_size = (record[0] >> 1 & 3) + 1;
        return Result::ok();
    }
    AvcConfig avc;
    if (Result result = parse_avc_config(record, avc); !result.is_ok()) return result;
    config = {avc.length_size, {}, std::move(avc.sps), std::move(avc.pps)};
    return Result::ok();
}

Result build_nal_config(NalCodec codec, const NalConfig &config, std::vector<uint8_t> &record) {
    if (codec == NalCodec::vvc || !config.complete(codec))
        return Result::error("parameter sets are missing");
    if (codec == NalCodec::hevc) return build_hvcc(config, record);
    AvcConfig avc;
    if (Result result = make_avc_config(config.sps, config.pps, avc); !result.is_ok())
        return result;
    avc.length_size = static_cast<uint8_t>(config.length_size);
    record = build_avc_config(avc);
    return Result::ok();
}

std::optional<unsigned> reorder_depth(NalCodec codec, const NalConfig &config) {
    if (config.sps.empty()) return std::nullopt;
    if (codec == NalCodec::avc) {
        AvcSps sps;
        if (!parse_avc_sps(config.sps.front(), sps).is_ok()) return std::nullopt;
        return sps.reorder_frames;
    }
    HevcSps sps;
    if (codec != NalCodec::hevc || !parse_hevc_sps(config.sps.front(), sps).is_ok())
        return std::nullopt;
    return sps.reorder;
}

bool merge_parameter_sets(NalCodec codec, const std::vector<ByteView> &units, NalConfig &config) {
    if (codec == NalCodec::vvc) return false;
    bool changed = false;
    NalConfig::Sets vps, sps;
    bool other_vps = false, other_sps = false;
    for (const ByteView unit : units) {
        const NalKind kind = nal_kind(codec, unit);
        if (unit.size() < 4 || unit.size() > max_parameter_set) continue;
        auto &list = kind == NalKind::vps ? vps : sps;
        if ((kind != NalKind::vps && kind != NalKind::sps) || list.size() == max_parameter_sets ||
            known(list, unit))
            continue;
        (kind == NalKind::vps ? other_vps : other_sps) |=
            !known(kind == NalKind::vps ? config.vps : config.sps, unit);
        list.emplace_back(unit.begin(), unit.end());
    }
    if (other_vps) config.vps = std::move(vps);
    if (other_sps) config.sps = std::move(sps);
    changed = other_vps || other_sps;
    for (const ByteView unit : units) {
        if (unit.size() > max_parameter_set || nal_kind(codec, unit) != NalKind::pps) continue;
        const unsigned id = pps_id(codec, unit);
        const auto same = std::find_if(config.pps.begin(), config.pps.end(),
                                       [&](const auto &set) { return pps_id(codec, set) == id; });
        if (id > 255) continue;
        if (same == config.pps.end()) {
            if (config.pps.size() == max_parameter_sets) continue;
            config.pps.emplace_back(unit.begin(), unit.end());
            changed = true;
        } else if (changed) {
            same->assign(unit.begin(), unit.end());
        }
    }
    return changed;
}

} // namespace penstock::codec
