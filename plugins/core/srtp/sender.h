// SPDX-License-Identifier: LGPL-2.1-or-later
// Encrypts the RTP and RTCP that one side of a call sends (SRTP, SRTCP). A payload that many
// viewers share is read from where it is, and not changed.
#pragma once

#include "core/srtp/keys.h"
#include "core/srtp/packet.h"
#include "core/srtp/replay.h"
#include "core/srtp/transform.h"

#include <optional>
#include <span>
#include <vector>

namespace penstock::srtp {

/// Not thread-safe. About 1.2 kB from the first packet of RTP on, and 150 bytes for each SSRC.
class Sender {
public:
    /// Streams are told apart by SSRC; of more than `max_streams` packets are refused.
    Sender(Profile profile, const MasterKey &master, size_t max_streams = 16)
        : master_(master), max_streams_(max_streams), profile_(profile) {}

    /// Writes an SRTP packet: `header`, which is copied, the encryption of `payload`, whose pieces
    /// are one behind the other, and the tag. `header` is all before the payload; it may stand at
    /// the beginning of `out` already. Needs room for both and tag_size().
    ///
    /// The first packet of an SSRC sets its rollover counter to 0: with a sequence number below
    /// 2^15 no receiver that lost the first packets guesses another. Packets may be out of order by
    /// 1024 at most, and none from before the first across sequence number 0 is taken; each
    /// sequence number is encrypted once, as a second use would tell the keys. Throws
    /// std::bad_alloc at the first packet of a stream only.
    Outcome protect(ByteView header, std::span<const ByteView> payload, std::span<uint8_t> out) {
        return protect(header, payload, out, false);
    }
    Outcome protect(ByteView header, ByteView payload, std::span<uint8_t> out) {
        return protect(header, {&payload, 1}, out, false);
    }
    /// The same for a packet that was sent before and is sent again, in answer to a NACK. It has to
    /// be what it was to the last bit, its header extension too; what differs is sent as RTX (RFC
    /// 4588). Refused as malformed if it was not sent.
    Outcome protect_again(ByteView header, std::span<const ByteView> payload,
                          std::span<uint8_t> out) {
        return protect(header, payload, out, true);
    }

    /// Writes an SRTCP packet; needs room for max_rtcp_growth bytes more than `packet`, a compound
    /// of whole RTCP packets, which may stand at the beginning of `out`. Throws std::bad_alloc.
    Outcome protect_rtcp(ByteView packet, std::span<uint8_t> out);

    Profile profile() const { return profile_; }

private:
    Outcome protect(ByteView header, std::span<const ByteView> payload, std::span<uint8_t> out,
                    bool again);

    std::optional<Transform> rtp_; ///< made when it is needed
    /// Derived when they are needed. RTCP is so rare that its transform is made for each packet.
    std::optional<SessionKeys> rtcp_;
    std::vector<RtpStream> streams_;
    MasterKey master_;
    size_t max_streams_;
    uint32_t rtcp_index_ = 0; ///< of the next packet, whatever SSRC it is of
    Profile profile_;
};

} // namespace penstock::srtp
