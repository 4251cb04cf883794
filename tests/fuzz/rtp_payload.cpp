// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payload formats. The first byte chooses a depacketizer, for packets of any content, or a
// packetizer, whose payloads have to give the frame again.
#include "core/codec/keyframe.h"
#include "core/codec/nal.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/av1_depacketizer.h"
#include "core/rtp/payload/av1_packetizer.h"
#include "core/rtp/payload/jpeg.h"
#include "core/rtp/payload/latm.h"
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/payload/nal_units.h"
#include "core/rtp/payload/obu.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"

#include "fuzz/law.h"

#include <memory>

using namespace penstock;
using namespace penstock::rtp::payload;
using codec::NalCodec;

namespace {

enum Format : uint8_t {
    avc,
    hevc,
    av1,
    vp8,
    vp9,
    opus,
    g711,
    aac,
    latm,
    latm_in_band,
    formats,
    jpeg
};
constexpr uint8_t jpeg_mark = 0x7F; // the first byte of its inputs

AacFormat wide_aac() {
    AacFormat format;
    format.size_length = 16;
    format.cts_delta_length = format.dts_delta_length = 9;
    format.random_access_indication = true;
    format.stream_state_indication = 3;
    format.auxiliary_data_size_length = 7;
    return format;
}

std::unique_ptr<Depacketizer> depacketizer_of(uint8_t format, bool variant) {
    switch (format) {
    case avc:
        return std::make_unique<NalDepacketizer>(NalCodec::avc);
    case hevc:
        return std::make_unique<NalDepacketizer>(NalCodec::hevc);
    case av1:
        return std::make_unique<Av1Depacketizer>();
    case vp8:
        return std::make_unique<Vp8Depacketizer>();
    case vp9:
        return std::make_unique<Vp9Depacketizer>();
    case aac:
        return std::make_unique<AacDepacketizer>(variant ? wide_aac() : AacFormat());
    case latm: {
        auto made = std::make_unique<LatmDepacketizer>();
        const uint8_t config[] = {0x40, uint8_t(variant ? 0x00 : 0x40), 0x24, 0x20, 0x3f, 0xc0};
        (void)made->configure(config);
        return made;
    }
    case latm_in_band:
        return std::make_unique<LatmDepacketizer>(true);
    case jpeg:
        return std::make_unique<JpegDepacketizer>();
    default:
        return std::make_unique<PlainAudioDepacketizer>();
    }
}

std::unique_ptr<Packetizer> packetizer_of(uint8_t format, size_t budget) {
    switch (format) {
    case avc:
        return std::make_unique<NalPacketizer>(NalCodec::avc, budget);
    case hevc:
        return std::make_unique<NalPacketizer>(NalCodec::hevc, budget);
    case av1:
        return std::make_unique<Av1Packetizer>(budget);
    case vp8:
        return std::make_unique<Vp8Packetizer>(budget);
    case vp9:
        return std::make_unique<Vp9Packetizer>(budget);
    case opus:
        return std::make_unique<OpusPacketizer>(budget);
    case g711:
        return std::make_unique<G711Packetizer>(2, budget);
    case aac:
        return std::make_unique<AacPacketizer>(budget);
    default:
        return nullptr;
    }
}

// Packets: a byte of flags, the length of the payload, the payload.
void check_depacketizer(uint8_t format, ByteView data) {
    const bool variant = !data.empty() && (data[0] & 1);
    const auto depacketizer = depacketizer_of(format, variant);
    std::vector<Frame> frames;
    uint32_t timestamp = 0;
    size_t in = 0;
    Reader r(data);
    while (r.remaining() > 0) {
        const uint8_t flags = r.u8();
        const ByteView payload = r.take(std::min<size_t>(r.u8(), r.remaining()));
        timestamp += flags >> 2 & 3;
        in += payload.size();
        (void)depacketizer->push({payload, timestamp, (flags & 0x80) != 0, (flags & 0x40) != 0},
                                 frames);
        if (flags & 0x20) depacketizer->flush(frames);
    }
    depacketizer->flush(frames);
    size_t out = 0;
    for (const Frame &frame : frames) {
        out += frame.bytes.size();
        fuzz::law(frame.damaged || !frame.bytes.empty(), "a frame that is whole has bytes");
    }
    // Lengths of four bytes instead of two, or of the least a unit may have; a superframe's index.
    // Images get the headers that payloads lack.
    const size_t own = format == jpeg ? 700 : 64;
    fuzz::law(out <= 5 * in + own * (frames.size() + 1), "frames consist of what was received");
    (void)depacketizer->config();
}

bool is_set(codec::NalKind kind) {
    return kind == codec::NalKind::vps || kind == codec::NalKind::sps ||
           kind == codec::NalKind::pps;
}

// The units that are sent, without parameter sets.
std::vector<uint8_t> plain_units(NalCodec codec, ByteView frame, bool &slices) {
    std::vector<uint8_t> out;
    Reader r(frame);
    while (r.remaining() >= 4) {
        const ByteView unit = r.take(r.u32());
        if (!can_be_payload(codec, unit)) continue;
        const codec::NalKind kind = codec::nal_kind(codec, unit);
        if (is_set(kind) || kind == codec::NalKind::delimiter || kind == codec::NalKind::filler)
            continue;
        slices = slices || kind == codec::NalKind::slice || kind == codec::NalKind::entry;
        for (int shift = 24; shift >= 0; shift -= 8)
            out.push_back(static_cast<uint8_t>(unit.size() >> shift));
        out.insert(out.end(), unit.begin(), unit.end());
    }
    return out;
}
// The units that are sent, all with sizes.
std::vector<uint8_t> plain_obus(ByteView frame) {
    std::vector<uint8_t> out;
    Reader r(frame);
    for (Obu obu; r.remaining() > 0 && read_obu(r, obu);) {
        if (is_left_out(obu.type)) continue;
        obu.header[0] |= obu_has_size;
        out.insert(out.end(), obu.header.begin(), obu.header.begin() + obu.header_size);
        write_leb128(obu.payload.size(), [&](uint8_t byte) { out.push_back(byte); });
        out.insert(out.end(), obu.payload.begin(), obu.payload.end());
    }
    return out;
}

void check_round_trip(uint8_t format, ByteView data) {
    if (data.empty()) return;
    const size_t budget = 64 + data[0] * 4;
    const ByteView frame = data.subspan(1);
    const auto packetizer = packetizer_of(format, budget);
    Payloads payloads;
    if (!packetizer || !packetizer->packetize(frame, false, payloads).is_ok()) {
        fuzz::law(payloads.empty(), "nothing is sent of what is refused");
        return;
    }
    const auto depacketizer = depacketizer_of(format, false);
    std::vector<Frame> frames;
    for (size_t i = 0; i < payloads.size(); ++i) {
        std::vector<uint8_t> payload;
        payloads.append_to(payload, i);
        fuzz::law(!payload.empty() && payload.size() <= budget, "payloads keep to the budget");
        fuzz::law(payload.size() == payloads[i].size, "payloads have the size that they tell");
        fuzz::law(!payloads[i].marker || i + 1 == payloads.size(), "the last one has the marker");
        const Result result =
            depacketizer->push({payload, payloads[i].ticks, payloads[i].marker, false}, frames);
        fuzz::law(result.is_ok(), "what is sent can be received");
    }
    std::vector<uint8_t> got, wanted(frame.begin(), frame.end());
    for (const Frame &one : frames) {
        fuzz::law(!one.damaged && !one.after_gap, "what is sent comes whole");
        got.insert(got.end(), one.bytes.begin(), one.bytes.end());
    }
    if (format == avc || format == hevc) {
        const NalCodec codec = format == avc ? NalCodec::avc : NalCodec::hevc;
        bool slices = false, same = false;
        wanted = plain_units(codec, frame, slices);
        got = plain_units(codec, got, same);
        if (!slices) wanted.clear(); // no frame
    } else if (format == av1) {
        wanted = plain_obus(frame);
        fuzz::law(frames.size() == 1 &&
                      frames[0].keyframe == codec::is_av1_entry(wanted).value_or(false),
                  "a keyframe is one again");
    }
    fuzz::law(got == wanted, "the frame comes out again");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    const auto format = static_cast<uint8_t>(data[0] == jpeg_mark ? jpeg : data[0] % formats);
    if (data[0] & 0x80)
        check_round_trip(format, rest);
    else
        check_depacketizer(format, rest);
    return 0;
}
