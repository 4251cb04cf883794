// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts NAL units and frames together. Every length in a payload is checked against its size; a
// frame and its parameter sets are bounded.
#include "core/rtp/payload/nal_depacketizer.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/rtp/payload/nal_units.h"

#include <string>

namespace penstock::rtp::payload {

using codec::NalCodec;
using codec::NalKind;

namespace {

constexpr size_t length_size = 4;

bool is_set(NalKind kind) {
    return kind == NalKind::vps || kind == NalKind::sps || kind == NalKind::pps;
}

} // namespace

void NalDepacketizer::learn(const std::vector<ByteView> &sets) {
    std::vector<ByteView> usable;
    for (const ByteView set : sets)
        if (can_be_payload(codec_, set)) usable.push_back(set);
    if (codec::merge_parameter_sets(codec_, usable, config_)) config_changed_ = true;
}

std::vector<uint8_t> NalDepacketizer::config() const {
    std::vector<uint8_t> record;
    if (!codec::build_nal_config(codec_, config_, record).is_ok()) record.clear();
    return record;
}

Result NalDepacketizer::add(ByteView payload) {
    const size_t header = nal_header_size(codec_);
    if (payload.size() < header) return Result::error("an HEVC payload of only one byte");
    const uint8_t type = nal_type(codec_, payload);
    const bool is_fragment = type == (codec_ == NalCodec::avc ? avc_fragment : hevc_fragment);
    if (in_fragments_ && !is_fragment) {
        drop_unit();
        damaged_ = true;
    }
    // Some cameras leave start codes in front of their units.
    if (codec::begins_with_start_code(payload)) {
        for (const ByteView unit : codec::split_annexb(payload))
            add_unit(unit);
        return Result::ok();
    }
    if ((payload[0] & 0x80) != 0) return Result::error("a NAL unit that is marked as broken");
    if (is_fragment) return add_fragment(payload);
    if (type == (codec_ == NalCodec::avc ? avc_aggregate : hevc_aggregate))
        return add_aggregate(payload.subspan(header));
    if (can_be_payload(codec_, payload)) {
        add_unit(payload);
        return Result::ok();
    }
    if (codec_ == NalCodec::avc && type > avc_aggregate && type < 30)
        return Result::error("interleaved H.264 (packetization mode 2) is not supported");
    if (codec_ == NalCodec::hevc && type == hevc_paci)
        return Result::error("HEVC in PACI packets is not supported");
    return Result::error("a payload that is no NAL unit, of type " + std::to_string(type));
}

Result NalDepacketizer::add_aggregate(ByteView units) {
    Reader r(units);
    // A single byte at the end is padding.
    while (r.remaining() >= 2) {
        const ByteView unit = r.take(r.u16());
        if (r.failed()) return Result::error("an aggregated NAL unit that is cut short");
        if (unit.empty()) continue;
        if (!can_be_payload(codec_, unit))
            return Result::error("an aggregated NAL unit of an impossible type");
        add_unit(unit);
    }
    return Result::ok();
}

Result NalDepacketizer::add_fragment(ByteView payload) {
    const size_t header = nal_header_size(codec_);
    if (payload.size() < header + 2) return Result::error("a fragment without data");
    const bool starts = payload[header] & 0x80, ends = payload[header] & 0x40;
    const ByteView data = payload.subspan(header + 1);
    if (starts) {
        if (in_fragments_) {
            drop_unit();
            damaged_ = true;
        }
        if (Result result = begin_fragments(payload.first(header + 1)); !result.is_ok())
            return result;
    } else if (!in_fragments_) {
        if (!damaged_ && begin_seen_)
            return Result::error("a fragment whose NAL unit has no beginning");
        damaged_ = true; // that was lost
        return Result::ok();
    }
    if (!append(data)) {
        drop_unit();
        return Result::error("a frame that is too long");
    }
    if (starts) note_start(ByteView(bytes_).subspan(unit_at_ + length_size));
    if (ends) {
        in_fragments_ = false;
        end_unit();
    }
    return Result::ok();
}

// Writes the header of the unit that the fragment's header describes.
Result NalDepacketizer::begin_fragments(ByteView head) {
    uint8_t unit[2] = {0, head[1]};
    if (codec_ == NalCodec::avc)
        unit[0] = static_cast<uint8_t>((head[0] & 0xE0) | (head[1] & 0x1F));
    else
        unit[0] = static_cast<uint8_t>((head[0] & 0x81) | (head[2] & 0x3F) << 1);
    const ByteView header(unit, nal_header_size(codec_));
    if (!can_be_payload(codec_, header))
        return Result::error("a fragment of a NAL unit of an impossible type");
    begin_unit();
    if (!append(header)) {
        drop_unit();
        return Result::error("a frame that is too long");
    }
    in_fragments_ = true;
    return Result::ok();
}

void NalDepacketizer::lose() {
    if (in_fragments_) drop_unit();
}

void NalDepacketizer::add_unit(ByteView unit) {
    if (!can_be_payload(codec_, unit)) return;
    note_start(unit);
    begin_unit();
    append(unit) ? end_unit() : drop_unit();
}

void NalDepacketizer::begin_unit() {
    unit_at_ = bytes_.size();
    bytes_.resize(unit_at_ + length_size);
}

void NalDepacketizer::drop_unit() {
    bytes_.resize(unit_at_);
    in_fragments_ = false;
}

// Whether a unit proves that its frame's beginning came, and that markers can be trusted.
void NalDepacketizer::note_start(ByteView unit) {
    const NalKind kind = codec::nal_kind(codec_, unit);
    const bool is_slice = kind == NalKind::slice || kind == NalKind::entry;
    codec::NalScan found;
    codec::note_nal(codec_, unit, found);
    if (is_slice && !scan_.slices && !found.begins_picture && same_time_again_ && begin_seen_) {
        marks_slices_ = true;
        damaged_ = true; // its first slices were taken for a frame
    }
    const bool is_first =
        is_slice ? found.begins_picture : kind != NalKind::other && kind != NalKind::filler;
    begin_seen_ = begin_seen_ || is_first;
}

void NalDepacketizer::end_unit() {
    const ByteView unit = ByteView(bytes_).subspan(unit_at_ + length_size);
    const NalKind kind = codec::nal_kind(codec_, unit);
    if (is_set(kind) && unit.size() <= codec::max_parameter_set &&
        sets_.size() < codec::max_parameter_sets * 3) {
        sets_.emplace_back(unit.begin(), unit.end());
        return drop_unit();
    }
    if (kind == NalKind::delimiter || kind == NalKind::filler) return drop_unit();
    for (size_t i = 0; i < length_size; ++i)
        bytes_[unit_at_ + i] = static_cast<uint8_t>(unit.size() >> 8 * (length_size - 1 - i));
    codec::note_nal(codec_, unit, scan_);
}

bool NalDepacketizer::ends_with_marker() {
    // Parameter sets may come with a marker of their own.
    return !marks_slices_ && (scan_.slices || damaged_);
}

bool NalDepacketizer::finish(Frame &frame) {
    if (in_fragments_) {
        drop_unit();
        frame.damaged = true;
    }
    const codec::NalScan scan = std::exchange(scan_, {});
    if (!scan.slices) return frame.damaged;
    if (scan.entry) {
        // The sets were in the gap.
        if (frame.after_gap && keyframes_have_sets_ && sets_.empty()) frame.damaged = true;
        keyframes_have_sets_ = keyframes_have_sets_ || !sets_.empty();
    }
    frame.keyframe =
        scan.entry || (scan.sei && codec::has_recovery_point(codec_, bytes_, length_size));
    if (!sets_.empty() && merge_sets()) config_changed_ = true;
    frame.config_changed = std::exchange(config_changed_, false);
    return true;
}

// Moves `sets_` into the configuration; what that does not take goes in front of the frame. Returns
// whether the configuration is another one now.
bool NalDepacketizer::merge_sets() {
    const std::vector<ByteView> units(sets_.begin(), sets_.end());
    const bool changed = codec::merge_parameter_sets(codec_, units, config_);
    Writer others;
    for (const auto &set : sets_) {
        const auto known = [&](const codec::NalConfig::Sets &list) {
            return std::find(list.begin(), list.end(), set) != list.end();
        };
        if (!known(config_.vps) && !known(config_.sps) && !known(config_.pps))
            others.u32(set.size()).bytes(set);
    }
    bytes_.insert(bytes_.begin(), others.view().begin(), others.view().end());
    sets_.clear();
    return changed;
}

} // namespace penstock::rtp::payload
