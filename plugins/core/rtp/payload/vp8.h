// SPDX-License-Identifier: LGPL-2.1-or-later
// VP8 frames as RTP payloads and back. RFC 7741.
#pragma once

#include "core/rtp/payload/video_depacketizer.h"

namespace penstock::rtp::payload {

/// Cuts frames into equal parts, regardless of their partitions. Each has a picture id of 15 bits.
class Vp8Packetizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit Vp8Packetizer(size_t budget = default_budget, uint16_t first_picture_id = 0)
        : budget_(valid_budget(budget)), picture_id_(first_picture_id & 0x7FFF) {}

    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const size_t budget_;
    uint16_t picture_id_; ///< of the next frame
};

/// Of a damaged frame there is what came before its first gap.
class Vp8Depacketizer final : public VideoDepacketizer {
private:
    Result add(ByteView payload) override;
    void lose() override { broken_ = true; }
    bool begins_another(ByteView payload) override;
    bool finish(Frame &frame) override;

    bool broken_ = false; ///< nothing is to be appended until a frame begins
};

} // namespace penstock::rtp::payload
