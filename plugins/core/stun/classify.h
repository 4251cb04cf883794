// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells the protocols apart that share one UDP port (RFC 7983, section 7; RFC 5761, section 4).
// Thread-safe.
#pragma once

#include "core/bytes/bytes.h"

#include <cstdint>

namespace penstock::stun {

enum class Protocol : uint8_t {
    stun,
    dtls,
    rtp,    ///< or SRTP
    rtcp,   ///< or SRTCP
    unknown ///< empty, too short, or of a range that WebRTC does not use
};

/// Classifies a datagram, or a frame of ICE-TCP, by its first byte; RTP and RTCP by the second. One
/// that is shorter than the fixed header of its protocol is unknown.
inline Protocol classify(ByteView datagram) {
    constexpr size_t stun_header = 20, dtls_header = 13, rtp_header = 12, rtcp_header = 8;
    const size_t size = datagram.size();
    if (size < rtcp_header) return Protocol::unknown;
    const uint8_t first = datagram[0];
    if (first <= 3) return size >= stun_header ? Protocol::stun : Protocol::unknown;
    if (first >= 20 && first <= 63) return size >= dtls_header ? Protocol::dtls : Protocol::unknown;
    if (first < 128 || first > 191) return Protocol::unknown;
    // RTCP's packet types. As payload types of RTP with the marker bit these would be 64 to 95,
    // which RTP does not use beside RTCP.
    if (datagram[1] >= 192 && datagram[1] <= 223) return Protocol::rtcp;
    return size >= rtp_header ? Protocol::rtp : Protocol::unknown;
}

} // namespace penstock::stun
