// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds where the header of an RTP packet ends, for SRTP; the verdicts on packets.
#pragma once

#include "core/bytes/bytes.h"

#include <cstddef>
#include <cstdint>

namespace penstock::srtp {

constexpr size_t rtp_fixed_size = 12, rtcp_head_size = 8;
/// Bytes that encryption adds at most to a packet.
constexpr size_t max_rtp_growth = 16, max_rtcp_growth = 20;

/// What became of a packet.
enum class Verdict : uint8_t {
    ok,
    malformed,        ///< no RTP or RTCP, or too short
    no_room,          ///< the output is too small
    repeated,         ///< its index was used before
    too_old,          ///< its index is below the window of those remembered
    not_authentic,    ///< its tag is wrong: damaged, forged, or of other keys
    not_encrypted,    ///< an SRTCP packet that is authenticated only
    too_many_streams, ///< it is of an SSRC beyond those allowed
    exhausted,        ///< all indices of these keys are used (RFC 3711, section 9.2)
    failed            ///< OpenSSL could not
};

/// For the log, in a few words.
const char *describe(Verdict verdict);

/// `size` bytes of the packet are valid; 0 unless it is ok.
struct Outcome {
    Verdict verdict = Verdict::ok;
    size_t size = 0;
    bool ok() const { return verdict == Verdict::ok; }
};

/// What an RTP packet has before its payload (RFC 3550, sections 5.1 and 5.3.1): the fixed header,
/// CSRCs, extension. 0 if `packet` has no such header, or not the whole of it.
size_t rtp_header_size(ByteView packet);

/// Whether it begins as an RTCP packet (RFC 3550, section 6.4.1), and has that header whole.
bool is_rtcp(ByteView packet);

} // namespace penstock::srtp
