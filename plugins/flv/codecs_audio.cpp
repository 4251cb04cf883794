// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/codecs_audio.h"

#include "core/bytes/reader.h"
#include "core/codec/aac.h"
#include "core/codec/ac3.h"
#include "core/codec/mpeg_audio.h"
#include "core/codec/opus.h"
#include "core/codec/speex.h"
#include "flv/codec_data.h"

#include <gst/pbutils/codec-utils.h>

#include <algorithm>
#include <cstring>

namespace penstock::flv {
namespace {

constexpr unsigned opus_rate = 48'000;
constexpr std::string_view opus_magic = "OpusHead", flac_magic = "fLaC";
constexpr size_t block_header_size = 4, stream_info_size = 34;
constexpr size_t flac_config_size = flac_magic.size() + block_header_size + stream_info_size;

bool begins_with(ByteView bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin());
}

/// The content of a STREAMINFO block. Writers disagree on what stands before it: "fLaC" and the
/// block's header, one of them (the specification's text names the block; ffmpeg has written the
/// content alone), or nothing. Empty if it is not there.
ByteView stream_info_of(ByteView config) {
    if (begins_with(config, flac_magic)) config = config.subspan(flac_magic.size());
    constexpr uint8_t header[] = {0, 0, 0, stream_info_size};
    if (config.size() >= block_header_size + stream_info_size && (config[0] & 0x7F) == 0 &&
        std::equal(header + 1, header + block_header_size, config.begin() + 1))
        config = config.subspan(block_header_size);
    return config.size() < stream_info_size ? ByteView() : config.first(stream_info_size);
}

/// E.4.2.1, SoundType.
unsigned channels_of(ByteView body) {
    return body[0] & 1 ? 2 : 1;
}

} // namespace

Result describe_aac(ByteView config, StreamInfo &info) {
    codec::AacConfig aac;
    if (Result result = codec::parse_aac_config(config, aac); !result.is_ok()) return result;
    info.frame_samples = aac.frame_length;
    info.rate = aac.rate;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/mpeg", "mpegversion", G_TYPE_INT, 4, "framed", G_TYPE_BOOLEAN, TRUE, "stream-format",
        G_TYPE_STRING, "raw", "rate", G_TYPE_INT, int(aac.rate), "channels", G_TYPE_INT,
        int(aac.channels), "codec_data", GST_TYPE_BUFFER, copy_to_buffer(config).get(), nullptr));
    gst_codec_utils_aac_caps_set_level_and_profile(info.caps.get(), config.data(),
                                                   guint(config.size()));
    return Result::ok();
}

Result configure_aac(const GstCaps *caps, std::vector<uint8_t> &config) {
    codec::AacConfig aac;
    if (codec_data_of(caps, config)) return codec::parse_aac_config(config, aac);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    int rate = 0, channels = 0;
    gst_structure_get_int(s, "rate", &rate);
    gst_structure_get_int(s, "channels", &channels);
    if (rate <= 0 || channels < 1 || channels > 6)
        return Result::error("AAC caps with neither codec_data nor rate and channels");
    config = codec::build_aac_config(2, unsigned(rate), uint8_t(channels));
    return Result::ok();
}

Result mpeg_audio_format(ByteView, ByteView payload, uint64_t &format) {
    codec::MpegAudioHeader header;
    const Result result = codec::parse_mpeg_audio(payload, header);
    if (result.needs_more()) return Result::error("an MP3 frame that is cut short");
    if (!result.is_ok()) return result;
    format = uint64_t(header.rate) << 24 | header.frame_samples << 8 | header.layer << 4 |
             header.channels;
    return Result::ok();
}

void describe_mpeg_audio(uint64_t format, StreamInfo &info) {
    info.rate = static_cast<unsigned>(format >> 24);
    info.frame_samples = static_cast<unsigned>(format >> 8 & 0xFFFF);
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/mpeg", "mpegversion", G_TYPE_INT, 1, "layer", G_TYPE_INT, int(format >> 4 & 15),
        "parsed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, int(info.rate), "channels", G_TYPE_INT,
        int(format & 15), nullptr));
}

Result g711_format(ByteView body, ByteView, uint64_t &format) {
    format = channels_of(body);
    return Result::ok();
}

/// The number of frames per packet, which the decoder needs.
Result speex_format(ByteView, ByteView payload, uint64_t &format) {
    format = codec::count_speex_frames(payload);
    return format > 0 ? Result::ok() : Result::error("a Speex packet without a whole frame");
}

/// E.4.2.1: always wideband mono. The decoder needs the header of an Ogg stream, which FLV omits.
void describe_speex(uint64_t format, StreamInfo &info) {
    std::vector<uint8_t> header;
    const auto text = [&](const char *value, size_t size) {
        header.insert(header.end(), value, value + std::strlen(value));
        header.resize(header.size() + size - std::strlen(value));
    };
    const auto number = [&](int32_t value) {
        for (int shift = 0; shift < 32; shift += 8)
            header.push_back(static_cast<uint8_t>(value >> shift));
    };
    text("Speex   ", 8);
    text("1.1.12", 20);
    constexpr int wideband = 1, bitstream = 4, samples = 320;
    for (int value : {1, 80, 16'000, wideband, bitstream, 1, -1, samples, 0, int(format), 0, 0, 0})
        number(value);
    std::vector<uint8_t> comment(8); // no vendor, no tags
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/x-speex", "rate", G_TYPE_INT, 16'000, "channels", G_TYPE_INT, 1, nullptr));
    set_stream_header(info.caps.get(), {header, comment});
}

Result configure_mpeg_audio(const GstCaps *caps, std::vector<uint8_t> &config) {
    int layer = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "layer", &layer);
    config.clear();
    return layer == 3 ? Result::ok() : Result::error("MPEG audio of another layer than 3");
}

Result describe_opus(ByteView config, StreamInfo &info) {
    if (!begins_with(config, opus_magic)) return Result::error("no OpusHead");
    const auto header = copy_to_buffer(config);
    info.caps =
        GstPtr<GstCaps>::adopt(gst_codec_utils_opus_create_caps_from_header(header.get(), nullptr));
    if (!info.caps) return Result::error("broken OpusHead");
    info.rate = opus_rate;
    return Result::ok();
}

Result configure_opus(const GstCaps *caps, std::vector<uint8_t> &config) {
    if (first_header_of(caps, config) && begins_with(config, opus_magic)) return Result::ok();
    // opusparse and depayloaders have no header.
    guint32 rate = 0;
    guint8 channels = 0, family = 0, streams = 0, coupled = 0;
    guint8 mapping[256];
    auto fixed = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
    if (!gst_codec_utils_opus_parse_caps(fixed.get(), &rate, &channels, &family, &streams, &coupled,
                                         mapping))
        return Result::error("Opus caps without channels");
    const auto header = GstPtr<GstBuffer>::adopt(gst_codec_utils_opus_create_header(
        rate, channels, family, streams, coupled, family == 0 ? nullptr : mapping, 0, 0));
    if (!header) return Result::error("Opus caps with contradicting channels");
    config = content_of(header.get());
    return Result::ok();
}

Result opus_format(ByteView, ByteView payload, uint64_t &format) {
    format = codec::opus_channels(payload);
    return format > 0 ? Result::ok() : Result::error("an empty Opus packet");
}

void describe_opus_format(uint64_t format, StreamInfo &info) {
    info.rate = opus_rate;
    info.caps = GstPtr<GstCaps>::adopt(gst_codec_utils_opus_create_caps(
        opus_rate, guint8(format), 0, 1, guint8(format - 1), nullptr));
}

Result configure_ac3(const GstCaps *, std::vector<uint8_t> &config) {
    config.clear();
    return Result::ok();
}

Result ac3_format(ByteView, ByteView payload, uint64_t &format) {
    codec::Ac3Header header;
    const Result result = codec::parse_ac3(payload, header);
    if (!result.is_ok()) return result;
    format = uint64_t(header.rate) << 24 | header.frame_samples << 8 | header.channels;
    return Result::ok();
}

void describe_ac3_caps(const char *media, uint64_t format, StreamInfo &info) {
    info.rate = static_cast<unsigned>(format >> 24);
    info.frame_samples = static_cast<unsigned>(format >> 8 & 0xFFFF);
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        media, "framed", G_TYPE_BOOLEAN, TRUE, "alignment", G_TYPE_STRING, "frame", "rate",
        G_TYPE_INT, int(info.rate), "channels", G_TYPE_INT, int(format & 0xFF), nullptr));
}

Result describe_flac(ByteView config, StreamInfo &info) {
    const ByteView fields = stream_info_of(config);
    if (fields.empty()) return Result::error("no FLAC STREAMINFO");
    Reader r(fields);
    const unsigned shortest = r.u16(), longest = r.u16();
    r.skip(6);
    const uint32_t format = r.u32();
    info.rate = format >> 12;
    if (info.rate == 0) return Result::error("FLAC without a rate");
    if (shortest == longest) info.frame_samples = longest;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "audio/x-flac", "framed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, int(info.rate),
        "channels", G_TYPE_INT, int((format >> 9 & 7) + 1), nullptr));
    // As in Ogg: a header of its own, and the comment that must follow, without content.
    std::vector<uint8_t> first{0x7F, 'F', 'L', 'A', 'C', 1, 0, 0, 1, 'f', 'L', 'a', 'C'};
    first.insert(first.end(), {0, 0, 0, uint8_t(stream_info_size)}); // not the last block
    first.insert(first.end(), fields.begin(), fields.end());
    constexpr uint8_t comment[] = {0x84, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0};
    set_stream_header(info.caps.get(), {first, comment});
    return Result::ok();
}

Result configure_flac(const GstCaps *caps, std::vector<uint8_t> &config) {
    std::vector<uint8_t> header;
    if (!first_header_of(caps, header)) return Result::error("FLAC caps without streamheader");
    const auto at = std::search(header.begin(), header.end(), flac_magic.begin(), flac_magic.end());
    if (size_t(header.end() - at) < flac_config_size)
        return Result::error("FLAC caps whose streamheader has no STREAMINFO");
    config.assign(at, at + ptrdiff_t(flac_config_size));
    config[flac_magic.size()] = 0x80; // the last block
    return Result::ok();
}

} // namespace penstock::flv
