// SPDX-License-Identifier: LGPL-2.1-or-later
// Aggregates and fragments NAL units.
#include "core/rtp/payload/nal_packetizer.h"

#include "core/codec/avc.h"
#include "core/rtp/payload/nal_units.h"

namespace penstock::rtp::payload {

using codec::NalCodec;
using codec::NalKind;

Result NalPacketizer::configure(ByteView record) {
    codec::NalConfig config;
    Result result = codec::parse_nal_config(codec_, record, config);
    if (result.is_ok()) config_ = std::move(config);
    return result;
}

// Fills `units_` with what is to be sent.
Result NalPacketizer::split(ByteView frame, bool keyframe) {
    units_.clear();
    bool has_sets = false;
    codec::AvccReader reader(frame, config_.length_size);
    for (ByteView unit; reader.next(unit);) {
        if (!can_be_payload(codec_, unit)) continue;
        const NalKind kind = codec::nal_kind(codec_, unit);
        if (kind == NalKind::delimiter || kind == NalKind::filler) continue;
        keyframe = keyframe || kind == NalKind::entry;
        has_sets = has_sets || kind == NalKind::sps;
        if (units_.size() == max_units) return Result::error("a frame of too many NAL units");
        units_.push_back({unit, true});
    }
    if (reader.failed()) return Result::error("a NAL unit is longer than its frame");
    if (units_.empty()) return Result::error("a frame without NAL units to be sent");
    if (!keyframe || has_sets) return Result::ok();
    std::vector<Unit> sets;
    for (const auto *list : {&config_.vps, &config_.sps, &config_.pps})
        for (const auto &set : *list)
            if (can_be_payload(codec_, set)) sets.push_back({set, false});
    units_.insert(units_.begin(), sets.begin(), sets.end());
    return Result::ok();
}

Result NalPacketizer::packetize(ByteView frame, bool keyframe, Payloads &out) {
    out.clear();
    if (frame.size() > max_frame) return Result::error("a frame that is too long for RTP");
    if (Result result = split(frame, keyframe); !result.is_ok()) return result;
    const std::span<const Unit> units = units_;
    for (size_t i = 0; i < units.size();) {
        if (units[i].bytes.size() > budget_) {
            put_fragments(units[i++], out);
            continue;
        }
        size_t end = i, size = nal_header_size(codec_);
        while (end < units.size() && size + 2 + units[end].bytes.size() <= budget_)
            size += 2 + units[end++].bytes.size();
        if (end > i + 1) {
            put_aggregate(units.subspan(i, end - i), out);
            i = end;
        } else {
            out.start();
            put(units[i], units[i].bytes, out);
            ++i;
        }
    }
    out.mark();
    return Result::ok();
}

void NalPacketizer::put(const Unit &unit, ByteView part, Payloads &out) const {
    unit.of_frame ? out.refer(part) : out.own(part);
}

// FU-A, or the fragmentation unit of RFC 7798 4.4.3.
void NalPacketizer::put_fragments(const Unit &unit, Payloads &out) const {
    const size_t header = nal_header_size(codec_);
    const uint8_t type = nal_type(codec_, unit.bytes);
    const ByteView data = unit.bytes.subspan(header);
    const EqualParts parts = equal_parts(data.size(), budget_ - header - 1);
    for (size_t i = 0; i < parts.count; ++i) {
        const size_t at = i * parts.size;
        const uint8_t place = i == 0 ? 0x80 : i + 1 == parts.count ? 0x40 : 0;
        out.start();
        if (codec_ == NalCodec::avc)
            out.own({static_cast<uint8_t>((unit.bytes[0] & 0xE0) | avc_fragment)});
        else
            out.own(
                {static_cast<uint8_t>((unit.bytes[0] & 0x81) | hevc_fragment << 1), unit.bytes[1]});
        out.own({static_cast<uint8_t>(place | type)});
        put(unit, data.subspan(at, std::min(parts.size, data.size() - at)), out);
    }
}

// STAP-A, or the aggregation packet of RFC 7798 4.4.2.
void NalPacketizer::put_aggregate(std::span<const Unit> units, Payloads &out) const {
    out.start();
    if (codec_ == NalCodec::avc) {
        uint8_t importance = 0; // nal_ref_idc: the highest of all
        for (const Unit &unit : units)
            importance = std::max<uint8_t>(importance, unit.bytes[0] & 0x60);
        out.own({static_cast<uint8_t>(importance | avc_aggregate)});
    } else {
        unsigned layer = 63, temporal = 7; // the lowest of all
        for (const Unit &unit : units) {
            layer = std::min(layer, (unit.bytes[0] & 1u) << 5 | unit.bytes[1] >> 3);
            temporal = std::min(temporal, unit.bytes[1] & 7u);
        }
        out.own({static_cast<uint8_t>(hevc_aggregate << 1 | layer >> 5),
                 static_cast<uint8_t>((layer & 31) << 3 | temporal)});
    }
    for (const Unit &unit : units) {
        const size_t size = unit.bytes.size();
        out.own({static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
        put(unit, unit.bytes, out);
    }
}

} // namespace penstock::rtp::payload
