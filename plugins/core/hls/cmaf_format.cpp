// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/cmaf_format.h"

#include "core/cmaf/codec_config.h"
#include "core/codec/nal_config.h"

namespace penstock::hls {
namespace {

using cmaf::Codec;

bool has_nals(Codec codec) {
    return codec == Codec::avc || codec == Codec::hevc;
}

codec::NalCodec nal_codec(Codec codec) {
    return codec == Codec::avc ? codec::NalCodec::avc : codec::NalCodec::hevc;
}

/// Whether the configuration is in the frames.
bool is_self_contained(Codec codec) {
    return codec == Codec::av1 || codec == Codec::vp9 || codec == Codec::ac3 ||
           codec == Codec::eac3;
}

std::shared_ptr<Format> make_format(cmaf::Track track, unsigned nal_length_size = 0) {
    auto format = std::make_shared<Format>();
    format->kind = cmaf::is_video(track.codec) ? Kind::video : Kind::audio;
    // The first two bytes, a codec and zero, are unique to this container.
    format->identity = {static_cast<uint8_t>(track.codec), 0};
    for (const unsigned value : {track.width, track.height, track.par_num, track.par_den})
        for (int shift = 0; shift < 32; shift += 8)
            format->identity.push_back(static_cast<uint8_t>(value >> shift));
    format->identity.insert(format->identity.end(), track.config.begin(), track.config.end());
    if (!track.config.empty()) format->codec_string = cmaf::codec_string(track);
    format->nal_length_size = static_cast<uint8_t>(nal_length_size);
    format->rate = track.rate;
    format->width = track.width;
    format->height = track.height;
    format->track = std::make_shared<const cmaf::Track>(std::move(track));
    return format;
}

/// The size that the first H.264 parameter set describes.
void use_sps(cmaf::Track &track, const codec::NalConfig &config) {
    codec::AvcSps sps;
    if (track.codec != Codec::avc || !codec::parse_avc_sps(config.sps.front(), sps).is_ok()) return;
    track.width = sps.width;
    track.height = sps.height;
}

Result learn_nals(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out) {
    const cmaf::Track &track = *format->track;
    const codec::NalCodec codec = nal_codec(track.codec);
    const codec::NalScan scan = codec::scan_nals(codec, sample, format->nal_length_size);
    if (scan.whole != sample.size() || scan.units == 0)
        return Result::error("a sample whose NAL lengths don't add up");
    if (!keyframe) return Result::ok();
    if (!scan.sets)
        return track.config.empty() ? Result::error("a keyframe without parameter sets")
                                    : Result::ok();
    codec::NalConfig config;
    config.length_size = format->nal_length_size;
    if (!track.config.empty())
        if (Result result = codec::parse_nal_config(codec, track.config, config); !result.is_ok())
            return result;
    if (!codec::merge_parameter_sets(codec, codec::split_lengths(sample, format->nal_length_size),
                                     config))
        return Result::ok();
    cmaf::Track next = track;
    if (Result result = codec::build_nal_config(codec, config, next.config); !result.is_ok())
        return track.config.empty() ? result : Result::ok();
    use_sps(next, config);
    if (Result fits = cmaf::check(next); !fits.is_ok())
        return track.config.empty() ? fits : Result::ok();
    out = make_format(std::move(next), format->nal_length_size);
    return Result::ok();
}

Result learn_header(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out) {
    cmaf::Track next = *format->track;
    Result result = Result::ok();
    switch (next.codec) {
    case Codec::av1:
        if (!keyframe) return Result::ok();
        result = cmaf::configure_av1(sample, next);
        // Without a sequence header the last one applies.
        if (result.is_error() && !next.config.empty()) return Result::ok();
        break;
    case Codec::vp9:
        if (!keyframe) return Result::ok();
        result = cmaf::configure_vp9(sample, next);
        break;
    case Codec::ac3:
        result = cmaf::configure_ac3(sample, next);
        break;
    default:
        result = cmaf::configure_eac3(sample, next);
    }
    if (result.is_ok() && next != *format->track) out = make_format(std::move(next));
    return result;
}

} // namespace

Result make_cmaf_format(cmaf::Track track, FormatPtr &out) {
    if (is_self_contained(track.codec)) {
        track.config.clear();
        out = make_format(std::move(track));
        return Result::ok();
    }
    if (has_nals(track.codec)) {
        codec::NalConfig config;
        const Result result = codec::parse_nal_config(nal_codec(track.codec), track.config, config);
        if (result.is_error() && track.in_band && track.config.size() > 4) {
            // avc3: the parameter sets come with the keyframes.
            const unsigned length_size = (track.config[4] & 3) + 1;
            track.config.clear();
            out = make_format(std::move(track), length_size);
            return Result::ok();
        }
        if (!result.is_ok()) return result;
        use_sps(track, config);
        if (const Result fits = cmaf::check(track); !fits.is_ok()) return fits;
        out = make_format(std::move(track), config.length_size);
        return Result::ok();
    }
    if (Result result = cmaf::check(track); !result.is_ok()) return result;
    out = make_format(std::move(track));
    return Result::ok();
}

Result learn_cmaf(const FormatPtr &format, ByteView sample, bool keyframe, FormatPtr &out) {
    const Codec codec = format->track->codec;
    if (has_nals(codec)) return learn_nals(format, sample, keyframe, out);
    if (is_self_contained(codec)) return learn_header(format, sample, keyframe, out);
    return Result::ok();
}

} // namespace penstock::hls
