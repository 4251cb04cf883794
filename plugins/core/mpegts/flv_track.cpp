// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/flv_track.h"

#include "core/flv/media_tags.h"

#include <algorithm>
#include <utility>

namespace penstock::mpegts {
namespace {

using codec::NalCodec;
using codec::NalKind;

/// If no entry point was found for this long (90 kHz), any intra frame counts as one.
constexpr int64_t entry_overdue = 10 * 90'000;
constexpr size_t length_size = 4;

NalCodec nal_codec(Codec codec) {
    return codec == Codec::avc ? NalCodec::avc : NalCodec::hevc;
}

bool is_set(NalKind kind) {
    return kind == NalKind::vps || kind == NalKind::sps || kind == NalKind::pps;
}

uint32_t fourcc_of(Codec codec) {
    switch (codec) {
    case Codec::avc:
        return flv::fourcc("avc1");
    case Codec::hevc:
        return flv::fourcc("hvc1");
    case Codec::aac:
        return flv::fourcc("mp4a");
    case Codec::mpeg_audio:
        return flv::fourcc(".mp3");
    case Codec::ac3:
        return flv::fourcc("ac-3");
    case Codec::eac3:
        return flv::fourcc("ec-3");
    case Codec::opus:
        return flv::fourcc("Opus");
    default:
        return 0;
    }
}

/// The NAL units between the start codes, without the zeros behind them.
void split(const Unit &unit, std::vector<ByteView> &nals) {
    nals.clear();
    const ByteView data = unit.data;
    for (size_t i = 0; i < unit.nals.size(); ++i) {
        const size_t begin = unit.nals[i];
        size_t end = i + 1 < unit.nals.size() ? unit.nals[i + 1] - size_t(3) : data.size();
        while (end > begin && data[end - 1] == 0)
            --end;
        if (end > begin) nals.push_back(data.subspan(begin, end - begin));
    }
}

} // namespace

FlvTrack::FlvTrack(const ElementaryStream &stream, uint8_t id)
    : stream_(stream), id_(id), codec_(fourcc_of(stream.codec)) {
    if (codec_ == 0) obstacle_ = std::string(name_of(stream.codec)) + " has no place in FLV";
}

void FlvTrack::restart() {
    needs_keyframe_ = true;
    config_due_ = is_video(stream_.codec) ? !record_.empty() : !format_.config.empty();
    last_entry_.reset();
}

flv::TagType FlvTrack::type() const {
    return is_video(stream_.codec) ? flv::TagType::video : flv::TagType::audio;
}

UnitFacts FlvTrack::examine(const Unit &unit) {
    return is_video(stream_.codec) ? examine_video(unit) : examine_audio(unit);
}

UnitFacts FlvTrack::examine_video(const Unit &unit) {
    const NalCodec codec = nal_codec(stream_.codec);
    split(unit, nals_);
    codec::NalScan scan;
    for (const ByteView nal : nals_)
        codec::note_nal(codec, nal, scan);
    UnitFacts facts;
    facts.is_frame = scan.slices;
    if (scan.sets && codec::merge_parameter_sets(codec, nals_, config_)) {
        std::vector<uint8_t> record;
        if (codec::build_nal_config(codec, config_, record).is_ok() && record != record_) {
            record_ = std::move(record);
            reorder_ = codec::reorder_depth(codec, config_);
            config_due_ = facts.new_config = true;
        }
    }
    facts.keyframe = scan.slices && is_entry(unit, scan.entry, scan.sei);
    return facts;
}

bool FlvTrack::is_entry(const Unit &unit, bool entry, bool has_sei) {
    const NalCodec codec = nal_codec(stream_.codec);
    const auto time = unit.dts ? unit.dts : unit.pts;
    entry = entry || (has_sei && codec::has_recovery_point(codec, nals_));
    if (!time) return entry;
    if (!last_entry_ || *time < *last_entry_) last_entry_ = time;
    const bool is_overdue = *time - *last_entry_ >= entry_overdue;
    if (!entry && is_overdue && codec == NalCodec::avc) entry = codec::has_only_intra_slices(nals_);
    if (entry) last_entry_ = time;
    return entry;
}

UnitFacts FlvTrack::examine_audio(const Unit &unit) {
    UnitFacts facts;
    if (!unit.format || *unit.format == format_) return facts;
    format_ = *unit.format;
    facts.new_config = true;
    config_due_ = !format_.config.empty();
    if (stream_.codec == Codec::mpeg_audio)
        obstacle_ = format_.layer == 3
                        ? std::string()
                        : "MPEG audio of layer " + std::to_string(format_.layer) +
                              " has no place in FLV: take the pad with the audio alone, and encode "
                              "it to AAC";
    return facts;
}

void FlvTrack::write(const Unit &unit, const UnitFacts &facts, uint32_t dts,
                     uint32_t composition_time, std::vector<flv::Tag> &out) {
    if (!obstacle_.empty() || unit.data.size() > flv::max_body_size / 2) {
        ++dropped_;
        return;
    }
    if (is_video(stream_.codec)) return write_video(facts, dts, composition_time, out);
    write_config(dts, out);
    out.push_back(flv::make_media_tag({type(), codec_, id_}, dts, unit.data));
}

void FlvTrack::write_config(uint32_t dts, std::vector<flv::Tag> &out) {
    if (!obstacle_.empty() || !std::exchange(config_due_, false)) return;
    const std::vector<uint8_t> &record = is_video(stream_.codec) ? record_ : format_.config;
    flv::MediaHead head{type(), codec_, id_};
    head.config = true;
    out.push_back(flv::make_media_tag(head, dts, record));
}

bool FlvTrack::is_known_set(ByteView nal) const {
    const auto has = [&](const codec::NalConfig::Sets &sets) {
        return std::any_of(sets.begin(), sets.end(), [&](const auto &set) {
            return std::equal(set.begin(), set.end(), nal.begin(), nal.end());
        });
    };
    return has(config_.vps) || has(config_.sps) || has(config_.pps);
}

void FlvTrack::write_video(const UnitFacts &facts, uint32_t dts, uint32_t composition_time,
                           std::vector<flv::Tag> &out) {
    // Parameter sets in a unit of their own are in the configuration.
    if (!facts.is_frame) return;
    if (record_.empty() || (needs_keyframe_ && !facts.keyframe)) {
        ++dropped_;
        return;
    }
    needs_keyframe_ = false;
    write_config(dts, out);

    const NalCodec codec = nal_codec(stream_.codec);
    flv::MediaHead head{type(), codec_, id_};
    head.keyframe = facts.keyframe;
    head.composition_time = composition_time;
    size_t size = 0;
    for (const ByteView nal : nals_)
        size += length_size + nal.size();
    std::vector<uint8_t> bytes = flv::begin_media_tag(head, size);
    for (const ByteView nal : nals_) {
        const NalKind kind = codec::nal_kind(codec, nal);
        if (kind == NalKind::delimiter || kind == NalKind::filler) continue;
        if (is_set(kind) && is_known_set(nal)) continue;
        for (size_t i = length_size; i-- > 0;)
            bytes.push_back(static_cast<uint8_t>(nal.size() >> 8 * i));
        bytes.insert(bytes.end(), nal.begin(), nal.end());
    }
    out.push_back(flv::end_media_tag(head.type, dts, std::move(bytes)));
}

} // namespace penstock::mpegts
