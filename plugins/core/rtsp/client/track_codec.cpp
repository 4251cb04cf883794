// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/client/track_codec.h"

#include "core/codec/aac.h"
#include "core/codec/bits.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/jpeg.h"
#include "core/rtp/payload/latm.h"
#include "core/rtsp/client/adts_payload.h"
#include "core/sdp/text.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

using rtc::Codec;

constexpr size_t max_config = 512; // bytes
constexpr unsigned aac_lc = 2;
constexpr unsigned max_length = 32; // bits of a field of AU headers

/// Decodes until a character that is no hexadecimal digit.
std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> out;
    unsigned value = 0, digits = 0;
    for (const char c : text) {
        const char low = sdp::lower(c);
        const bool letter = low >= 'a' && low <= 'f';
        if (!letter && (low < '0' || low > '9')) break;
        value = value << 4 | static_cast<unsigned>(letter ? low - 'a' + 10 : low - '0');
        if (++digits % 2 == 1) continue;
        if (out.size() == max_config) break;
        out.push_back(static_cast<uint8_t>(value));
    }
    return out;
}

std::vector<uint8_t> config_of(const sdp::Parameters &parameters) {
    const std::string *text = parameters.find("config");
    return text ? from_hex(*text) : std::vector<uint8_t>();
}

unsigned length_of(const sdp::Parameters &parameters, const char *name, unsigned otherwise) {
    const std::string *text = parameters.find(name);
    return text ? sdp::number(std::string_view(*text), max_length).value_or(otherwise) : otherwise;
}

rtp::payload::AacFormat aac_format(const sdp::Parameters &parameters) {
    rtp::payload::AacFormat out;
    const std::string *mode = parameters.find("mode");
    if (mode && sdp::same_word(*mode, "AAC-lbr")) {
        out.size_length = 6;
        out.index_length = out.index_delta_length = 2;
    }
    out.size_length = length_of(parameters, "sizelength", out.size_length);
    out.index_length = length_of(parameters, "indexlength", out.index_length);
    out.index_delta_length = length_of(parameters, "indexdeltalength", out.index_delta_length);
    out.cts_delta_length = length_of(parameters, "ctsdeltalength", 0);
    out.dts_delta_length = length_of(parameters, "dtsdeltalength", 0);
    out.random_access_indication = length_of(parameters, "randomaccessindication", 0) != 0;
    out.stream_state_indication = length_of(parameters, "streamstateindication", 0);
    out.auxiliary_data_size_length = length_of(parameters, "auxiliarydatasizelength", 0);
    return out;
}

/// Of a frame, in ticks of the rtpmap's clock.
uint32_t frame_ticks(const codec::AacConfig &config, uint32_t clock) {
    if (config.rate == 0) return config.frame_length;
    return static_cast<uint32_t>(uint64_t(config.frame_length) * clock / config.rate);
}

TrackCodec aac(const sdp::Codec &format) {
    TrackCodec out;
    out.codec = Codec::aac;
    std::vector<uint8_t> record = config_of(format.parameters);
    codec::AacConfig config;
    if (codec::parse_aac_config(record, config).is_error()) {
        const auto layout = static_cast<uint8_t>(std::clamp(format.channels, 1u, 6u));
        record = codec::build_aac_config(aac_lc, format.clock, layout);
        if (codec::parse_aac_config(record, config).is_error()) record.clear();
    }
    auto layout = aac_format(format.parameters);
    layout.frame_ticks = frame_ticks(config, format.clock);
    out.make = [layout, record] { return std::make_unique<AdtsTolerantAac>(layout, record); };
    return out;
}

TrackCodec latm(const sdp::Codec &format) {
    TrackCodec out;
    out.codec = Codec::aac;
    const std::string *present = format.parameters.find("cpresent");
    const std::vector<uint8_t> record = config_of(format.parameters);
    codec::BitReader r(record);
    rtp::payload::LatmConfig mux;
    const bool is_told = !record.empty() && rtp::payload::read_latm_config(r, mux).is_ok();
    codec::AacConfig config;
    if (is_told) (void)codec::parse_aac_config(mux.audio, config);
    // Without cpresent=0 the configuration is in the stream, unless it can't be (RFC 6416 7.3).
    const bool in_band = !is_told || !present || *present != "0";
    const uint32_t ticks = frame_ticks(config, format.clock);
    out.make = [=]() -> std::unique_ptr<rtp::payload::Depacketizer> {
        auto made = std::make_unique<rtp::payload::LatmDepacketizer>(in_band, ticks);
        if (is_told) (void)made->configure(record);
        return made;
    };
    return out;
}

/// "G726-32", "AAL2-G726-32": bit/s; 0: it is another.
unsigned g726_bitrate(std::string_view name) {
    if (name.size() > 5 && sdp::same_word(name.substr(0, 5), "AAL2-")) name.remove_prefix(5);
    if (name.size() != 7 || !sdp::same_word(name.substr(0, 5), "G726-")) return 0;
    const auto kilobits = sdp::number(name.substr(5), 40u).value_or(0);
    const bool known = kilobits == 16 || kilobits == 24 || kilobits == 32 || kilobits == 40;
    return known ? kilobits * 1000 : 0;
}

} // namespace

std::optional<TrackCodec> track_codec(const sdp::Codec &format,
                                      const sdp::PresentedStream &stream) {
    TrackCodec out;
    if (format.is("MPEG4-GENERIC")) {
        out = aac(format);
    } else if (format.is("MP4A-LATM")) {
        out = latm(format);
    } else if (format.is("JPEG")) {
        out.codec = Codec::jpeg;
        out.make = [width = stream.width, height = stream.height] {
            return std::make_unique<rtp::payload::JpegDepacketizer>(width, height);
        };
    } else if (const unsigned bitrate = g726_bitrate(format.name)) {
        out.codec = Codec::g726;
        out.g726_bitrate = bitrate;
    } else if (format.is("HEVC")) {
        out.codec = Codec::hevc;
    } else if (const auto known = rtc::codec_of(format)) {
        out.codec = *known;
    } else {
        return std::nullopt;
    }
    // A video clock of another rate is a mistake that no sender means (RFC 6184, RFC 2435, …).
    const bool is_mistaken = rtc::is_video(out.codec) || format.clock == 0;
    out.rate = is_mistaken && rtc::is_video(out.codec) ? 90'000
               : is_mistaken                           ? 8'000
                                                       : format.clock;
    out.parameters = format.parameters;
    out.channels = std::max(format.channels, 1u);
    return out;
}

std::optional<TrackCodec> static_codec(uint8_t payload_type) {
    sdp::Codec format;
    format.payload_type = payload_type;
    format.clock = 8'000;
    if (payload_type == 0)
        format.name = "PCMU";
    else if (payload_type == 8)
        format.name = "PCMA";
    else if (payload_type == 26)
        format.name = "JPEG";
    else
        return std::nullopt;
    return track_codec(format);
}

namespace {

/// An H.265 payload of the base layer, of a type that cameras send (RFC 7798 1.1.4).
bool looks_hevc(ByteView payload) {
    if (payload.size() < 3 || (payload[0] & 0x81) != 0 || (payload[1] & 0xF8) != 0) return false;
    const unsigned type = payload[0] >> 1, temporal_id = payload[1] & 7;
    const bool known = type <= 9 || (type >= 16 && type <= 21) || (type >= 32 && type <= 40) ||
                       type == 48 || type == 49;
    return known && temporal_id > 0;
}

/// An H.264 payload of a type that cameras send (RFC 6184 5.2).
bool looks_avc(ByteView payload) {
    if (payload.size() < 2 || (payload[0] & 0x80) != 0) return false;
    const unsigned type = payload[0] & 0x1F;
    return type == 1 || (type >= 5 && type <= 9) || type == 24 || type == 28;
}

} // namespace

std::optional<rtc::Codec> NalCodecCheck::check(rtc::Codec announced, ByteView payload) {
    if (announced != Codec::avc && announced != Codec::hevc) return std::nullopt;
    const bool avc = looks_avc(payload), hevc = looks_hevc(payload);
    const bool own = announced == Codec::avc ? avc : hevc;
    const bool other = announced == Codec::avc ? hevc : avc;
    if (own && !other) foreign_ = 0;
    if (!own && other) ++foreign_;
    if (foreign_ < enough) return std::nullopt;
    foreign_ = 0;
    return announced == Codec::avc ? Codec::hevc : Codec::avc;
}

} // namespace penstock::rtsp
