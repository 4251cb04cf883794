// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srtp/packet.h"

namespace penstock::srtp {
namespace {

constexpr uint8_t version_bits = 0xC0, version_2 = 0x80, extension_bit = 0x10, csrc_bits = 0x0F;

} // namespace

const char *describe(Verdict verdict) {
    switch (verdict) {
    case Verdict::ok:
        return "valid";
    case Verdict::malformed:
        return "malformed";
    case Verdict::no_room:
        return "too large";
    case Verdict::repeated:
        return "repeated";
    case Verdict::too_old:
        return "too old";
    case Verdict::not_authentic:
        return "not authentic";
    case Verdict::not_encrypted:
        return "not encrypted";
    case Verdict::too_many_streams:
        return "of too many streams";
    case Verdict::exhausted:
        return "beyond what its keys may encrypt";
    case Verdict::failed:
        break;
    }
    return "not processed by OpenSSL";
}

size_t rtp_header_size(ByteView packet) {
    if (packet.size() < rtp_fixed_size || (packet[0] & version_bits) != version_2) return 0;
    size_t size = rtp_fixed_size + 4 * size_t(packet[0] & csrc_bits);
    if (packet[0] & extension_bit) {
        if (packet.size() < size + 4) return 0;
        size += 4 + 4 * (size_t(packet[size + 2]) << 8 | packet[size + 3]);
    }
    return packet.size() < size ? 0 : size;
}

bool is_rtcp(ByteView packet) {
    return packet.size() >= rtcp_head_size && (packet[0] & version_bits) == version_2;
}

} // namespace penstock::srtp
