// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP's requests for packets and keyframes, and the receiver's estimate. RFC 4585, 6.2 and 6.3;
// RFC 5104, 4.3.1; draft-alvestrand-rmcat-remb-03, 2.2.
#include "core/rtp/rtcp_body.h"

#include <bit>

namespace penstock::rtp::rtcp {
namespace {

constexpr unsigned mantissa_bits = 18;

} // namespace

void Nack::set(std::span<const uint16_t> sequences) {
    pairs.clear();
    for (const uint16_t sequence : sequences) {
        if (!pairs.empty()) {
            const auto after = static_cast<uint16_t>(sequence - pairs.back().first);
            if (after == 0) continue;
            if (after <= 16) {
                pairs.back().following =
                    static_cast<uint16_t>(pairs.back().following | 1u << (after - 1));
                continue;
            }
        }
        if (pairs.size() == max_nack_pairs) break;
        pairs.push_back({sequence, 0});
    }
}

bool read(Reader &in, size_t, Nack &out) {
    out.sender = in.u32();
    out.media = in.u32();
    while (in.remaining() >= 4 && out.pairs.size() < max_nack_pairs) {
        Nack::Pair pair;
        pair.first = in.u16();
        pair.following = in.u16();
        out.pairs.push_back(pair);
    }
    return !in.failed() && !out.pairs.empty();
}

bool read(Reader &in, size_t, PictureLoss &out) {
    out.sender = in.u32();
    out.media = in.u32();
    return !in.failed();
}

bool read(Reader &in, size_t, FullIntraRequest &out) {
    out.sender = in.u32();
    in.skip(4); // the media's SSRC is not used
    while (in.remaining() >= 8 && out.entries.size() < max_intra_requests) {
        FullIntraRequest::Entry entry;
        entry.ssrc = in.u32();
        entry.sequence = in.u8();
        in.skip(3);
        out.entries.push_back(entry);
    }
    return !in.failed() && !out.entries.empty();
}

bool read(Reader &in, size_t, ReceiverEstimate &out) {
    out.sender = in.u32();
    in.skip(8); // the media's SSRC, which is not used, and the name
    const size_t count = in.u8();
    const uint32_t number = in.u24();
    const unsigned exponent = number >> mantissa_bits;
    const uint64_t mantissa = number & ((1u << mantissa_bits) - 1);
    out.bitrate = mantissa << exponent;
    if (in.failed() || out.bitrate >> exponent != mantissa) return false;
    if (in.remaining() < count * 4) return false;
    for (size_t i = 0; i < count; ++i)
        out.ssrcs.push_back(in.u32());
    return true;
}

std::optional<Head> write_body(const Nack &packet, Writer &out) {
    if (packet.pairs.empty() || packet.pairs.size() > max_nack_pairs) return std::nullopt;
    out.u32(packet.sender).u32(packet.media);
    for (const Nack::Pair &pair : packet.pairs)
        out.u16(pair.first).u16(pair.following);
    return Head{type_transport, format_nack};
}

std::optional<Head> write_body(const PictureLoss &packet, Writer &out) {
    out.u32(packet.sender).u32(packet.media);
    return Head{type_payload, format_picture_loss};
}

std::optional<Head> write_body(const FullIntraRequest &packet, Writer &out) {
    if (packet.entries.empty() || packet.entries.size() > max_intra_requests) return std::nullopt;
    out.u32(packet.sender).u32(0);
    for (const FullIntraRequest::Entry &entry : packet.entries)
        out.u32(entry.ssrc).u8(entry.sequence).u24(0);
    return Head{type_payload, format_intra_request};
}

std::optional<Head> write_body(const ReceiverEstimate &packet, Writer &out) {
    if (packet.ssrcs.size() > max_estimate_ssrcs) return std::nullopt;
    const unsigned width = static_cast<unsigned>(std::bit_width(packet.bitrate));
    const unsigned exponent = width > mantissa_bits ? width - mantissa_bits : 0;
    out.u32(packet.sender).u32(0).u32(estimate_name).u8(packet.ssrcs.size());
    out.u24(uint64_t(exponent) << mantissa_bits | packet.bitrate >> exponent);
    for (const uint32_t ssrc : packet.ssrcs)
        out.u32(ssrc);
    return Head{type_payload, format_application};
}

} // namespace penstock::rtp::rtcp
