// SPDX-License-Identifier: LGPL-2.1-or-later
// Audio whose payloads are nothing but frames: Opus (RFC 7587 4.2) and G.711 (RFC 3551 4.5.14).
#pragma once

#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// Each packet of the codec is a payload. Markers tell the beginning of talk after silence, which
/// only the caller knows: none is set.
class OpusPacketizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit OpusPacketizer(size_t budget = default_budget) : budget_(valid_budget(budget)) {}
    /// Errors: also a packet of more bytes than the budget, since Opus has no fragments.
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const size_t budget_;
};

/// Cuts samples into equal parts where they exceed the budget. One clock tick is a sample.
class G711Packetizer final : public Packetizer {
public:
    /// `channels`: 1 to 8, interleaved; clamped. `budget`: bytes of a payload, clamped likewise.
    explicit G711Packetizer(unsigned channels = 1, size_t budget = default_budget)
        : channels_(std::clamp(channels, 1u, 8u)), budget_(valid_budget(budget)) {}
    /// Errors: also a frame that is no multiple of the channels.
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const unsigned channels_;
    const size_t budget_;
};

/// Each payload is a frame, of both codecs.
class PlainAudioDepacketizer final : public Depacketizer {
public:
    Result push(const Packet &packet, std::vector<Frame> &out) override;

private:
    bool lost_ = false; ///< before the next payload
};

} // namespace penstock::rtp::payload
