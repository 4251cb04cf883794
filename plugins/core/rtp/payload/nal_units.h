// SPDX-License-Identifier: LGPL-2.1-or-later
// The NAL unit header, in which the payload formats of H.264 (RFC 6184) and HEVC (RFC 7798) differ;
// all else of them is the same.
#pragma once

#include "core/codec/nal.h"

namespace penstock::rtp::payload {

/// Types of payloads beyond those of NAL units.
enum : uint8_t {
    avc_aggregate = 24, ///< STAP-A, RFC 6184 5.7.1
    avc_fragment = 28,  ///< FU-A, RFC 6184 5.8
    hevc_aggregate = 48,
    hevc_fragment = 49,
    hevc_paci = 50,
};

/// The header of a NAL unit, which payloads of all types begin with: bytes.
constexpr size_t nal_header_size(codec::NalCodec codec) {
    return codec == codec::NalCodec::avc ? 1 : 2;
}
/// `unit` must not be empty.
inline uint8_t nal_type(codec::NalCodec codec, ByteView unit) {
    return codec == codec::NalCodec::avc ? unit[0] & 0x1F : unit[0] >> 1 & 0x3F;
}
/// Whether a unit may be a payload of its own: its type is not one of those above, nor unspecified,
/// it is not marked as broken (forbidden_zero_bit), and its temporal id is possible.
inline bool can_be_payload(codec::NalCodec codec, ByteView unit) {
    if (unit.size() < nal_header_size(codec) || (unit[0] & 0x80) != 0) return false;
    const uint8_t type = nal_type(codec, unit);
    if (codec == codec::NalCodec::avc) return type > 0 && type < avc_aggregate;
    return type < hevc_aggregate && (unit[1] & 7) != 0;
}

} // namespace penstock::rtp::payload
