// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses the first bits of AV1, VP9 and VP8 frames.
#include "core/codec/keyframe.h"

#include "core/bytes/reader.h"

namespace penstock::codec {
namespace {

enum : uint8_t { obu_sequence_header = 1, obu_frame_header = 3, obu_frame = 6 };

// AV1 4.10.5: seven bits per byte, the lowest first.
uint64_t leb128(Reader &r) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) {
        const uint8_t byte = r.u8();
        value |= uint64_t(byte & 0x7F) << 7 * i;
        if ((byte & 0x80) == 0) break;
    }
    return value;
}

} // namespace

std::optional<bool> is_av1_entry(ByteView unit) {
    Reader r(unit);
    bool sequence_header = false;
    while (r.remaining() > 0) {
        const uint8_t first = r.u8();
        const uint8_t type = first >> 3 & 15;
        if ((first & 0x80) != 0) return std::nullopt;
        if (first & 4) r.skip(1); // extension
        const ByteView payload = first & 2 ? r.take(leb128(r)) : r.take(r.remaining());
        if (r.failed()) return std::nullopt;
        if (type == obu_sequence_header) sequence_header = true;
        if (type != obu_frame_header && type != obu_frame) continue;
        if (payload.empty()) return std::nullopt;
        const bool shows_earlier = payload[0] & 0x80, is_key = (payload[0] >> 5 & 3) == 0;
        const bool shown = payload[0] & 0x10;
        return !shows_earlier && is_key && (shown || sequence_header);
    }
    return std::nullopt;
}

std::optional<bool> is_vp9_entry(ByteView frame) {
    if (frame.empty() || frame[0] >> 6 != 2) return std::nullopt;
    // Profile 3 has one more bit before the two flags.
    const unsigned shift = (frame[0] >> 4 & 3) == 3 ? 1 : 2;
    const bool shows_earlier = frame[0] >> (shift + 1) & 1, is_inter = frame[0] >> shift & 1;
    return !shows_earlier && !is_inter;
}

std::optional<bool> is_vp8_entry(ByteView frame) {
    if (frame.size() < 3) return std::nullopt;
    return (frame[0] & 1) == 0;
}

std::optional<FrameSize> vp8_size(ByteView frame) {
    // A tag of three bytes, a start code, and two sides with scaling bits on top.
    if (frame.size() < 10 || (frame[0] & 1) != 0) return std::nullopt;
    if (frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A) return std::nullopt;
    const auto side = [&](size_t at) {
        return (unsigned(frame[at]) | unsigned(frame[at + 1]) << 8) & 0x3FFF;
    };
    return FrameSize{side(6), side(8)};
}

} // namespace penstock::codec
