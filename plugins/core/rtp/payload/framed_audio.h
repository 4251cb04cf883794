// SPDX-License-Identifier: LGPL-2.1-or-later
// Audio whose frames have headers of their own, as RTP payloads: MP3 (RFC 2250, section 3.5), AC-3
// (RFC 4184) and E-AC-3 (RFC 4598).
#pragma once

#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// One frame in each payload; one that is too long is cut into equal fragments.
class MpegAudioPacketizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit MpegAudioPacketizer(size_t budget = default_budget) : budget_(valid_budget(budget)) {}
    /// Errors: also a frame of more than 65,535 bytes.
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const size_t budget_;
};

/// The same for AC-3, or E-AC-3.
class Ac3Packetizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit Ac3Packetizer(bool enhanced, size_t budget = default_budget)
        : enhanced_(enhanced), budget_(valid_budget(budget)) {}
    /// Errors: also a frame that would need more than 255 fragments.
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const bool enhanced_;
    const size_t budget_;
};

} // namespace penstock::rtp::payload
