// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks the SRTP and SRTCP that one side of a call receives, and decrypts them in their place.
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
class Receiver {
public:
    /// Only an SSRC with an authentic packet counts as a stream; a peer that has sent
    /// `max_streams` gets no further one, since a stream that is forgotten could be replayed.
    Receiver(Profile profile, const MasterKey &master, size_t max_streams = 64)
        : master_(master), max_streams_(max_streams), profile_(profile) {}

    /// Decrypts an SRTP packet in its place; what is left is `size` bytes of RTP. A packet that is
    /// not authentic is destroyed. Throws std::bad_alloc at the first packet of a stream only.
    Outcome unprotect(std::span<uint8_t> packet);
    /// The same for SRTCP, which may throw std::bad_alloc at any packet.
    Outcome unprotect_rtcp(std::span<uint8_t> packet);

    Profile profile() const { return profile_; }
    /// SSRCs of RTP with an authentic packet.
    size_t streams() const { return rtp_streams_.size(); }

private:
    struct RtcpStream {
        uint32_t ssrc = 0;
        ReplayWindow<128> window{};
    };

    std::optional<Transform> rtp_; ///< made when it is needed
    /// Derived when they are needed. RTCP is so rare that its transform is made for each packet.
    std::optional<SessionKeys> rtcp_;
    std::vector<RtpStream> rtp_streams_;
    std::vector<RtcpStream> rtcp_streams_;
    MasterKey master_;
    size_t max_streams_;
    Profile profile_;
};

} // namespace penstock::srtp
