// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses codec configurations and converts samples to the form carried by MPEG-TS.
#include "core/hls/format.h"

#include "core/hls/cmaf_format.h"

#include "core/codec/mpeg_audio.h"

#include <algorithm>

namespace penstock::hls {
namespace {

constexpr std::array<uint8_t, 4> start_code{0, 0, 0, 1};
// primary_pic_type 7: any slice type may follow.
constexpr std::array<uint8_t, 6> delimiter{0, 0, 0, 1, 9, 0xF0};

bool is_slice(uint8_t type) {
    return type >= codec::avc_slice && type <= codec::avc_idr;
}

/// Sets the fields that are derived from the parameter sets.
void use_parameter_sets(Format &format, const codec::AvcConfig &config) {
    format.parameter_sets.clear();
    for (const auto *list : {&config.sps, &config.pps})
        for (const auto &nal : *list) {
            format.parameter_sets.insert(format.parameter_sets.end(), start_code.begin(),
                                         start_code.end());
            format.parameter_sets.insert(format.parameter_sets.end(), nal.begin(), nal.end());
        }
    format.identity = format.parameter_sets;
    format.codec_string = codec::codec_string(config);
    codec::AvcSps sps;
    if (!config.sps.empty() && codec::parse_avc_sps(config.sps.front(), sps).is_ok()) {
        format.width = sps.width;
        format.height = sps.height;
    }
}

/// Finds the parameter sets before the first slice. Returns false unless both SPS and PPS are
/// present.
template <class NalReader>
bool find_parameter_sets(NalReader reader, codec::AvcConfig &config) {
    std::vector<std::vector<uint8_t>> sps, pps;
    ByteView nal;
    while (reader.next(nal)) {
        const uint8_t type = codec::avc_nal_type(nal);
        if (is_slice(type)) break;
        if (type == codec::avc_sps) sps.emplace_back(nal.begin(), nal.end());
        if (type == codec::avc_pps) pps.emplace_back(nal.begin(), nal.end());
    }
    if (sps.empty() || pps.empty()) return false;
    return codec::make_avc_config(std::move(sps), std::move(pps), config).is_ok();
}

void use_mpeg_audio(Format &format, const codec::MpegAudioHeader &header) {
    // ISO/IEC 13818-1, table 2-34, has two types; the second is for the lower rates of 13818-3.
    format.type =
        header.version == 1 ? mpegts::StreamType::mpeg1_audio : mpegts::StreamType::mpeg2_audio;
    format.rate = header.rate;
    format.frame_samples = header.frame_samples;
    // RFC 6381 with ISO/IEC 14496-3: object types 32 to 34 are the layers.
    format.codec_string = "mp4a.40." + std::to_string(31 + header.layer);
    format.identity = {static_cast<uint8_t>(header.layer), static_cast<uint8_t>(header.channels),
                       static_cast<uint8_t>(header.rate / 250)};
}

void use_aac(Format &format, const codec::AacConfig &config) {
    format.aac = config;
    format.rate = config.rate;
    format.frame_samples = config.frame_length;
    format.codec_string = codec::codec_string(config);
    format.identity = {config.object_type, config.channel_config};
    for (int shift = 0; shift < 32; shift += 8)
        format.identity.push_back(static_cast<uint8_t>(config.rate >> shift));
}

/// Sets `out` to a new format for a frame's header if it differs from `format`.
template <class Use, class Header>
void use_header(const FormatPtr &format, Use use, const Header &header, FormatPtr &out) {
    auto next = std::make_shared<Format>(*format);
    use(*next, header);
    if (!next->same(*format)) out = std::move(next);
}

Result learn_adts(const FormatPtr &format, ByteView sample, FormatPtr &out) {
    codec::AdtsHeader header;
    const Result result = codec::parse_adts(sample, header);
    if (result.is_error()) return result;
    if (result.needs_more() || header.frame_size > sample.size())
        return Result::error("a truncated ADTS frame");
    use_header(format, use_aac, header.config, out);
    return Result::ok();
}

Result learn_mpeg_audio(const FormatPtr &format, ByteView sample, FormatPtr &out) {
    codec::MpegAudioHeader header;
    const Result result = codec::parse_mpeg_audio(sample, header);
    if (result.is_error()) return result;
    if (result.needs_more() || header.frame_size > sample.size())
        return Result::error("a truncated MPEG audio frame");
    use_header(format, use_mpeg_audio, header, out);
    return Result::ok();
}

} // namespace

Result make_avc_format(ByteView record, FormatPtr &out) {
    codec::AvcConfig config;
    if (Result result = codec::parse_avc_config(record, config); !result.is_ok()) return result;
    auto format = std::make_shared<Format>();
    format->nal_length_size = config.length_size;
    use_parameter_sets(*format, config);
    out = std::move(format);
    return Result::ok();
}

FormatPtr make_annexb_format() {
    return std::make_shared<Format>();
}

Result make_aac_format(ByteView asc, FormatPtr &out) {
    codec::AacConfig config;
    if (Result result = codec::parse_aac_config(asc, config); !result.is_ok()) return result;
    std::array<uint8_t, codec::adts_header_size> header;
    if (!codec::write_adts_header(config, 1, header))
        return Result::error("AAC object type " + std::to_string(config.object_type) +
                             " has no ADTS form, so MPEG-TS can't carry it: encode as AAC-LC");
    auto format = std::make_shared<Format>();
    format->kind = Kind::audio;
    format->type = mpegts::StreamType::aac_adts;
    format->make_adts = true;
    use_aac(*format, config);
    out = std::move(format);
    return Result::ok();
}

FormatPtr make_adts_format() {
    auto format = std::make_shared<Format>();
    format->kind = Kind::audio;
    format->type = mpegts::StreamType::aac_adts;
    return format;
}

FormatPtr make_mpeg_audio_format() {
    auto format = std::make_shared<Format>();
    format->kind = Kind::audio;
    format->type = mpegts::StreamType::mpeg1_audio;
    return format;
}

Result learn(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out) {
    out = format;
    if (sample.empty()) return Result::error("an empty sample");
    if (format->track) return learn_cmaf(format, sample, keyframe, out);
    if (format->kind == Kind::audio) {
        if (format->make_adts) return Result::ok();
        return format->type == mpegts::StreamType::aac_adts ? learn_adts(format, sample, out)
                                                            : learn_mpeg_audio(format, sample, out);
    }
    if (format->nal_length_size) {
        codec::AvccReader reader(sample, format->nal_length_size);
        ByteView nal;
        size_t units = 0;
        while (reader.next(nal))
            ++units;
        if (reader.failed() || units == 0)
            return Result::error("an H.264 sample whose NAL lengths don't add up");
    }
    if (!keyframe) return Result::ok();
    codec::AvcConfig config;
    const bool found =
        format->nal_length_size
            ? find_parameter_sets(codec::AvccReader(sample, format->nal_length_size), config)
            : find_parameter_sets(codec::AnnexBReader(sample), config);
    if (!found) return Result::ok();
    auto next = std::make_shared<Format>(*format);
    use_parameter_sets(*next, config);
    if (!next->same(*format)) out = std::move(next);
    return Result::ok();
}

void Gather::clear() {
    pieces_.clear();
    headers_.clear();
}

bool Gather::append(const Format &format, ByteView sample, bool keyframe) {
    if (format.kind == Kind::audio) {
        if (format.make_adts) {
            auto &header = headers_.emplace_back();
            if (!codec::write_adts_header(format.aac, sample.size(), header)) {
                headers_.pop_back();
                return false;
            }
            pieces_.push_back(header);
        }
        pieces_.push_back(sample);
        return true;
    }
    if (format.nal_length_size) return append_avcc(format, sample, keyframe);
    append_annexb(format, sample, keyframe);
    return true;
}

bool Gather::append_avcc(const Format &format, ByteView sample, bool keyframe) {
    const size_t before = pieces_.size();
    pieces_.push_back(delimiter);
    const size_t sets = pieces_.size();
    bool has_sps = false;
    codec::AvccReader reader(sample, format.nal_length_size);
    ByteView nal;
    while (reader.next(nal)) {
        const uint8_t type = codec::avc_nal_type(nal);
        if (type == codec::avc_aud) continue;
        has_sps = has_sps || type == codec::avc_sps;
        pieces_.push_back(start_code);
        pieces_.push_back(nal);
    }
    if (reader.failed()) {
        pieces_.resize(before);
        return false;
    }
    if (keyframe && !has_sps)
        pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(sets), format.parameter_sets);
    return true;
}

void Gather::append_annexb(const Format &format, ByteView sample, bool keyframe) {
    pieces_.push_back(delimiter);
    const size_t sets = pieces_.size();
    bool has_sps = false;
    codec::AnnexBReader reader(sample);
    ByteView nal;
    // Only units before the first slice are examined; the rest is passed unchanged.
    while (reader.next(nal)) {
        const uint8_t type = codec::avc_nal_type(nal);
        if (type == codec::avc_aud) continue;
        has_sps = has_sps || type == codec::avc_sps;
        pieces_.push_back(start_code);
        if (is_slice(type)) {
            pieces_.push_back(sample.subspan(static_cast<size_t>(nal.data() - sample.data())));
            break;
        }
        pieces_.push_back(nal);
    }
    if (keyframe && !has_sps && !format.parameter_sets.empty())
        pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(sets), format.parameter_sets);
}

} // namespace penstock::hls
