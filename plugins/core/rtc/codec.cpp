// SPDX-License-Identifier: LGPL-2.1-or-later
// Depacketizers and configuration records by codec.
#include "core/rtc/codec.h"

#include "core/bytes/base64.h"
#include "core/bytes/writer.h"
#include "core/cmaf/codec_config.h"
#include "core/codec/av1.h"
#include "core/codec/avc.h"
#include "core/codec/keyframe.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/av1_depacketizer.h"
#include "core/rtp/payload/jpeg.h"
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"

#include <iterator>
#include <string_view>
#include <utility>

namespace penstock::rtc {
namespace {

using rtp::payload::Depacketizer;

constexpr uint8_t vpx_version = 1;

/// The parameter sets of fmtp (RFC 6184, section 8.1; RFC 7798, section 7.1).
std::vector<std::vector<uint8_t>> parameter_sets_of(const sdp::Parameters &parameters) {
    std::vector<std::vector<uint8_t>> out;
    for (const char *name : {"sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"}) {
        const std::string *value = parameters.find(name);
        for (std::string_view rest = value ? std::string_view(*value) : ""; !rest.empty();) {
            const size_t end = std::min(rest.find(','), rest.size());
            out.push_back(from_base64(rest.substr(0, end)));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return out;
}

CodecConfig vp8_config(ByteView keyframe) {
    const auto size = codec::vp8_size(keyframe);
    if (!size) return {};
    const auto profile = static_cast<uint8_t>(keyframe[0] >> 1 & 7);
    // 8 bits, 4:2:0 with chroma beside luma; level and colours are unknown.
    constexpr uint8_t level = 0, format = 8 << 4 | 1 << 1, unspecified = 2;
    Writer w;
    w.u8(vpx_version).u24(0).u8(profile).u8(level).u8(format);
    w.u8(unspecified).u8(unspecified).u8(unspecified).u16(0);
    return {w.take(), size->width, size->height};
}

CodecConfig vp9_config(ByteView keyframe) {
    cmaf::Track track;
    if (!cmaf::configure_vp9(keyframe, track).is_ok()) return {};
    Writer w;
    w.u8(vpx_version).u24(0).bytes(track.config);
    return {w.take(), track.width, track.height};
}

CodecConfig av1_config(std::vector<uint8_t> record) {
    codec::Av1Config av1;
    if (!codec::parse_av1_config(record, av1).is_ok()) return {};
    return {std::move(record), av1.width, av1.height};
}

CodecConfig avc_config(std::vector<uint8_t> record) {
    codec::AvcConfig avc;
    if (!codec::parse_avc_config(record, avc).is_ok()) return {};
    codec::AvcSps sps;
    if (!codec::parse_avc_sps(avc.sps.front(), sps).is_ok()) return {std::move(record), 0, 0};
    return {std::move(record), sps.width, sps.height};
}

} // namespace

std::optional<Codec> codec_of(const sdp::Codec &codec) {
    constexpr std::pair<std::string_view, Codec> names[] = {
        {"H264", Codec::avc}, {"H265", Codec::hevc}, {"AV1", Codec::av1},   {"VP9", Codec::vp9},
        {"VP8", Codec::vp8},  {"opus", Codec::opus}, {"PCMA", Codec::alaw}, {"PCMU", Codec::ulaw}};
    const auto found = std::find_if(std::begin(names), std::end(names),
                                    [&](const auto &one) { return codec.is(one.first); });
    if (found == std::end(names)) return std::nullopt;
    return found->second;
}

std::unique_ptr<Depacketizer> make_depacketizer(Codec codec, const sdp::Parameters &parameters) {
    switch (codec) {
    case Codec::avc:
    case Codec::hevc: {
        auto made = std::make_unique<rtp::payload::NalDepacketizer>(
            codec == Codec::avc ? codec::NalCodec::avc : codec::NalCodec::hevc);
        const auto sets = parameter_sets_of(parameters);
        if (!sets.empty()) made->learn({sets.begin(), sets.end()});
        return made;
    }
    case Codec::av1:
        return std::make_unique<rtp::payload::Av1Depacketizer>();
    case Codec::vp9:
        return std::make_unique<rtp::payload::Vp9Depacketizer>();
    case Codec::vp8:
        return std::make_unique<rtp::payload::Vp8Depacketizer>();
    case Codec::aac:
        return std::make_unique<rtp::payload::AacDepacketizer>();
    case Codec::jpeg:
        return std::make_unique<rtp::payload::JpegDepacketizer>();
    case Codec::opus:
    case Codec::alaw:
    case Codec::ulaw:
    case Codec::g726:
        break;
    }
    return std::make_unique<rtp::payload::PlainAudioDepacketizer>();
}

CodecConfig video_config(Codec codec, const Depacketizer &depacketizer, ByteView keyframe) {
    switch (codec) {
    case Codec::avc:
        return avc_config(depacketizer.config());
    case Codec::hevc:
        return {depacketizer.config(), 0, 0};
    case Codec::av1:
        return av1_config(depacketizer.config());
    case Codec::vp9:
        return vp9_config(keyframe);
    case Codec::vp8:
        return vp8_config(keyframe);
    default:
        return {};
    }
}

std::vector<uint8_t> opus_head(unsigned channels) {
    constexpr uint8_t version = 1, mapping_family = 0;
    Writer w;
    w.text("OpusHead").u8(version).u8(channels);
    w.u8(0).u8(0);                      // pre-skip
    w.u8(0x80).u8(0xBB).u8(0x00).u8(0); // 48000, little-endian
    w.u8(0).u8(0).u8(mapping_family);   // no gain
    return w.take();
}

bool announces_stereo(const sdp::Parameters &parameters) {
    for (const char *name : {"sprop-stereo", "stereo"}) {
        const std::string *value = parameters.find(name);
        if (value && *value == "1") return true;
    }
    return false;
}

} // namespace penstock::rtc
