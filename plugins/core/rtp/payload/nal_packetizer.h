// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264 and HEVC frames as RTP payloads. RFC 6184 in packetization mode 1 (non-interleaved),
// RFC 7798 without decoding order numbers.
#pragma once

#include "core/codec/nal_config.h"
#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// Takes frames of length-prefixed NAL units. Delimiters, filler and units of unspecified types are
/// left out. Before a keyframe without parameter sets come those of the configuration. Consecutive
/// small units share a payload; a large one is cut into equal fragments.
class NalPacketizer final : public Packetizer {
public:
    /// `codec` is avc or hevc. `budget`: bytes of a payload, clamped to what is valid.
    explicit NalPacketizer(codec::NalCodec codec, size_t budget = default_budget)
        : codec_(codec), budget_(valid_budget(budget)) {}

    /// An avcC or hvcC record. Without one, lengths have four bytes.
    Result configure(ByteView record) override;
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    struct Unit {
        ByteView bytes;
        bool of_frame; ///< else of the configuration, which may change while `bytes` is in use
    };
    Result split(ByteView frame, bool keyframe);
    void put(const Unit &unit, ByteView part, Payloads &out) const;
    void put_fragments(const Unit &unit, Payloads &out) const;
    void put_aggregate(std::span<const Unit> units, Payloads &out) const;

    const codec::NalCodec codec_;
    const size_t budget_;
    codec::NalConfig config_;
    std::vector<Unit> units_; ///< of the frame being packetized
};

} // namespace penstock::rtp::payload
