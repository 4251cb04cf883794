// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/audio_headers.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/codec/aac.h"
#include "core/codec/ac3.h"
#include "core/codec/mpeg_audio.h"
#include "core/codec/opus.h"
#include "core/mpegts/latm.h"

#include <iterator>

namespace penstock::mpegts {
namespace {

Result parse_adts_frame(ByteView bytes, AudioHeader &header) {
    codec::AdtsHeader adts;
    if (Result result = codec::parse_adts(bytes, adts); !result.is_ok()) return result;
    if (adts.raw_blocks != 1) return Result::error("an ADTS frame of several AAC frames");
    if (adts.config.channel_config == 0) return Result::error("ADTS without a channel layout");
    header.head = adts.header_size;
    header.size = adts.frame_size;
    header.samples = adts.config.frame_length;
    header.format.rate = adts.config.rate;
    header.format.channels = adts.config.channels;
    header.format.config = codec::build_aac_config(adts.config.object_type, adts.config.rate,
                                                   adts.config.channel_config);
    return Result::ok();
}

Result parse_mpeg_frame(ByteView bytes, AudioHeader &header) {
    codec::MpegAudioHeader mpeg;
    if (Result result = codec::parse_mpeg_audio(bytes, mpeg); !result.is_ok()) return result;
    if (mpeg.frame_size == 0) return Result::error("MPEG audio in the free format");
    header.size = mpeg.frame_size;
    header.samples = mpeg.frame_samples;
    header.format = {mpeg.rate, mpeg.channels, mpeg.version, mpeg.layer, {}};
    return Result::ok();
}

Result parse_ac3_frame(ByteView bytes, bool enhanced, AudioHeader &header) {
    constexpr size_t needed = 8;
    if (bytes.size() < needed) {
        const bool may_be =
            bytes.empty() || (bytes[0] == 0x0B && (bytes.size() < 2 || bytes[1] == 0x77));
        return may_be ? Result::need_more() : Result::error("no AC-3 sync word");
    }
    codec::Ac3Header ac3;
    if (Result result = codec::parse_ac3(bytes, ac3); !result.is_ok()) return result;
    if (ac3.enhanced && !enhanced) return Result::error("E-AC-3 in a stream of AC-3");
    header.size = ac3.frame_size;
    header.samples = ac3.frame_samples;
    header.is_dependent = ac3.dependent;
    header.format.rate = ac3.rate;
    header.format.channels = ac3.channels;
    return Result::ok();
}

/// RFC 7845 5.1.1.2; Vorbis' order of channels, by their number.
struct OpusLayout {
    uint8_t streams, coupled;
    uint8_t mapping[8];
};
constexpr OpusLayout opus_layouts[] = {
    {1, 0, {0}},
    {1, 1, {0, 1}},
    {2, 1, {0, 2, 1}},
    {2, 2, {0, 1, 2, 3}},
    {3, 2, {0, 4, 1, 2, 3}},
    {4, 2, {0, 4, 1, 2, 3, 5}},
    {4, 3, {0, 4, 1, 2, 3, 5, 6}},
    {5, 3, {0, 6, 1, 2, 3, 4, 5, 7}},
};

/// The control header in front of each packet: ETSI TS 103 491, annex; as ffmpeg and GStreamer
/// write it.
Result parse_opus_frame(ByteView bytes, uint8_t channel_config, AudioHeader &header) {
    if (bytes.size() < 3) return Result::need_more();
    const unsigned begin = unsigned(bytes[0]) << 8 | bytes[1];
    if (begin >> 5 != 0x3FF) return Result::error("no Opus control header");
    Reader r(bytes);
    r.skip(2);
    size_t size = 0;
    for (uint8_t part = 255; part == 255 && !r.failed();) {
        part = r.u8();
        size += part;
    }
    if (begin & 0x10) r.skip(2); // start_trim
    if (begin & 0x08) r.skip(2); // end_trim
    if (begin & 0x04) r.skip(r.u8());
    if (size > max_audio_frame) return Result::error("an Opus packet that is too long");
    if (r.failed() || r.remaining() == 0) return Result::need_more();
    header.head = r.position();
    header.size = header.head + size;
    header.samples = codec::opus_samples(r.rest());
    const bool is_plain = channel_config >= 1 && channel_config <= std::size(opus_layouts);
    const unsigned channels = is_plain ? channel_config : 2; // 0 is two channels that differ
    if (!is_plain && channel_config != 0)
        return Result::error("Opus with a channel layout of its own");
    header.format.rate = 48'000;
    header.format.channels = channels;
    header.format.config = opus_head(channels);
    return Result::ok();
}

Result parse_loas_frame(ByteView bytes, AudioHeader &header) {
    if (bytes.size() < loas_head) return Result::need_more();
    header.size = loas_size(bytes);
    if (header.size == 0) return Result::error("no LOAS sync word");
    header.head = loas_head;
    return Result::ok();
}

Result parse_any(const ElementaryStream &stream, ByteView bytes, AudioHeader &header) {
    switch (stream.codec) {
    case Codec::aac:
        return stream.is_latm ? parse_loas_frame(bytes, header) : parse_adts_frame(bytes, header);
    case Codec::mpeg_audio:
        return parse_mpeg_frame(bytes, header);
    case Codec::ac3:
    case Codec::eac3:
        // Encoders of E-AC-3 may fall back to AC-3's form in the same stream.
        return parse_ac3_frame(bytes, stream.codec == Codec::eac3, header);
    case Codec::opus:
        return parse_opus_frame(bytes, stream.opus_config, header);
    default:
        return Result::error("no audio");
    }
}

} // namespace

std::vector<uint8_t> opus_head(unsigned channels) {
    constexpr uint8_t version = 1;
    Writer w;
    w.text("OpusHead").u8(version).u8(channels);
    w.u8(0).u8(0);                      // pre-skip
    w.u8(0x80).u8(0xBB).u8(0x00).u8(0); // 48000, little-endian
    w.u8(0).u8(0).u8(channels > 2);     // no gain; mapping family
    if (channels > 2) {
        const OpusLayout &layout = opus_layouts[channels - 1];
        w.u8(layout.streams).u8(layout.coupled).bytes(ByteView(layout.mapping).first(channels));
    }
    return w.take();
}

Result parse_audio(const ElementaryStream &stream, ByteView bytes, AudioHeader &header) {
    header = {};
    Result result = parse_any(stream, bytes, header);
    if (result.is_ok() && (header.size <= header.head || header.size > max_audio_frame))
        return Result::error("an audio frame of an impossible size");
    return result;
}

} // namespace penstock::mpegts
